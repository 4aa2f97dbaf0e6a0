"""Papers come out of the press as what was written on them, whatever that is, and always as the same bytes."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from typer.testing import CliRunner

from activities.papers import Press, Unprintable, code_svg
from cli import app
from domain.calendars import CHINA
from domain.money import Yuan
from domain.papers import Code, Paper, Picture
from policies.packs import PackError, also_in
from policies.templates import templates
from tests.own_packs import JINAN, looked_up_in

SLIP = """
#import "letter.typ": letter, fields, ruled, money, day, qr, picture
#let paper(d) = letter(from: "供水公司", title: d.title, no: d.no, foot: [编号 #d.no])[
  #fields(([户名], d.customer), ([金额], money(d.amount)), ([地址], none), ([日期], day(d.on)))
  #ruled((1fr, auto), head: ([账单], [金额]), ..d.bills.map(b => (b, money(d.amount))).flatten())
  #if d.code != none { qr(d.code, 24mm) }
  #if d.photo != none { picture(d.photo, height: 40mm) }
]
"""


class Slip(Paper):
    title: str = "水费单"
    dated_at: datetime = datetime(2026, 3, 12, 10, tzinfo=CHINA)
    no: str = "D-1"
    customer: str = "王五"
    amount: Yuan = 123486040
    on: str = "2026-03-12"
    bills: tuple[str, ...] = ("B1",)
    code: Code | None = None
    photo: Picture | None = None


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """Write a template into the utility's own folder, by its path there."""
    folder = tmp_path / "own"

    def write(path: str, text: str) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")

    write("papers/slip.typ", SLIP)
    with looked_up_in(folder):
        yield write


@pytest.fixture
def press() -> Press:
    return Press(templates)


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


@pytest.mark.usefixtures("own")
def test_a_paper_says_what_its_values_say(press: Press) -> None:
    (page,) = pages(press.printed("slip", Slip(), pack=JINAN))
    for words in ("水费单", "编号 D-1", "户名 王五", "1,234,860.40", "2026年3月12日", "第 1 页 共 1 页"):
        assert words in page
    assert "地址" not in page


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    "name",
    [
        '#panic("stop")',
        '"); #import "letter.typ": *',
        "$x^2$ *bold* _it_ `raw` @ref <label> // gone /* gone */",
        '#read("/etc/hostname")',
        "{{d.no}} {0} %s ${x}",
        "\\u{1F600} \\ #",
        "<script>alert(1)</script>",
    ],
)
def test_a_name_is_printed_and_never_run(press: Press, name: str) -> None:
    (page,) = pages(press.printed("slip", Slip(customer=name), pack=JINAN))
    printed = "".join(page.split())
    assert "".join(name.split()) in printed


@pytest.mark.usefixtures("own")
def test_signs_that_hide_or_turn_text_are_left_out(press: Press) -> None:
    (page,) = pages(press.printed("slip", Slip(customer="王\u202e五\x00六\u200f"), pack=JINAN))
    assert "户名 王五六" in page


@pytest.mark.usefixtures("own")
def test_equal_papers_are_equal_bytes_and_others_are_not(press: Press) -> None:
    one = press.printed("slip", Slip(), pack=JINAN)
    assert one == Press(templates).printed("slip", Slip(), pack=JINAN)
    assert one != press.printed("slip", Slip(customer="王六"), pack=JINAN)
    assert b"D:20260312020000Z" in one


@pytest.mark.usefixtures("own")
def test_a_run_is_each_paper_on_sheets_of_its_own_in_their_order(press: Press) -> None:
    papers = [Slip(no=f"D-{at}", bills=("B",) * (60 if at == 1 else 1)) for at in range(5)]
    text = pages(press.print_run("slip", papers, pack=JINAN))
    numbers = [next(f"D-{at}" for at in range(5) if f"编号 D-{at}" in page) for page in text]
    assert numbers == ["D-0", "D-1", "D-1", "D-2", "D-3", "D-4"]


@pytest.mark.usefixtures("own")
def test_a_paper_of_several_sheets_counts_them(press: Press) -> None:
    first, second = pages(press.printed("slip", Slip(bills=("B",) * 60), pack=JINAN))
    assert "第 1 页 共 2 页" in first
    assert "第 2 页 共 2 页" in second
    assert "以下空白" in second
    assert "以下空白" not in first


@pytest.mark.usefixtures("own")
def test_codes_and_pictures_are_on_the_paper(press: Press, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (400, 300), "navy").save(photo)
    plain = press.printed("slip", Slip(), pack=JINAN)
    filled = press.printed(
        "slip",
        Slip(code=Code(text="https://pay.example.invalid/?n=D-1"), photo=Picture(sha256="ab" * 32)),
        pack=JINAN,
        pictures={"ab" * 32: photo},
    )
    assert b"/DCTDecode" in filled  # the JPEG as it is
    assert b"/DCTDecode" not in plain
    document = pypdfium2.PdfDocument(filled)
    seen = document[0].render(scale=1).to_pil().convert("RGB")
    document.close()
    navy = [
        count for count, (red, green, blue) in seen.getcolors(1 << 24) if red < 9 and green < 9 and 110 < blue < 145
    ]
    assert sum(navy) > 5000


def test_a_code_is_another_for_another_text() -> None:
    assert code_svg("https://a.example.invalid/1").startswith("<svg ")
    assert code_svg("a1") == code_svg("a1")
    assert code_svg("a1") != code_svg("a2")


def test_a_utility_prints_with_its_own_template_and_others_with_the_shared_one(
    own: Callable[[str, str], None], press: Press
) -> None:
    own("jinan/papers/slip.typ", SLIP.replace("供水公司", "济南自己的抬头"))
    assert "济南自己的抬头" in pages(press.printed("slip", Slip(), pack=JINAN))[0]
    assert "供水公司" in pages(press.printed("slip", Slip(), pack="kaifeng@2021-01-01"))[0]


def test_a_template_that_fails_says_nothing_of_the_paper(own: Callable[[str, str], None], press: Press) -> None:
    own("papers/slip.typ", '#let paper(d) = panic("no: " + d.customer)')
    with pytest.raises(Unprintable) as caught:
        press.printed("slip", Slip(), pack=JINAN)
    assert "王五" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(Unprintable, match="no such template"):
        press.printed("nothing", Slip(), pack=JINAN)
    with pytest.raises(Unprintable, match="no such template"):
        press.printed("../slip", Slip(), pack=JINAN)


def test_a_template_reads_nothing_outside_its_folder(own: Callable[[str, str], None], press: Press) -> None:
    for path in ("/etc/hostname", "../../../../../../etc/hostname"):
        own("papers/slip.typ", f'#let paper(d) = read("{path}")')
        with pytest.raises(Unprintable):
            press.printed("slip", Slip(), pack=JINAN)


def test_a_template_takes_nothing_from_elsewhere(own: Callable[[str, str], None], press: Press) -> None:
    own("papers/slip.typ", SLIP + '\n#import "@preview/tablex:0.0.8": tablex')
    with pytest.raises(PackError, match=r"slip\.typ:\d+:9: file: takes a package from elsewhere"):
        press.printed("slip", Slip(), pack=JINAN)


def test_packs_check_reads_the_templates_of_the_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "slip.typ").write_text("#let paper(d) = [", encoding="utf-8")
    monkeypatch.setenv("GUANJIA_PACKS", str(tmp_path))
    try:
        done = CliRunner().invoke(app, ["packs", "check"])
        assert done.exit_code == 1
        assert "slip.typ" in done.output
        assert "unclosed delimiter" in done.output
    finally:
        also_in(None)


def test_fonts_of_the_utilitys_own_come_first(own: Callable[[str, str], None], tmp_path: Path) -> None:
    empty = tmp_path / "fonts"
    empty.mkdir()
    assert pages(Press(templates, fonts=empty).printed("slip", Slip(), pack=JINAN))[0].startswith("供水公司")
