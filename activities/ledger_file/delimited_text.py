"""The rows of a `.csv` or another delimited text file, in the encodings that offices save."""

import codecs
import csv
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from activities.ledger_file.problems import UnreadableLedger
from activities.ledger_file.sheet import HEADER_WITHIN, Rows, Sheet
from activities.ledger_file.words import field_under

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20


def text_sheet(path: Path, heads: Callable[[str], str | None] = field_under) -> Sheet:
    """The file as one sheet, split by the delimiter that yields most headings. Raises `UnreadableLedger`."""
    encoding, lines = _scanned(path)
    with path.open(encoding=encoding) as stream:
        head = list(islice(stream, HEADER_WITHIN))
    delimiter = max(",\t;|", key=lambda mark: sum(bool(heads(cell)) for line in head for cell in line.split(mark)))
    return Sheet(path.name, partial(_rows, path, encoding, delimiter), lines)


def _scanned(path: Path) -> tuple[str, int]:
    """The encoding that fits every byte, and the number of lines."""
    with path.open("rb") as raw:
        wide = raw.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "gb18030"]:
        with path.open(encoding=encoding) as stream, suppress(UnicodeError):
            lines = unbroken = 0
            while chunk := stream.read(_CHUNK):
                breaks = chunk.count("\n")
                lines, unbroken = lines + breaks, 0 if breaks else unbroken + len(chunk)
                if "\0" in chunk or unbroken > _LONGEST_LINE:
                    break
            else:
                return encoding, lines
    raise UnreadableLedger("damaged", where=path.name, why="neither text nor a workbook")


def _rows(path: Path, encoding: str, delimiter: str) -> Rows:
    row = 0
    try:
        with path.open(encoding=encoding, newline="") as stream:
            # strict: a quotation mark never closed would otherwise swallow the rows after it without a word
            for row, record in enumerate(csv.reader(stream, delimiter=delimiter, strict=True), 1):
                if cells := {index: text for index, cell in enumerate(record) if (text := " ".join(cell.split()))}:
                    yield row, cells
    except (csv.Error, UnicodeError) as error:
        why = f"{error}, check the quotation marks"
        raise UnreadableLedger("damaged", where=f"{path.name}, after row {row}", why=why) from error
