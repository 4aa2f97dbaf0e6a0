"""Personal data that can be told from any other: none of it in the engine's file, its lists, or what our parts log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Site, eventually, opening
from tests.conftest import RunningEngine, start_engine

PHONE, NAME, ADDRESS, NOTE = "13800007391", "金丝雀甲", "雀巢路7391号", "雀鸣七三九一"
CANARIES = (PHONE, NAME, ADDRESS, NOTE)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine of its own: its files hold nothing but this case."""
    running = start_engine(tmp_path / "engine")
    yield running
    running.stop()


def test_nothing_personal_reaches_the_engine_or_a_log(
    own: RunningEngine, tmp_path: Path, account_no: str, capfd: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path / "site", own.address)
    try:
        site.call_worker()
        body = opening(account_no, phone=PHONE, name=NAME, address=ADDRESS)
        case_no = site.post("/arrears-cases", body, who="clerk").json()["case_no"]
        path = f"/cases/{case_no}"
        assert site.post(f"{path}/contact", {"method": "phone", "note": f"{NOTE} {PHONE}"}).status_code == 200
        assert site.post(f"{path}/hold", {"reason": f"{NAME} {NOTE}"}, who="supervisor").status_code == 200
        assert site.post(f"{path}/hold", {"reason": NOTE, "until": "2001-01-01"}, who="supervisor").status_code == 422
        eventually(lambda: NOTE in site.get(f"{path}/timeline").text)
        listed = site.run(_listed(site))
    finally:
        site.close()
    assert account_no in listed
    own.stop()
    said = capfd.readouterr()
    held = {file.name: file.read_bytes() for file in (tmp_path / "engine").rglob("*") if file.is_file()}
    assert any(account_no.encode() in content for content in held.values()), "the engine's file was not looked into"
    for canary in CANARIES:
        assert canary not in listed + said.out + said.err, "told in the open"
        found = [name for name, content in held.items() if canary.encode() in content]
        assert found == [], f"a canary lies in {found}"


async def _listed(site: Site) -> str:
    """Everything that the engine shows of its cases: ids, memos, search attributes."""
    client = await site.app.state.house.engine.client()
    shown: list[Any] = []
    async for each in client.list_workflows():
        shown += [each.id, await each.memo(), each.search_attributes, each.typed_search_attributes]
    return str(shown)
