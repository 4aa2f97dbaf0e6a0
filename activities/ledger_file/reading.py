"""From a file to its ledger: which sheet, which header, then its rows as a stream."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activities.ledger_file.checks import Checks
from activities.ledger_file.delimited_text import text_sheet
from activities.ledger_file.header import Header, columns_missing, find_header
from activities.ledger_file.rows import OverdueRow, RowError
from activities.ledger_file.sheet import Sheet
from activities.ledger_file.unreadable import empty, encrypted, wrong_type
from activities.ledger_file.workbook import visible_sheets

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")


@dataclass(frozen=True)
class LedgerFile:
    """The checked rows of a ledger, streamed: memory grows by some 300 bytes a bill, to tell what contradicts it.

    Iterating yields each row as one `OverdueRow`, or as a `RowError` for every problem in it, in file order; it may be
    done again and may raise `UnreadableLedger` where the damage lies deeper than the head. Blank rows, totals, repeated
    headings and signature lines are passed over.
    """

    path: Path
    sha256: str
    _sheet: Sheet = field(repr=False)
    _header: Header = field(repr=False)

    @property
    def sheet(self) -> str:
        """Title of the sheet that is read; of a text file its name."""
        return self._sheet.title

    @property
    def header_row(self) -> int:
        return self._header.row

    @property
    def headings(self) -> dict[str, str]:
        """The heading of each field that has a column, as the file writes it."""
        return self._header.headings

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headings that no field of ours answers to."""
        ours = self._header.columns.values()
        return tuple(title for index, title in self._header.titles.items() if index not in ours)

    @property
    def total_rows(self) -> int | None:
        """Rows that the file claims, for a progress bar: near, not exact, None where it does not say."""
        return None if self._sheet.height is None else max(self._sheet.height - self._header.row, 0)

    def __iter__(self) -> Iterator[OverdueRow | RowError]:
        checks = Checks(self._header, epoch=self._sheet.epoch)
        for row, cells in self._sheet.rows():
            if row <= self._header.row or checks.is_no_bill(cells):
                continue
            match checks.checked(row, cells):
                case OverdueRow() as bill:
                    yield bill
                case errors:
                    yield from errors


def read_ledger(path: Path) -> LedgerFile:
    """Open an `.xlsx` or `.csv` ledger and find its header; rows are read when the result is iterated.

    The kind is told from the content. Of a workbook the first visible sheet with a full header counts; the header may
    stand under title rows. Text may be UTF-8, UTF-16 with its mark, or GB18030, split by comma, tab, semicolon or bar.
    Raises `UnreadableLedger` when the file is no ledger, `OSError` when it cannot be opened at all.
    """
    found: list[tuple[Sheet, Header]] = []
    for sheet in _sheets(path):
        if header := find_header(sheet):
            found.append((sheet, header))
            if not header.missing:
                with path.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                return LedgerFile(path, digest, sheet, header)
    if not found:
        raise empty(path.name)
    raise columns_missing(*max(found, key=lambda it: len(it[1].columns)))


def _sheets(path: Path) -> Sequence[Sheet]:
    with path.open("rb") as stream:
        head = stream.read(4096)
        if head.startswith(_OLE):
            if "EncryptedPackage".encode("utf-16-le") in head + stream.read(1 << 24):
                raise encrypted(path.name)
            raise wrong_type(path.name, "the old .xls format, or another Office document")
    if head.startswith(_ZIP):
        return visible_sheets(path)
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head and (path.suffix.casefold() in (".xlsx", ".xlsm", ".xls") or start.startswith((b"%pdf", b"<", b"{"))):
        raise wrong_type(path.name, "a page, a document or another kind of file under a spreadsheet's name")
    return [text_sheet(path)]
