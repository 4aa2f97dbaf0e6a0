"""A utility keeps its own packs outside the code, and they are as good as those that come with it."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select
from typer.testing import CliRunner

from cli import app
from domain.calendars import CHINA
from policies.packs import FOLDER, PackError, also_in, check_packs, clauses, load_pack, pack_files, pack_versions
from rehearsal.sample_ledger import write_sample_ledger
from runtime.embedded import import_with_progress
from settings import Settings
from store.database import Database
from store.tables import openings
from tests.own_packs import GRACE, JINAN, LONGER, looked_up_in, write_pack


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with looked_up_in(tmp_path / "packs") as own:
        yield own


def test_a_pack_in_the_folder_is_found_beside_the_others_and_is_the_newest(folder: Path) -> None:
    before = pack_versions()
    name = write_pack(folder, "2026-12-01", LONGER)
    assert set(pack_versions()) == {*before, name}
    assert load_pack(name).name == name
    assert load_pack("jinan").name == name
    assert load_pack(name).arrears != load_pack(JINAN).arrears


def test_a_folder_that_is_left_out_again_is_forgotten(tmp_path: Path) -> None:
    name = write_pack(tmp_path, "2026-12-01")
    with looked_up_in(tmp_path):
        load_pack(name)
    with pytest.raises(PackError, match="no such pack"):
        load_pack(name)


def test_a_pack_that_is_edited_is_read_again_when_the_folder_is_named_again(folder: Path) -> None:
    name = write_pack(folder, "2026-12-01", LONGER)
    first = load_pack(name).arrears
    write_pack(folder, "2026-12-01")
    assert load_pack(name).arrears == first
    also_in(folder)
    assert load_pack(name).arrears == load_pack(JINAN).arrears


def test_a_pack_may_not_take_the_name_of_one_that_comes_with_guanjia(folder: Path) -> None:
    write_pack(folder, "2020-01-29", LONGER)
    with pytest.raises(PackError, match="comes with Guanjia already"):
        load_pack(JINAN)
    assert "comes with Guanjia already" in check_packs([folder])[0]


def test_sentences_of_the_folder_can_be_named(folder: Path) -> None:
    text = (Path("policies") / "jinan" / "clauses.yaml").read_text(encoding="utf-8")
    (folder / "quanzhou").mkdir(parents=True)
    (folder / "quanzhou" / "clauses.yaml").write_text(text.replace("jinan.", "quanzhou."), encoding="utf-8")
    also_in(folder)
    assert "quanzhou.dunning.resident-wait-30-days" in clauses()
    ours = (GRACE, GRACE.replace("jinan.", "quanzhou."))
    assert load_pack(write_pack(folder, "2026-12-01", ours)).arrears is not None


def test_packs_check_reads_the_folder_of_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path, "2026-12-01", (GRACE, "resident: {value: P30X, chosen: true, reason: Wrong.}"))
    monkeypatch.setenv("GUANJIA_PACKS", str(tmp_path))
    try:
        done = CliRunner().invoke(app, ["packs", "check"])
        assert done.exit_code == 1
        assert f"{tmp_path / 'jinan' / '2026-12-01.yaml'}:" in done.output
        assert any(path.is_relative_to(tmp_path) for path in pack_files())
    finally:
        also_in(None)


def test_a_ledger_opens_cases_under_the_pack_in_force_not_under_one_to_come(
    folder: Path, tmp_path: Path, database: Database
) -> None:
    write_pack(folder, "2099-12-01", LONGER)
    sheet, today = tmp_path / "ledger.xlsx", datetime(2026, 3, 11, 9, tzinfo=CHINA)
    write_sample_ledger(sheet, accounts=5, seed=1, as_of=today.date())
    settings = Settings(pack="jinan", data=tmp_path)
    import_with_progress(settings, database, sheet, console=Console(quiet=True), now=today, by="administrator")
    with database.read() as connection:
        assert set(connection.scalars(select(openings.c.pack))) == {JINAN}


def test_the_standard_pack_under_another_name_is_a_utilitys_first(tmp_path: Path) -> None:
    """As docs/guides/packs.en.md begins: three lines change, and two rungs are another utility's."""
    standard = max((FOLDER / "standard").glob("*.yaml")).read_text(encoding="utf-8")
    own = re.sub(r"(?m)^pack: .*$", "pack: hanshui", standard)
    own = re.sub(r"(?m)^from: .*$", "from: 2026-07-01", own)
    first, dunning, rest = own.partition("    - rung: serve\n")
    contacts = "    - rung: contacts\n      count: {value: 2, chosen: true, reason: Ours.}\n      enters: notified\n"
    limit_notice = rest[rest.index(dunning) :]
    (tmp_path / "hanshui").mkdir()
    (tmp_path / "hanshui" / "2026-07-01.yaml").write_text(first + contacts + limit_notice, encoding="utf-8")
    assert check_packs([tmp_path]) == []


def test_a_list_of_wrong_words_is_told_once_at_the_word(tmp_path: Path) -> None:
    standard = max((FOLDER / "standard").glob("*.yaml"))
    text = standard.read_text(encoding="utf-8").replace("value: [utility, customer]", "value: [client]", 1)
    (tmp_path / "standard").mkdir()
    (tmp_path / "standard" / standard.name).write_text(text, encoding="utf-8")
    (said,) = check_packs([tmp_path])
    assert "connection.design_by.value[0]: 'client' is unknown: write 'utility' or 'customer'" in said
