"""The sheets of an `.xlsx` workbook and what they share: strings, number formats, the first day of the calendar."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from activities.ledger_file.sheet import EXCEL_EPOCH, Sheet
from activities.ledger_file.unreadable import damaged, wrong_type
from activities.ledger_file.worksheet import BROKEN, Shared, Strings, claimed_height, plain_text, rows
from activities.ledger_file.xml_stream import attributes, finished, local

_MAC_EPOCH = date(1904, 1, 1)
_LARGEST_STRINGS = 1 << 28  # unpacked: memory has to hold their text


class _Target(NamedTuple):
    """What a part of the package refers to."""

    id: str
    kind: str
    part: str


def visible_sheets(path: Path) -> list[Sheet]:
    """The visible worksheets in their order. Raises `UnreadableLedger`."""
    try:
        with zipfile.ZipFile(path) as book:
            package = _targets(book, "") if "_rels/.rels" in book.namelist() else []
            main = next((target.part for target in package if target.kind == "officeDocument"), "")
            if not main.endswith("workbook.xml"):
                raise wrong_type(path.name, "an archive or another Office document")
            return list(_worksheets(path, book, main))
    except BROKEN as error:
        raise damaged(path.name, "workbook", error) from error


def _worksheets(path: Path, book: zipfile.ZipFile, main: str) -> Iterator[Sheet]:
    strings, zeros, parts, epoch = Strings(), list[int](), dict[str, str](), EXCEL_EPOCH
    for target in _targets(book, main):
        match target.kind:
            case "worksheet":
                parts[target.id] = target.part
            case "sharedStrings":
                for _, item in finished(book, target.part, depth=1, largest=_LARGEST_STRINGS):
                    strings.append(plain_text(item))
            case "styles":
                zeros = _filled_up(book, target.part)
    for _, element in finished(book, main, depth=1):
        if local(element.tag) == "workbookPr" and element.get("date1904") in ("1", "true"):
            epoch = _MAC_EPOCH
        for sheet in element if local(element.tag) == "sheets" else ():
            found = attributes(sheet)
            if found.get("state", "visible") == "visible" and (part := parts.get(found.get("id", ""))):
                title = found.get("name", "")
                read = partial(rows, path, title, part, Shared(strings, zeros))
                yield Sheet(title, read, claimed_height(book, part), epoch)


def _targets(book: zipfile.ZipFile, of: str) -> list[_Target]:
    folder, name = posixpath.split(of)
    found = [attributes(it) for _, it in finished(book, posixpath.join(folder, "_rels", f"{name}.rels"), depth=1)]
    return [
        _Target(
            it.get("Id", ""),
            posixpath.basename(it.get("Type", "")),
            posixpath.normpath(posixpath.join("/", folder, it.get("Target", ""))).lstrip("/"),
        )
        for it in found
    ]


def _filled_up(book: zipfile.ZipFile, part: str) -> list[int]:
    """For each cell style the digits that its number format fills up with zeros: 410023 as 0000000 is 0410023."""
    widths: dict[str, int] = {}
    styles: list[int] = []
    for group, it in finished(book, part, depth=2):
        match local(group.tag), local(it.tag):
            case "numFmts", "numFmt":
                if zeros := re.fullmatch(r"(0{2,30})(?:[;_].*)?", it.get("formatCode", "")):
                    widths[it.get("numFmtId", "")] = len(zeros[1])
            case "cellXfs", "xf":
                styles.append(widths.get(it.get("numFmtId", ""), 0))
    return styles
