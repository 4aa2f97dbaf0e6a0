"""What can be wrong with a cell, a row or a whole file, worded in wording.toml."""

import re
from typing import NamedTuple

from activities.ledger_file.words import WORDING


class Problem(NamedTuple):
    """What is wrong and what to do about it, with places for {details}."""

    en: str
    zh: str
    mend: str
    mend_zh: str


PROBLEMS = {key: Problem(*worded) for key, worded in WORDING["problems"].items()}


class Refused(Exception):
    """A cell that is not taken, with the key of its problem."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


class UnreadableLedger(Exception):
    """The file is not a ledger at all: what is wrong, where, and what the person who sent it can do."""

    def __init__(self, problem: str, *, where: str, said: Problem | None = None, **details: object) -> None:
        said = said or PROBLEMS[problem]
        self.what, self.what_zh = said.en.format(**details), said.zh.format(**details)
        self.where, self.mend, self.mend_zh = where, said.mend, said.mend_zh
        super().__init__(f"{self.what} ({where}). {self.mend}")


def masked(field: str, text: str) -> str:
    """Enough to know a cell again; long runs of digits are masked in every column, for columns get shifted."""
    if field in ("name", "address", "phone"):
        return text[:1] + "*" * min(len(text) - 1, 7)
    return re.sub(r"[0-9]{11,}", lambda run: f"{run[0][:3]}{'*' * (len(run[0]) - 7)}{run[0][-4:]}", text[:40])
