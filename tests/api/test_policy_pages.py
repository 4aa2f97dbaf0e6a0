"""制度 by HTTP: the register, a sentence with its value and where it runs, packs, and the same people under two."""

from typing import Any

import pytest

from tests.api.conftest import Site, eventually

SERVE = "jinan.dunning.notice-within-3-days"
OWN = {"Sec-Fetch-Site": "same-origin"}


def read(site: Site, path: str, who: str = "supervisor") -> str:
    answer = site.http.get(f"http://127.0.0.1:{site.settings.api_port}{path}", headers=site.as_(who))
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.timeout(120)
def test_the_register_finds_a_sentence_and_says_how_it_stands(site: Site) -> None:
    page = read(site, "/policy?doc=jinan&state=kept&q=催繳通知單")
    assert f"/policy/clauses/{SERVE}" in page
    assert "kaifeng." not in page.split("<tbody>")[1].split("</tbody>")[0]


def test_a_sentence_shows_its_value_its_proof_and_the_tasks_that_rest_on_it(site: Site, opened: dict[str, Any]) -> None:
    page = read(site, f"/policy/clauses/{SERVE}")
    for part in ("經提醒仍未按時交費的", "jinan@2020-01-29", "3日内", "tests/", "送达《水费催缴通知单》"):
        assert part in page, part
    assert "/tasks/QF-" in page
    elsewhere = site.add(f"far-{opened['case_no']}", "collector", grid=f"nowhere-{opened['case_no']}")
    assert "/tasks/QF-" not in read(site, f"/policy/clauses/{SERVE}", elsewhere)


def test_packs_are_shown_with_their_sources_and_side_by_side(site: Site) -> None:
    assert "催缴" in read(site, "/policy/packs/jinan@2020-01-29")
    side_by_side = read(site, "/policy/diff?a=jinan&b=kaifeng")
    assert "30日内" in side_by_side
    assert (
        site.http.get(
            f"http://127.0.0.1:{site.settings.api_port}/policy/packs/nowhere", headers=site.as_("clerk")
        ).status_code
        == 404
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_manager_compares_two_packs_on_the_debtors_here(site: Site, opened: dict[str, Any]) -> None:
    address = f"http://127.0.0.1:{site.settings.api_port}"
    form = {"pack": "jinan", "against": "kaifeng", "sample": "2", "seed": "1"}
    refused = site.http.post(f"{address}/policy/compare", data=form, headers=site.as_("collector") | OWN)
    assert refused.status_code == 403
    begun = site.http.post(
        f"{address}/policy/compare", data=form, headers=site.as_("supervisor") | OWN, follow_redirects=False
    )
    assert begun.status_code == 303, begun.text
    place = begun.headers["Location"]
    busy = site.http.post(f"{address}/policy/compare", data=form, headers=site.as_("supervisor") | OWN)
    assert busy.status_code == 409
    population = next((site.settings.data / "comparisons" / place.rpartition("/")[2]).glob("population.yaml"))
    assert opened["subject"] not in population.read_text()

    def over() -> str | None:
        page = read(site, place)
        return None if "正在跑" in page else page

    page = eventually(over)
    assert "没有跑成" not in page, page
    assert "jinan@2020-01-29" in page
    svg = site.http.get(f"{address}{place}/1.svg", headers=site.as_("supervisor"))
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert "<title>" in svg.text
