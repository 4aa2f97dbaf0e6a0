"""The rows of one worksheet, each cell as the text that Excel would show."""

import re
import struct
import zlib
from array import array
from collections.abc import Sequence
from decimal import Context
from functools import lru_cache
from pathlib import Path
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from activities.ledger_file.problems import UnreadableLedger
from activities.ledger_file.sheet import Cells, Rows
from activities.ledger_file.xml_stream import LARGEST_SHEET, Attributes, texts

BROKEN = (
    *(BadZipFile, zlib.error, struct.error, ExpatError, EOFError, OSError),
    *(LookupError, ValueError, OverflowError, RuntimeError),
)
"""What a damaged package raises on the way down; it was opened and read before, so an OSError is a wrong seek."""

_WIDEST = 1 << 14
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
        if at < 0:
            raise IndexError(f"no shared string {at}")
        return self._text[self._ends[at] : self._ends[at + 1]].decode()


def rows(path: Path, title: str, part: str, strings: Strings, zeros: Sequence[int]) -> Rows:
    """The rows that are not blank; `zeros` are the digits to fill up to by cell style. Raises `UnreadableLedger`."""
    begun: list[tuple[int, Cells]] = [(0, {})]
    index = -1

    def begin(attributes: Attributes) -> None:
        nonlocal index
        begun.append((int(attributes.get("r", begun[-1][0] + 1)), {}))
        index = -1

    def take(cell: Attributes, raw: str) -> None:
        nonlocal index
        reference = cell.get("r")
        index = _column_index(reference.rstrip("0123456789")) if reference else index + 1
        if raw and index < _WIDEST and (text := _shown(raw, cell, strings, zeros)):
            begun[-1][1][index] = text

    try:
        with ZipFile(path) as book:
            for _ in texts(book, part, "c", take, begin, largest=LARGEST_SHEET):
                yield from ((row, cells) for row, cells in begun[:-1] if cells)
                del begun[:-1]
    except BROKEN as error:
        where = f"{path.name}, sheet {title}, after row {begun[0][0]}"
        raise UnreadableLedger("damaged", where=where, why=error) from error
    if begun[-1][1]:
        yield begun[-1]


@lru_cache
def _column_index(letters: str) -> int:
    if not re.fullmatch(r"[A-Z]{1,3}", letters):
        raise ValueError(f"no column {letters[:10]!r}")
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _shown(raw: str, cell: Attributes, strings: Strings, zeros: Sequence[int]) -> str:
    kind = cell.get("t", "n")
    if kind == "n":
        number, style = _shown_number(raw.strip()), int(cell.get("s", "0"))
        return number.zfill(zeros[style]) if number.isdigit() and style < len(zeros) else number
    if kind == "b":
        return "TRUE" if raw.strip() == "1" else "FALSE"
    text = strings[int(raw)] if kind == "s" else raw
    if "_x" in text:  # so Excel writes control characters, which XML cannot carry
        text = re.sub(r"_x00[01][0-9A-Fa-f]_", " ", text)
    return " ".join(text.split())


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
