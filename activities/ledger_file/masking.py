"""Cells shown in errors: enough to know the cell again, not enough to know the customer."""

import re


def masked(field: str, text: str) -> str:
    """Phone and identity lengths are masked in every column, for columns get shifted."""
    match field:
        case "name":
            return starred(text[:8], 1, 0)
        case "address":
            return text[:4] + "…"
        case "phone":
            return starred(text, 3, 2)
        case _:
            shown = text if len(text) <= 40 else text[:39] + "…"
            return re.sub(r"[0-9]{11,}", lambda run: starred(run[0], 3, 4), shown)


def starred(text: str, head: int, tail: int) -> str:
    """All but so many characters as stars, at most twelve of them; a short text keeps its first only."""
    if len(text) <= head + tail:
        head, tail = 1, 0
    return text[:head] + "*" * min(len(text) - head - tail, 12) + text[len(text) - tail :]
