"""Papers of a project for its applicant: what is missing, told once and in full, and the contract for the supply."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from domain.calendars import day_of
from domain.clauses import keeps
from domain.connection.facts import ProjectFacts
from domain.connection.papers import CHECK, papers
from domain.connection.policy import ConnectionPolicy
from domain.papers import Code, Paper
from domain.policy import Strict
from domain.refusals import Refused

TOLD_ONCE, SUPPLY_CONTRACT = "told-once", "supply-contract"
"""The templates, and the names that pictures of them are kept under."""
KINDS = {"single": "单表", "estate": "园区（整栋楼、整片小区）", "linear": "线性工程", "temporary": "施工、临时用水"}
USES = {
    "industry": "工业用水",
    "trade": "商业用水",
    "real-estate": "房地产开发项目用水",
    "government": "机关事业单位用水",
    "other": "其他用水，以核定为准",
}


class Applicant(Strict):
    """Who applied and for where, from the store: the case itself knows no name and no address."""

    name: str
    address: str | None
    contact: str | None = None
    phone: str | None = None


class Wanted(Strict):
    """A paper that is missing: the last day to hand it in, and whether it may follow while the work goes on."""

    name: str
    last_day: date | None
    later: bool


class ToldOnce(Paper):
    """一次性告知单. `basis`: the sentences that ask for it; `code`: the applicant's page, where papers are sent in."""

    utility: str
    no: str
    customer: str
    address: str | None
    kind: str
    wanted: tuple[Wanted, ...]
    handed_in: tuple[str, ...]
    where: str
    basis: tuple[str, ...]
    code: Code | None


class SupplyContract(Paper):
    """供用水合同 as it is made out for signing. What was not surveyed yet is None."""

    utility: str
    no: str
    customer: str
    address: str | None
    contact: str | None
    phone: str | None
    kind: str
    use: str
    meters: int
    diameter: int | None
    tapping_point: str | None
    pressure: str | None
    secondary_supply: bool
    temporary: bool


@keeps("jinan.design.one-time-notice-same-day")
def told_once(
    facts: ProjectFacts,
    policy: ConnectionPolicy,
    *,
    utility: str,
    applicant: Applicant,
    basis: Sequence[str],
    address: str | None,
) -> ToldOnce:
    """Everything that is missing at once, as the last check of the papers found it. Raises `Refused("not-open")`."""
    asked = [paper for paper in papers(facts, policy) if paper.state in ("missing", "tolerated")]
    checked = facts.done.get(CHECK)
    if not asked or checked is None:
        zh = "现在不缺资料，没有要告知的。"
        raise Refused("not-open", "no paper is missing: there is nothing to tell", zh=zh)
    # 24:00 belongs to the day that it ends.
    days = {paper.name: day_of(paper.due_at) if paper.due_at is not None else None for paper in asked}
    return ToldOnce(
        title="一次性告知单",
        dated_at=checked.at,
        utility=utility,
        no=f"{facts.case_no}-G",
        customer=applicant.name,
        address=applicant.address,
        kind=KINDS[facts.project.kind],
        wanted=tuple(
            Wanted(name=paper.name, last_day=days[paper.name], later=paper.state == "tolerated") for paper in asked
        ),
        handed_in=tuple(paper.name for paper in papers(facts, policy) if paper.state in ("checked", "handed-in")),
        where=policy.hand_in.value if policy.hand_in is not None else "用水报装受理窗口",
        basis=tuple(basis),
        code=Code(text=address) if address is not None else None,
    )


def supply_contract(
    facts: ProjectFacts, *, utility: str, applicant: Applicant, survey: Mapping[str, Any], at: datetime
) -> SupplyContract:
    """The contract as the project stands: `survey` is the form of the survey. Raises `Refused("not-open")`."""
    if facts.open_task("connection.sign-contract") is None:
        zh = "签订合同这一步现在没有开着。"
        raise Refused("not-open", "the contract is not to be signed now: its task is not open", zh=zh)
    project = facts.project
    return SupplyContract(
        title="供用水合同",
        dated_at=at,
        utility=utility,
        no=f"{facts.case_no}-HT",
        customer=applicant.name,
        address=applicant.address,
        contact=applicant.contact,
        phone=applicant.phone,
        kind=KINDS[project.kind],
        use=USES[project.sector or "other"],
        meters=project.meters,
        diameter=survey.get("diameter"),
        tapping_point=survey.get("tapping_point"),
        pressure=str(survey["pressure"]) if survey.get("pressure") is not None else None,
        secondary_supply=bool(survey.get("secondary_supply")),
        temporary=project.kind == "temporary",
    )
