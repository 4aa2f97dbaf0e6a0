"""The rows of one worksheet: its XML as a stream, each cell as the text that Excel would show."""

import re
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from decimal import Context
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError  # parsing is in xml_stream

from activities.ledger_file.sheet import Rows
from activities.ledger_file.unreadable import damaged
from activities.ledger_file.xml_stream import finished, local

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, ParseError),
    *(EOFError, OSError, LookupError, ValueError, OverflowError, RuntimeError),
)
"""What a damaged package raises on the way down; it was opened and read before, so an OSError is a wrong seek."""

_LARGEST_SHEET = 1 << 30  # unpacked: all 1,048,576 rows fit
_FIFTEEN_DIGITS = Context(prec=15)
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}|-?[0-9]{1,9}\.[0-9]{0,4}[1-9]")


class Strings:
    """A workbook's shared strings in two flat buffers: a string object each would cost several times the text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q", [0])

    def append(self, text: str) -> None:
        self._text += text.encode("utf-8", "replace")
        self._ends.append(len(self._text))

    def __getitem__(self, at: int) -> str:
        if not 0 <= at < len(self._ends) - 1:
            raise ValueError(f"no shared string {at}")
        return self._text[self._ends[at] : self._ends[at + 1]].decode()


class Shared(NamedTuple):
    """What the sheets of a workbook share: strings, and the width in zeros of each cell style's number format."""

    strings: Strings
    zeros: Sequence[int]


def claimed_height(book: zipfile.ZipFile, part: str) -> int | None:
    """Rows that the sheet says it has; one that claims a single cell, or nothing, has not counted them."""
    with book.open(part) as stream:
        found = re.search(rb'<(?:\w+:)?dimension ref="[A-Z]+[0-9]+:[A-Z]+([0-9]{1,7})"', stream.read(4096))
    return int(found[1]) if found else None


def rows(path: Path, title: str, part: str, shared: Shared) -> Rows:
    """The rows of a sheet that are not blank. Raises `UnreadableLedger` where the damage is reached."""
    row = 0
    try:
        with zipfile.ZipFile(path) as book:
            for _, element in finished(book, part, depth=2, largest=_LARGEST_SHEET):
                if local(element.tag) == "row":
                    row = int(element.get("r", row + 1))
                    if cells := dict(_cells(element, shared)):
                        yield row, cells
    except BROKEN as error:
        raise damaged(path.name, f"sheet {title}, after row {row}", error) from error


def _cells(row: Element, shared: Shared) -> Iterator[tuple[int, str]]:
    index = -1
    for cell in row:
        reference = cell.get("r")
        index = _column_index(reference.rstrip("0123456789")) if reference else index + 1
        if text := _shown(cell, shared):
            yield index, text


@lru_cache
def _column_index(letters: str) -> int:
    if not re.fullmatch(r"[A-Z]{1,3}", letters):
        raise ValueError(f"no column {letters[:10]!r}")
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def _shown(cell: Element, shared: Shared) -> str:
    raw = ""
    for content in cell:
        match local(content.tag):
            case "v":
                raw = content.text or ""
            case "is":
                raw = plain_text(content)
    if not raw:
        return ""
    match cell.get("t", "n"):
        case "n":
            number, style = _shown_number(raw.strip()), int(cell.get("s", "0"))
            return number.zfill(shared.zeros[style]) if style < len(shared.zeros) and number.isdigit() else number
        case "s":
            raw = shared.strings[int(raw)]
        case "b":
            return "TRUE" if raw.strip() == "1" else "FALSE"
    if "_x" in raw:  # so Excel writes control characters, which XML cannot carry
        raw = re.sub(r"_x00[01][0-9A-Fa-f]_", " ", raw)
    return " ".join(raw.split())


def plain_text(string: Element) -> str:
    """The text of a string, rich or not; how it is pronounced (`rPh`) is no part of it."""
    text = ""
    for piece in string:
        match local(piece.tag):
            case "t":
                text += piece.text or ""
            case "r":
                text += plain_text(piece)
    return text


def _shown_number(raw: str) -> str:
    """A stored double as Excel shows it: fifteen digits, so that 86.400000000000006 is 86.4 again.

    A whole number beyond fifteen digits has lost the rest already; it comes out in scientific notation, as in Excel.
    """
    if _PLAIN_NUMBER.fullmatch(raw):
        return raw
    try:
        number = _FIFTEEN_DIGITS.create_decimal(raw).normalize(_FIFTEEN_DIGITS)
    except ArithmeticError:
        return raw  # no number at all: for the column to refuse
    return f"{number:f}" if number.is_finite() and -10 < number.adjusted() < 15 else f"{number:E}"
