"""From a file to its ledger: which sheet, which header, then its rows as a stream."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activities.ledger_file.delimited_text import text_sheet
from activities.ledger_file.problems import UnreadableLedger, masked
from activities.ledger_file.rows import Checks, OverdueRow, RowError
from activities.ledger_file.sheet import Header, Sheet, find_header
from activities.ledger_file.words import called, field_under
from activities.ledger_file.workbook import visible_sheets

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")


@dataclass(frozen=True)
class LedgerFile:
    """The checked rows of a ledger, streamed: memory grows by some 350 bytes a bill, to tell what contradicts it.

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
    def headings(self) -> Mapping[str, str]:
        """The file's own headings, by field."""
        return {name: self._header.titles[index] for name, index in self._header.columns.items()}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headings that no field answers to."""
        ours = self._header.columns.values()
        return tuple(title for index, title in self._header.titles.items() if index not in ours)

    @property
    def total_rows(self) -> int | None:
        """Rows that the file claims, for a progress bar: near, not exact, None where it does not say."""
        return None if self._sheet.height is None else max(self._sheet.height - self._header.row, 0)

    def __iter__(self) -> Iterator[OverdueRow | RowError]:
        checks = Checks(self._header.columns, self.headings, epoch=self._sheet.epoch)
        for row, cells in self._sheet.rows():
            if row > self._header.row and not checks.is_no_bill(cells):
                yield from checks.outcome(row, cells)


def read_ledger(path: Path) -> LedgerFile:
    """Open an `.xlsx` or `.csv` ledger and find its header; rows are read when the result is iterated.

    The kind is told from the content. Of a workbook the first visible sheet with a full header counts; the header may
    stand under title rows. Text may be UTF-8, UTF-16 with its mark, or GB18030, split by comma, tab, semicolon or bar.
    Raises `UnreadableLedger` when the file is no ledger, `OSError` when it cannot be opened at all.
    """
    found: list[tuple[Sheet, Header]] = []
    for sheet in sheets_of(path):
        if header := find_header(sheet):
            if not header.missing:
                with path.open("rb") as stream:
                    return LedgerFile(path, hashlib.file_digest(stream, "sha256").hexdigest(), sheet, header)
            found.append((sheet, header))
    if not found:
        raise UnreadableLedger("empty", where=f"{path.name}, every visible sheet")
    sheet, header = max(found, key=lambda it: len(it[1].columns))
    # with no heading known the row may be a customer's: then first characters only
    titles = "、".join(masked("" if header.columns else "name", title[:20]) for title in [*header.titles.values()][:20])
    where = f"{sheet.title}, row {header.row}, found: {titles}"
    raise UnreadableLedger("missing-columns", where=where, fields="、".join(map(called, header.missing)))


def sheets_of(path: Path, heads: Callable[[str], str | None] = field_under) -> Sequence[Sheet]:
    """The visible sheets of a workbook, or a text file as one sheet. Raises `UnreadableLedger`."""
    with path.open("rb") as stream:
        head = stream.read(4096)
        if head.startswith(_OLE):
            if "EncryptedPackage".encode("utf-16-le") in head + stream.read(1 << 24):
                raise UnreadableLedger("encrypted", where=path.name)
            why = "the old .xls format, or another Office document"
            raise UnreadableLedger("not-a-spreadsheet", where=path.name, why=why)
    if head.startswith(_ZIP):
        return visible_sheets(path)
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head and (path.suffix.casefold() in (".xlsx", ".xlsm", ".xls") or start.startswith((b"%pdf", b"<", b"{"))):
        why = "a page, a document or another kind of file under a spreadsheet's name"
        raise UnreadableLedger("not-a-spreadsheet", where=path.name, why=why)
    return [text_sheet(path, heads)]
