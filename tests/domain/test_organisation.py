"""Grids as each pack has them: appointed, handed over, and where the register departs from the rules."""

from datetime import date
from typing import Any

import pytest

from domain.organisation import (
    Grid,
    Holder,
    OrganisationPolicy,
    appointed,
    departures,
    refuse_unless_handed_over,
)
from domain.refusals import Refused
from policies.packs import load_pack, pack_versions
from tests.claiming import claiming

WHOLE = ("collector", "representative")


def rules(utility: str) -> OrganisationPolicy:
    found = load_pack(utility).organisation
    assert found is not None
    return found


def grid(name: str, **more: Any) -> Grid:
    return Grid(**{"name": name, "kind": "reading-area", **more})


def holder(grid: str, person: str, post: str = "A", **more: Any) -> Holder:
    given = {"grid": grid, "person": person, "post": post, "roles": WHOLE, "since": date(2026, 3, 1)}
    return Holder.model_validate(given | {"work_phone": "13800000001", "wechat": True} | more)


def departed(utility: str, grids: list[Grid], holders: list[Holder]) -> list[tuple[str, str]]:
    return [(each.key, each.about) for each in departures(grids, holders, rules(utility))]


def kept_by(utility: str, key: str, grids: list[Grid], holders: list[Holder]) -> set[str]:
    """The sentences that a departure rests on."""
    return {clause for each in departures(grids, holders, rules(utility)) if each.key == key for clause in each.clauses}


@pytest.mark.clause("kaifeng.organisation.one-grid-per-reader")
def test_a_reader_holds_one_grid_and_no_second() -> None:
    grids, first = [grid("1"), grid("2")], holder("1", "wang")
    with pytest.raises(Refused, match="holds 1 grids"):
        appointed(holder("2", "wang"), grids=grids, holders=[first], by=("supervisor",), policy=rules("kaifeng"))
    assert ("too-many", "wang") in departed("kaifeng", grids, [first, holder("2", "wang")])
    assert kept_by("kaifeng", "too-many", grids, [first, holder("2", "wang")]) == {
        "kaifeng.organisation.one-grid-per-reader"
    }


@pytest.mark.clause("kaifeng.organisation.reader-is-customer-rep", "kaifeng.organisation.six-functions")
@pytest.mark.parametrize("roles", [("collector",), ("representative",)])
def test_whoever_reads_a_grid_also_represents_it_or_does_not_hold_it(roles: tuple[Any, ...]) -> None:
    half = holder("1", "wang", roles=roles)
    with pytest.raises(Refused, match="functions"):
        appointed(half, grids=[grid("1")], holders=[], by=("supervisor",), policy=rules("kaifeng"))
    assert ("roles", "wang") in departed("kaifeng", [grid("1")], [half])


@pytest.mark.parametrize(
    ("clause", "functions"),
    [
        claiming("kaifeng.organisation.six-functions", "reading, dunning, patrol, service, business, acceptance"),
        claiming("liaocheng.organisation.one-net", "reading, dunning, service, business"),
    ],
)
def test_whoever_can_do_nothing_of_a_grid_is_told_each_of_its_functions(clause: str, functions: str) -> None:
    nobody = holder("1", "wang", roles=("engineer",))
    with pytest.raises(Refused, match=f"the functions {functions} need"):
        appointed(nobody, grids=[grid("1")], holders=[], by=("supervisor",), policy=rules(clause.partition(".")[0]))


@pytest.mark.clause(
    "kaifeng.organisation.grid-count-82",
    "kaifeng.organisation.grid-count-new-district",
    "kaifeng.organisation.grid-count-east-district",
    "kaifeng.organisation.grid-count-main-office",
)
def test_the_number_of_grids_of_each_office_is_that_of_the_rules() -> None:
    offices = {"新区营业所": 11, "东区营业所": 9, "营业所": 62}
    grids = [grid(f"{office}{no}", office=office) for office, count in offices.items() for no in range(count)]
    assert [key for key, _ in departed("kaifeng", grids, []) if key == "count"] == []
    for office in offices:
        one_less = [each for each in grids if each.name != f"{office}0"]
        wrong = [about for key, about in departed("kaifeng", one_less, []) if key == "count"]
        assert sorted(wrong) == sorted(["all", office])


@pytest.mark.clause("kaifeng.organisation.work-phone-per-rep", "kaifeng.organisation.wechat-on-work-number")
def test_a_representative_has_a_work_phone_and_wechat_on_its_number() -> None:
    assert ("no-phone", "wang") in departed("kaifeng", [grid("1")], [holder("1", "wang", work_phone=None)])
    assert ("no-wechat", "wang") in departed("kaifeng", [grid("1")], [holder("1", "wang", wechat=False)])
    assert ("no-wechat", "wang") not in departed("liaocheng", [grid("1")], [holder("1", "wang", wechat=False)])


@pytest.mark.clause("liaocheng.organisation.work-phone")
def test_a_grid_worker_at_liaocheng_has_a_number_for_work() -> None:
    assert ("no-phone", "wang") in departed("liaocheng", [grid("1")], [holder("1", "wang", work_phone=None)])


@pytest.mark.clause("kaifeng.organisation.phone-handover-on-leaving")
@pytest.mark.parametrize("wanting", ["phone", "number", "wechat"])
def test_a_post_goes_to_nobody_before_phone_number_and_wechat_have(wanting: str) -> None:
    everything = ["phone", "number", "wechat"]
    refuse_unless_handed_over(everything, rules("kaifeng"))  # type: ignore[arg-type]
    with pytest.raises(Refused, match=wanting):
        refuse_unless_handed_over([each for each in everything if each != wanting], rules("kaifeng"))  # type: ignore[misc]


@pytest.mark.clause("liaocheng.organisation.ab-two-cover", "qingdao.organisation.ab-role")
@pytest.mark.parametrize("utility", ["liaocheng", "qingdao"])
def test_a_grid_has_two_who_cover_each_other(utility: str) -> None:
    kind = {"kind": "服务"}
    alone = [holder("1", "wang", **kind)]
    assert ("one-of-two", "1") in departed(utility, [grid("1")], alone)
    second = holder("1", "li", post="B", **kind)
    appointed(second, grids=[grid("1")], holders=alone, by=("supervisor",), policy=rules(utility))
    assert [key for key, _ in departed(utility, [grid("1")], [*alone, second])] == []
    with pytest.raises(Refused, match="no B"):
        appointed(second, grids=[grid("1")], holders=alone, by=("supervisor",), policy=rules("kaifeng"))


@pytest.mark.clause("liaocheng.organisation.grid-by-reading-area", "liaocheng.organisation.grid-by-team-area")
def test_liaocheng_cuts_by_reading_and_by_team_areas_and_kaifeng_by_rounds_alone() -> None:
    grids = [grid("1"), grid("2", kind="team-area")]
    assert [about for key, about in departed("liaocheng", grids, []) if key == "kind"] == []
    assert [about for key, about in departed("kaifeng", grids, []) if key == "kind"] == ["2"]


@pytest.mark.clause("liaocheng.organisation.complete-own-area-tasks")
def test_at_liaocheng_nobody_has_two_areas_of_their_own_and_each_area_has_somebody() -> None:
    grids = [grid("1"), grid("2")]
    found = departed("liaocheng", grids, [holder("1", "wang")])
    assert ("vacant", "2") in found
    with pytest.raises(Refused, match="holds 1 grids"):
        appointed(
            holder("2", "wang"),
            grids=grids,
            holders=[holder("1", "wang")],
            by=("supervisor",),
            policy=rules("liaocheng"),
        )


@pytest.mark.clause("liaocheng.organisation.one-net")
def test_whoever_holds_a_grid_at_liaocheng_can_do_all_of_a_customers_business() -> None:
    half = holder("1", "wang", roles=("collector",))
    assert ("roles", "wang") in departed("liaocheng", [grid("1")], [half])


@pytest.mark.clause("qingdao.organisation.three-rep-types")
def test_a_representative_at_qingdao_is_of_one_of_three_kinds() -> None:
    for kind in ("工程", "营销", "服务"):
        said = holder("1", "wang", kind=kind)
        assert appointed(said, grids=[grid("1")], holders=[], by=("supervisor",), policy=rules("qingdao")).kind == kind
    for kind in (None, "收费"):
        with pytest.raises(Refused, match="工程, 营销, 服务"):
            appointed(
                holder("1", "wang", kind=kind),
                grids=[grid("1")],
                holders=[],
                by=("supervisor",),
                policy=rules("qingdao"),
            )


@pytest.mark.clause("changchun.organisation.new-rep-needs-leading-group")
def test_at_changchun_a_representative_is_one_once_the_leading_group_says_so() -> None:
    policy, someone = rules("changchun"), holder("1", "wang")
    for by, approved in ((("supervisor",), False), (("leading-group",), True)):
        stands = appointed(someone, grids=[grid("1")], holders=[], by=by, policy=policy)  # type: ignore[arg-type]
        assert stands.approved is approved
    proposed = someone.model_copy(update={"approved": False})
    assert ("vacant", "1") in departed("changchun", [grid("1")], [proposed])
    assert ("proposed", "wang") in departed("changchun", [grid("1")], [proposed])


@pytest.mark.parametrize("name", pack_versions())
def test_a_register_as_the_pack_has_it_departs_in_nothing_but_its_size(name: str) -> None:
    policy = load_pack(name).organisation
    assert policy is not None
    one = grid("1", kind=policy.kinds.value[0])
    kind = policy.kinds_of_post.value[0] if policy.kinds_of_post else None
    holders: list[Holder] = []
    for post, person in (("A", "wang"), ("B", "li"))[: policy.holders.value]:
        by = (policy.appointed_by.value,)
        stands = appointed(
            holder("1", person, post=post, kind=kind), grids=[one], holders=holders, by=by, policy=policy
        )
        holders.append(stands)
    assert {each.key for each in departures([one], holders, policy)} <= {"count"}
    with pytest.raises(Refused, match="is held"):
        appointed(holder("1", "sun", kind=kind), grids=[one], holders=holders, by=("supervisor",), policy=policy)
    with pytest.raises(Refused, match="no grid 9"):
        appointed(holder("9", "sun", kind=kind), grids=[one], holders=holders, by=("supervisor",), policy=policy)
