"""The organisation as people keep it: grids, who holds them, what is handed over, and who stands in for whom."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api import bodies, verbs
from api.access import holding
from api.errands import Errand, Errands
from api.errors import documented
from api.house import EngineAway, Here, House
from domain.calendars import local
from domain.clauses import keeps
from domain.organisation import (
    Departure,
    Function,
    Grid,
    GridKind,
    Handed,
    Holder,
    OrganisationPolicy,
    Post,
    appointed,
    departures,
    refuse_unless_handed_over,
)
from domain.people import ROLES, Role
from domain.refusals import RefusalCode, Refused
from policies.packs import load_pack
from store import organisation, people, reads, work
from store.people import OUTSIDE, Person
from store.work import InboxFilter

router = APIRouter(tags=["organisation"])
KEEPING: tuple[Role, ...] = ("supervisor", "leading-group", "administrator")
Keeper = Annotated[Person, holding(*KEEPING)]
"""Keeps the register of grids. Whether their word makes a holder is the pack's."""

Staff = Annotated[Person, holding(*(role for role in ROLES if role not in OUTSIDE))]
"""Works for the utility."""

Short = Annotated[bodies.Line, Field(max_length=50)]
MOST = 200
"""Tasks that go from one person to another at once."""


class HolderShown(BaseModel):
    """Who holds a post, by account id and name. The work phone is the utility's, and is shown to everybody inside."""

    grid: str
    post: Post
    person: str
    name: str
    work_phone: str | None
    wechat: bool
    kind: str | None
    since: Any
    approved: bool


class AbsenceShown(organisation.Absence):
    """Who is away, and who does their work meanwhile."""

    name: str
    stand_in_name: str


class DutyShown(organisation.Duty):
    """Who is on duty, by name too."""

    called: str


class OrganisationShown(BaseModel):
    """The register, where it departs from the pack, who is away, and who is on duty."""

    grids: list[Grid]
    holders: list[HolderShown]
    departures: list[Departure]
    absences: list[AbsenceShown]
    duties: list[DutyShown]


class GridBody(bodies.Body):
    """A grid is a reader's round, or a team's area."""

    name: Short = Field(examples=["东1-01"])
    kind: GridKind = Field(examples=["reading-area"])
    section: Short | None = None
    office: Short | None = None


class PostBody(bodies.Body):
    """Who is to hold a post of a grid: A, or B where the pack has two."""

    grid: Short = Field(examples=["东1-01"])
    post: Post = "A"
    person: bodies.Line = Field(examples=["collector-2"])
    work_phone: bodies.Phone | None = None
    wechat: bool = Field(False, description="WeChat is opened on the work number")
    kind: Annotated[bodies.Line, Field(max_length=20)] | None = None


class ApprovalBody(bodies.Body):
    grid: Short = Field(examples=["东1-01"])
    post: Post = "A"


class HandOverBody(PostBody):
    """The post goes to another person, and with it what the pack says is handed over."""

    handed: tuple[Handed, ...] = Field(examples=[["phone", "number", "wechat"]])


class AbsenceBody(bodies.Body):
    """`person` left out: oneself. `stand_in` left out: whoever holds the other post of the grid."""

    person: bodies.Line | None = None
    stand_in: bodies.Line | None = None
    starts_at: bodies.Instant = Field(examples=["2026-03-11T08:30:00+08:00"])
    ends_at: bodies.Instant = Field(examples=["2026-03-16T00:00:00+08:00"])
    reason: Annotated[bodies.Prose, Field(max_length=200)] = Field(examples=["年休假"])


class DutyBody(bodies.Body):
    """`part` and `name` left out: all of the utility."""

    person: bodies.Line = Field(examples=["engineer"])
    part: Literal["grid", "section", "office"] | None = None
    name: Short | None = None
    starts_at: bodies.Instant = Field(examples=["2026-02-14T17:30:00+08:00"])
    ends_at: bodies.Instant = Field(examples=["2026-02-24T08:30:00+08:00"])


class TasksBody(bodies.Body):
    """All that a person was given or has in hand goes to another."""

    to: bodies.Line = Field(examples=["collector-2"])
    reason: bodies.Prose = Field(examples=["调岗"])


class Handled(BaseModel):
    """What became of one task."""

    task_id: str
    done: bool
    code: RefusalCode | Literal["unavailable"] | None = None
    message: str | None = None


def rules(house: House) -> OrganisationPolicy:
    """What the utility's pack says now. Raises `Refused("unknown")` where it says nothing of grids."""
    found = load_pack(house.settings.pack, on=house.clock().date()).organisation
    if found is None:
        zh = "本单位的制度文件没有网格一节。"
        raise Refused("unknown", "the pack in force has no organisation section: add one", zh=zh)
    return found


@router.get("/organisation", responses=documented(403, 404))
def look(person: Staff, house: Here) -> OrganisationShown:
    """Every grid with its holders, what is not as the pack has it, and who is away. Staff only."""
    return organised(house)


def organised(house: House) -> OrganisationShown:
    policy = rules(house)
    with house.database.read() as connection:
        grids, holders = organisation.register(connection)
        away = organisation.absences_from(connection, house.clock())
        duties = organisation.duties_from(connection, house.clock())
        ids = {holder.person for holder in holders} | {id for each in away for id in (each.person, each.stand_in)}
        ids |= {duty.person for duty in duties}
        names = people.names(connection, ids)
    return OrganisationShown(
        grids=grids,
        holders=[
            HolderShown(**holder.model_dump(exclude={"roles"}), name=names.get(holder.person, holder.person))
            for holder in holders
        ],
        departures=departures(grids, holders, policy),
        absences=[
            AbsenceShown(
                **each.model_dump(),
                name=names.get(each.person, each.person),
                stand_in_name=names.get(each.stand_in, each.stand_in),
            )
            for each in away
        ],
        duties=[DutyShown(**duty.model_dump(), called=names.get(duty.person, duty.person)) for duty in duties],
    )


@router.post("/organisation/grids", responses=documented(403, 409, 422))
def add_grid(person: Keeper, house: Here, body: GridBody) -> Grid:
    """A new grid."""
    grid = Grid(**body.model_dump())
    with house.database.write() as connection:
        organisation.add_grid(connection, grid, by=person.id, at=house.clock())
    return grid


@router.post("/organisation/posts", responses=documented(403, 404, 409, 422))
def appoint(person: Keeper, house: Here, body: PostBody) -> Holder:
    """Somebody holds a post of a grid: at once where the pack takes this person's word, else as a proposal."""
    policy, at = rules(house), house.clock()
    with house.database.write() as connection:
        return _appointed(connection, person, body, policy, at)


def _appointed(connection: Any, person: Person, body: PostBody, policy: OrganisationPolicy, at: Any) -> Holder:
    grids, holders = organisation.register(connection)
    proposed = Holder(
        **body.model_dump(include=set(PostBody.model_fields)),
        roles=organisation.roles_of(connection, body.person),
        since=local(at).date(),
    )
    holder = appointed(proposed, grids=grids, holders=holders, by=person.roles, policy=policy)
    organisation.appoint(connection, holder, by=person.id, at=at)
    return holder


@router.post("/organisation/posts/approve", status_code=204, responses=documented(403, 409, 422))
def approve(person: Keeper, house: Here, body: ApprovalBody) -> None:
    """The word that a proposal waits for, by the role that the pack names."""
    role = rules(house).appointed_by.value
    if not person.holds(role):
        held = ", ".join(person.roles)
        raise Refused("wrong-role", f"this is for {role}; {person.id} holds {held}")
    with house.database.write() as connection:
        organisation.approve(connection, body.grid, body.post, by=person.id, at=house.clock())


@router.post("/organisation/hand-overs", responses=documented(403, 404, 409, 422))
def hand_over(person: Keeper, house: Here, body: HandOverBody) -> Holder:
    """A post goes to a successor, once everything that the pack names has been handed over."""
    return handed_over(house, person, body)


@keeps("kaifeng.organisation.phone-handover-on-leaving")
def handed_over(house: House, person: Person, body: HandOverBody) -> Holder:
    policy, at = rules(house), house.clock()
    refuse_unless_handed_over(body.handed, policy)
    with house.database.write() as connection:
        organisation.leave(
            connection, body.grid, body.post, on=local(at).date(), handed=body.handed, by=person.id, at=at
        )
        return _appointed(connection, person, body, policy, at)


@router.post("/absences", responses=documented(403, 404, 422))
def be_absent(person: Staff, house: Here, body: AbsenceBody) -> organisation.Absence:
    """Somebody is away, and another does their work meanwhile. Oneself; for others a supervisor or administrator."""
    return entered(house, person, body)


def entered(house: House, person: Person, body: AbsenceBody) -> organisation.Absence:
    who, at = body.person or person.id, house.clock()
    _refuse_meddling(person, who)
    with house.database.write() as connection:
        stand_in = body.stand_in or organisation.b_of(connection, who)
        if stand_in is None:
            zh = "没有设AB角：请填写由谁代班。"
            raise Refused("form-invalid", "stand_in: the grid has no other holder: name who stands in", zh=zh)
        given = {"id": 0, "person": who, "stand_in": stand_in, "reason": body.reason}
        away = organisation.Absence(**given, starts_at=body.starts_at, ends_at=body.ends_at)
        number = organisation.be_absent(connection, away, by=person.id, at=at)
    return away.model_copy(update={"id": number})


@router.post("/absences/{number}/end", status_code=204, responses=documented(403, 404, 409))
def be_back(person: Staff, house: Here, number: Annotated[int, Path(ge=1, le=2**53)]) -> None:
    """The absence ends now."""
    returned(house, person, number)


def returned(house: House, person: Person, number: int) -> None:
    with house.database.write() as connection:
        away = organisation.absence(connection, number)
        if away is None:
            raise Refused("unknown", "there is no such absence: look it up in the list")
        _refuse_meddling(person, away.person)
        organisation.be_back(connection, number, by=person.id, at=house.clock())


@router.post("/duties", responses=documented(403, 404, 422))
def be_on_duty(person: Keeper, house: Here, body: DutyBody) -> organisation.Duty:
    """Somebody is there for a part of the utility while its offices are closed, and sees it meanwhile."""
    duty = organisation.Duty(id=0, **body.model_dump())
    with house.database.write() as connection:
        number = organisation.be_on_duty(connection, duty, by=person.id, at=house.clock())
    return duty.model_copy(update={"id": number})


@router.post("/duties/{number}/end", status_code=204, responses=documented(403, 404, 409))
def off_duty(person: Keeper, house: Here, number: Annotated[int, Path(ge=1, le=2**53)]) -> None:
    """The duty ends now."""
    with house.database.write() as connection:
        organisation.off_duty(connection, number, by=person.id, at=house.clock())


def _refuse_meddling(person: Person, who: str) -> None:
    if who != person.id and not person.holds("supervisor", "administrator"):
        held = ", ".join(person.roles)
        raise Refused("wrong-role", f"this is for supervisor or administrator; {person.id} holds {held}")


@router.post("/people/{id}/hand-over", responses=documented(403, 404, 422, 503))
async def hand_over_tasks(
    person: Annotated[Person, holding("supervisor", "leading-group")],
    id: Annotated[str, Path(max_length=100)],
    body: TasksBody,
    errand: Errand,
    house: Here,
) -> list[Handled]:
    """All that a person was given or has in hand goes to another, task by task; each with what became of it."""
    return await handed(house, person, errand, id, body)


async def handed(house: House, person: Person, errand: Errands, id: str, body: TasksBody) -> list[Handled]:
    rows = await run_in_threadpool(_in_hand, house, person, id)
    done = []
    for row in rows:
        told = bodies.ReassignBody(task=row.task_id, to=body.to, reason=body.reason)
        try:
            await verbs.given(row, told, errand, house)
            done.append(Handled(task_id=row.task_id, done=True))
        except Refused as refused:
            done.append(Handled(task_id=row.task_id, done=False, code=refused.code, message=refused.message))
        except EngineAway:
            done.append(Handled(task_id=row.task_id, done=False, code="unavailable", message="the engine is away"))
    return done


def _in_hand(house: House, person: Person, id: str) -> list[Any]:
    """The tasks of somebody, as far as this person sees them."""
    with house.database.read() as connection:
        whose = people.person(connection, id)
        if whose is None:
            raise Refused("unknown", f"there is no person {id}", zh="没有这个账号。")
        page = work.inbox(connection, whose, InboxFilter(mine=True), at=house.clock(), after=None, limit=MOST)
        found = [reads.task(connection, person, row.task_id) for row in page.rows]
    return [row for row in found if row is not None]


FUNCTIONS: dict[Function, tuple[str, str]] = {
    "reading": ("水表抄读", "reading"),
    "dunning": ("水费催缴", "dunning"),
    "patrol": ("设施巡检", "patrol"),
    "service": ("客户服务", "customer service"),
    "business": ("业务办理", "business"),
    "acceptance": ("新户验收", "acceptance"),
}
