"""The sheets of an `.xlsx` workbook and what they share: strings, number formats, the first day of the calendar."""

import posixpath
import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from activities.ledger_file.problems import UnreadableLedger
from activities.ledger_file.sheet import EXCEL_EPOCH, Sheet
from activities.ledger_file.worksheet import BROKEN, Strings, rows
from activities.ledger_file.xml_stream import LARGEST_STRINGS, elements, texts

_MAC_EPOCH = date(1904, 1, 1)


class _Target(NamedTuple):
    """What a part of the package refers to."""

    id: str
    kind: str
    part: str


def visible_sheets(path: Path) -> list[Sheet]:
    """The visible worksheets in their order. Raises `UnreadableLedger`."""
    try:
        with ZipFile(path) as book:
            package = _targets(book, "") if "_rels/.rels" in book.namelist() else []
            main = next((target.part for target in package if target.kind == "officeDocument"), "")
            if not main.endswith("workbook.xml"):
                why = "an archive or another Office document"
                raise UnreadableLedger("not-a-spreadsheet", where=path.name, why=why)
            return list(_worksheets(path, book, main))
    except BROKEN as error:
        raise UnreadableLedger("damaged", where=f"{path.name}, workbook", why=error) from error


def _worksheets(path: Path, book: ZipFile, main: str) -> Iterator[Sheet]:
    strings, zeros, parts, epoch = Strings(), list[int](), dict[str, str](), EXCEL_EPOCH
    for target in _targets(book, main):
        match target.kind:
            case "worksheet":
                parts[target.id] = target.part
            case "sharedStrings":
                for _ in texts(book, target.part, "si", lambda _, text: strings.append(text), largest=LARGEST_STRINGS):
                    pass
            case "styles":
                zeros = _filled_up(book, target.part)
    for tag, found in elements(book, main):
        if found.get("date1904") in ("1", "true"):
            epoch = _MAC_EPOCH
        if tag == "sheet" and found.get("state", "visible") == "visible" and found.get("id") in parts:
            title, part = found.get("name", ""), parts[found["id"]]
            read = partial(rows, path, title, part, strings, zeros)
            yield Sheet(title, read, _claimed_height(book, part), epoch)


def _targets(book: ZipFile, of: str) -> list[_Target]:
    """What a part refers to, the package itself where `of` is empty; some programs put the workbook at another path."""
    folder, name = posixpath.split(of)
    return [
        _Target(
            it.get("Id", ""),
            posixpath.basename(it.get("Type", "")),
            posixpath.normpath(posixpath.join("/", folder, it.get("Target", ""))).lstrip("/"),
        )
        for tag, it in elements(book, posixpath.join(folder, "_rels", f"{name}.rels"))
        if tag == "Relationship"
    ]


def _filled_up(book: ZipFile, part: str) -> list[int]:
    """For each cell style the digits that its number format fills up with zeros: 410023 as 0000000 is 0410023."""
    widths: dict[str, int] = {}
    styles: list[int] = []
    group = ""
    for tag, found in elements(book, part):
        if tag == "numFmt" and (zeros := re.fullmatch(r"(0{2,30})(?:[;_].*)?", found.get("formatCode", ""))):
            widths[found.get("numFmtId", "")] = len(zeros[1])
        elif tag in ("cellStyleXfs", "cellXfs", "cellStyles"):
            group = tag
        elif tag == "xf" and group == "cellXfs":
            styles.append(widths.get(found.get("numFmtId", ""), 0))
    return styles


def _claimed_height(book: ZipFile, part: str) -> int | None:
    """Rows that the sheet says it has; one that claims a single cell, or nothing, has not counted them."""
    with book.open(part) as stream:
        found = re.search(rb'<(?:\w+:)?dimension ref="[A-Z]+[0-9]+:[A-Z]+([0-9]{1,7})"', stream.read(4096))
    return int(found[1]) if found else None
