"""Every list as Excel: what the page shows and no more, in cells that no program carries out."""

import io
import zipfile
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from api import workbooks
from api.workbooks import Column, Sheet, every_row, written
from domain.calendars import CHINA
from store.keyset import Page
from tests.api.conftest import Site, opening

NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LISTS = ("tasks", "cases", "board", "arrears-work", "approvals")
EVIL = ('=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(1,1)", "=cmd|' /C calc'!A0", "\t=1+1", "＝1＋1")


class Read:
    """A workbook read again with nothing but zip and XML."""

    def __init__(self, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            assert book.testzip() is None
            self.names = book.namelist()
            self.raw = book.read("xl/worksheets/sheet1.xml").decode()
            self.root = ElementTree.fromstring(self.raw)  # noqa: S314 - we have just written it
            styles = ElementTree.fromstring(book.read("xl/styles.xml"))  # noqa: S314
        self.formats = styles.find(f"{NS}cellXfs").findall(f"{NS}xf")
        self.codes = {each.get("numFmtId"): each.get("formatCode") for each in styles.iter(f"{NS}numFmt")}
        self.rows: list[list[Any]] = []
        for row in self.root.iter(f"{NS}row"):
            cells: dict[int, Any] = {}
            for cell in row.iter(f"{NS}c"):
                column = 0
                for letter in cell.get("r").rstrip("0123456789"):
                    column = column * 26 + ord(letter) - 64
                if cell.get("t") == "inlineStr":
                    cells[column - 1] = "".join(cell.itertext())
                else:
                    assert cell.get("t") in (None, "n")
                    cells[column - 1] = float(cell.findtext(f"{NS}v"))
            self.rows.append([cells.get(index) for index in range(max(cells, default=-1) + 1)])
        self.head = self.rows[0]

    def table(self) -> list[dict[str, Any]]:
        return [dict(zip(self.head, [*row, *[None] * len(self.head)], strict=False)) for row in self.rows[1:]]

    def style(self, reference: str) -> tuple[ElementTree.Element, str | None]:
        cell = next(each for each in self.root.iter(f"{NS}c") if each.get("r") == reference)
        style = self.formats[int(cell.get("s", "0"))]
        return style, self.codes.get(style.get("numFmtId"))


def export(site: Site, name: str, who: str = "collector", *, language: str = "zh", **query: Any) -> Read:
    answer = site.http.get(f"/{name}.xlsx", headers=site.as_(who) | {"Accept-Language": language}, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == workbooks.MEDIA_TYPE
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Cache-Control"] == "no-store"
    return Read(answer.content)


@pytest.fixture
def grid(site: Site, account_no: str) -> str:
    """A grid of its own with a collector, and three cases with names that a spreadsheet might carry out."""
    grid = f"G{account_no}"
    site.add(f"of-{grid}", "collector", grid=grid)
    for number, name in enumerate(EVIL[:3]):
        account = opening(f"{account_no}x{number}", grid=grid, name=name, address=EVIL[number + 3], amount="1860.55")
        answer = site.post("/arrears-cases", account, who="clerk")
        assert answer.status_code == 201, answer.text
    return grid


def test_a_collector_of_a_grid_exports_it_alone_and_whole(site: Site, grid: str) -> None:
    who = f"of-{grid}"
    for name in ("tasks", "cases", "arrears-work"):
        book = export(site, name, who)
        assert len(book.rows) == 4, name
        assert {row["网格"] for row in book.table()} == {grid}
    assert len(export(site, "arrears-work", who, grid="elsewhere").rows) == 1
    assert len(export(site, "cases", "collector", grid=grid).rows) == 4
    outside = site.somebody("customer")
    for name in LISTS:
        assert len(export(site, name, outside).rows) == 1


def test_the_rows_are_those_of_the_list_in_its_order(site: Site, grid: str) -> None:
    who = f"of-{grid}"
    listed = [item["task_id"].rpartition("-")[0] for item in site.get("/tasks", who).json()["items"]]
    assert [row["案号"] for row in export(site, "tasks", who).table()] == listed
    few = site.get("/tasks", who, q=listed[0]).json()["items"]
    assert len(export(site, "tasks", who, q=listed[0]).rows) == len(few) + 1 == 2
    assert [row["案号"] for row in export(site, "cases", who, order="oldest").table()] == sorted(listed)


def test_filters_of_the_address_bar_are_taken_and_unknown_ones_passed_over(site: Site, grid: str) -> None:
    who = f"of-{grid}"
    empty = {"group": "", "process": "", "key": "", "q": "", "mine": "false", "after": "", "nonsense": "1"}
    assert len(export(site, "tasks", who, **empty).rows) == 4
    assert len(export(site, "tasks", who, mine="true").rows) == 1
    assert len(export(site, "tasks", who, process="connection").rows) == 1
    work = {"stage": "", "grid": "", "section": "", "amount": "", "order": "route", "q": ""}
    assert len(export(site, "arrears-work", who, **work).rows) == 4
    assert len(export(site, "arrears-work", who, **work | {"amount": "2000"}).rows) == 1
    assert len(export(site, "board", "clerk", phase="", kind="", responsible="", order="newest").rows) >= 1
    assert site.get("/arrears-work.xlsx", who, amount="much").json()["code"] == "form-invalid"


def test_no_text_is_ever_a_formula_or_a_link(site: Site, grid: str) -> None:
    book = export(site, "arrears-work", f"of-{grid}")
    assert {row["户名"] for row in book.table()} == set(EVIL[:3])
    assert {row["地址"] for row in book.table()} == {text.strip() for text in EVIL[3:6]}
    assert not list(book.root.iter(f"{NS}f"))
    assert "hyperlink" not in book.raw.lower().replace("=hyperlink(", "")
    assert not any("rels" in name and "sheet" in name for name in book.names)
    style, _ = book.style("C2")
    assert style.get("quotePrefix") == "1"


def test_cells_have_types(site: Site, grid: str) -> None:
    book = export(site, "arrears-work", f"of-{grid}")
    row = book.table()[0]
    assert row["欠费（元）"] == 1860.55
    assert book.style("G2")[1] == "#,##0.00"
    listed = site.get("/cases", f"of-{grid}").json()["items"]
    opened = next(item["opened_at"] for item in listed if item["case_no"] == row["案号"])

    at = (datetime(1899, 12, 30, tzinfo=CHINA) + timedelta(days=row["立案时间"])).isoformat(timespec="minutes")
    assert at == datetime.fromisoformat(opened).astimezone(CHINA).isoformat(timespec="minutes")
    assert isinstance(row["最早应缴日"], float)
    assert row["最早应缴日"] == int(row["最早应缴日"])
    assert 'state="frozen"' in book.raw
    assert "<autoFilter" in book.raw


def test_those_who_watch_get_names_masked(site: Site, grid: str) -> None:
    rows = export(site, "arrears-work", "auditor", grid=grid).table()
    assert {row["户名"] for row in rows} == {"=**", "+**", "-**"}
    assert all("evil" not in str(row) for row in rows)


def test_a_list_beyond_the_cap_is_cut_and_says_so(site: Site, grid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "ROWS_A_PAGE", 1)
    assert len(export(site, "tasks", f"of-{grid}").rows) == 4
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    assert len(export(site, "tasks", f"of-{grid}").rows) == 4
    monkeypatch.setattr(workbooks, "MOST_ROWS", 2)
    book = export(site, "tasks", f"of-{grid}")
    assert (len(book.rows), "2" in book.rows[3][0]) == (4, True)
    assert "Only the first 2" in export(site, "tasks", f"of-{grid}", language="en").rows[3][0]


def test_titles_speak_the_language_of_the_reader(site: Site) -> None:
    for name in LISTS:
        assert all(not title.isascii() for title in export(site, name).head)
        assert all(title.isascii() for title in export(site, name, language="en-GB,en").head)
    cookie = {"Cookie": "language=en"}
    answer = site.http.get("/cases.xlsx", headers=site.as_("auditor") | cookie)
    assert "Cases" in answer.headers["Content-Disposition"]


def test_pages_are_walked_to_the_end_and_no_further(tmp_path: Any) -> None:
    asked: list[int] = []

    def read(after: str | None, limit: int) -> Page[int]:
        asked.append(limit)
        start = int(after or 0)
        rows = list(range(start, min(start + limit, 2500)))
        return Page(rows=rows, next=str(rows[-1] + 1) if rows[-1] < 2499 else None)

    assert list(every_row(read)) == list(range(2500))
    assert len(list(every_row(read, limit=1500))) == 1501
    assert asked == [1000, 1000, 1000, 1000, 501]
    sheet = Sheet("数", "Numbers", [Column("数", "Number", lambda row: row, "number")])
    told = written(tmp_path / "n.xlsx", sheet, iter(range(2500)), language="zh", limit=2500)
    assert told == (2500, False)
    assert len(Read((tmp_path / "n.xlsx").read_bytes()).rows) == 2501
