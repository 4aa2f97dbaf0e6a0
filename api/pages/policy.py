"""制度: what was promised, where each sentence is kept and what proves it, and two packs beside each other."""

import json
import re
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.arithmetic import said_term
from api.pages.frame import Looking, Viewer, label
from domain.people import Role
from domain.refusals import Refused
from domain.terms import Term
from policies import coverage, shown
from policies.packs import PackError, load_pack, pack_versions
from policies.register import NOT_SOFTWARE, Process
from rehearsal.charts import charts
from rehearsal.compare import table
from runtime.comparisons import MOST, Asked, Busy, Comparisons, past_debtors
from store import work

router = APIRouter(include_in_schema=False, prefix="/policy")
DOCUMENTS = ("kaifeng", "qingdao", "liaocheng", "jinan", "changchun")
STATES = ("kept", "open", "not-software")
ROWS = 100
SHOWN_CASES = 50
LARGEST_POPULATION = 4 * 1024 * 1024
_TITLE = re.compile("<title>(.*?)</title>", re.DOTALL)
MANAGERS: tuple[Role, ...] = ("supervisor", "leading-group", "auditor", "administrator")


class RegisterQuery(BaseModel):
    """The address bar of the register."""

    doc: str = Field("", max_length=20)
    process: str = Field("", max_length=30)
    state: str = Field("", max_length=20)
    q: str = Field("", max_length=60)
    page: int = Field(1, ge=1, le=100)


@router.get("")
def look(viewer: Looking, query: Annotated[RegisterQuery, Query()]) -> Response:
    """The packs, and the register of sentences with how each stands."""
    every = list(coverage.coverage().values())
    fits = [
        each
        for each in every
        if query.doc in ("", each.clause.utility)
        and query.process in ("", each.clause.process)
        and query.state in ("", each.state)
        and (not query.q or any(query.q in text for text in (each.clause.id, each.clause.text, each.clause.gloss_zh)))
    ]
    counts = {
        doc: {state: sum(e.clause.utility == doc and e.state == state for e in every) for state in STATES}
        for doc in DOCUMENTS
    }
    return viewer.show(
        "policy.html",
        query=query,
        packs=[load_pack(name) for name in pack_versions()],
        counts=counts,
        states=STATES,
        documents=DOCUMENTS,
        processes=sorted(Process.__args__),  # type: ignore[attr-defined]
        rows=fits[(query.page - 1) * ROWS : query.page * ROWS],
        found=len(fits),
        more=len(fits) > query.page * ROWS,
    )


@router.get("/clauses/{clause}")
def sentence(viewer: Looking, clause: str) -> Response:
    """One sentence: its words, its value, whom it binds, where it is kept, what proves it, and where it is running."""
    stands = coverage.coverage().get(clause)
    if stands is None:
        raise Refused(
            "unknown", "there is no such clause: look it up in the register", zh="没有这条规定，请在列表里查找。"
        )
    with viewer.house.database.read() as connection:
        running = work.under_clause(connection, viewer.person, clause, limit=SHOWN_CASES + 1)
        titles = work.titles_of(connection, viewer.person, {row.case_no for row in running})
    values = [
        (name, each) for name in pack_versions() for each in shown.shown(load_pack(name)) if clause in each.clauses
    ]
    readings = [
        (name, reading) for name in pack_versions() for reading in load_pack(name).readings if clause in reading.clauses
    ]
    return viewer.show(
        "clause.html",
        stands=stands,
        values=values,
        readings=readings,
        running=running[:SHOWN_CASES],
        more=len(running) > SHOWN_CASES,
        titles=titles,
        worth=partial(worth, viewer),
        not_software=NOT_SOFTWARE,
    )


@router.get("/packs/{name}")
def pack(viewer: Looking, name: str) -> Response:
    """Every value of a pack, with its source."""
    found = _pack(name)
    return viewer.show("pack.html", pack=found, values=shown.shown(found), worth=partial(worth, viewer))


@router.get("/diff")
def differences(viewer: Looking, a: str, b: str) -> Response:
    """What two packs have differently, side by side."""
    one, other = _pack(a), _pack(b)
    return viewer.show(
        "packs_diff.html", a=one, b=other, rows=shown.differences(one, other), worth=partial(worth, viewer)
    )


def worth(viewer: Viewer, value: Any) -> str:
    """A value of a pack as people say it: terms and vocabulary in words, all else as the file has it."""
    try:
        return viewer.say(*said_term(Term.model_validate(value)))
    except ValidationError:
        pass
    match value:
        case bool():
            return viewer.say("是", "yes") if value else viewer.say("否", "no")
        case str():
            return label(value, viewer.language)
        case list() if all(isinstance(part, str) for part in value):
            return viewer.say("、", ", ").join(label(part, viewer.language) for part in value) or "—"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _pack(name: str) -> Any:
    try:
        return load_pack(name)
    except PackError:
        raise Refused("unknown", "there is no such pack", zh="没有这个制度包。") from None


# The same people under two packs.


@router.get("/compare")
def comparisons(request: Request, viewer: Looking) -> Response:
    _refuse_unless_manager(viewer)
    return viewer.show("compare.html", packs=pack_versions(), recent=_comparisons(request, viewer).recent(), most=MOST)


@router.post("/compare")
async def compare(
    request: Request,
    viewer: Looking,
    pack: Annotated[str, Form()],
    against: Annotated[str, Form()],
    sample: Annotated[int, Form(ge=1, le=MOST)] = 20,
    seed: Annotated[int, Form(ge=0, le=10**6)] = 1,
    population: UploadFile | None = None,
) -> Response:
    """Begin a comparison: of past debtors of this installation, or of an uploaded population."""
    _refuse_unless_manager(viewer)
    names = [_pack(name).name for name in (pack, against)]
    if population is not None and population.filename:
        content = await population.read(LARGEST_POPULATION + 1)
        if len(content) > LARGEST_POPULATION:
            raise Refused("form-invalid", "population: send at most 4 MB", zh="人群文件最大 4 MB。")
        ending = ".yaml" if population.filename.lower().endswith((".yaml", ".yml")) else ".csv"
        source, people = population.filename[-60:], content.count(b"\n")
        written: str | bytes = content
    else:
        members = await run_in_threadpool(_past, viewer)
        if not members:
            raise Refused(
                "form-invalid", "no past debts here: upload a population", zh="这里还没有欠费案件，请上传一个人群文件。"
            )
        written, ending, source, people = (
            _yaml(members),
            ".yaml",
            "",
            len(members),
        )
    asked = Asked(
        id=uuid4().hex,
        pack=names[0],
        compare=names[1],
        source=source,
        people=people,
        sample=sample,
        seed=seed,
        at=viewer.now,
        by=viewer.person.id,
    )
    try:
        await _comparisons(request, viewer).begin(asked, written, ending=ending)
    except Busy:
        zh = "正在跑另一个比较，请稍等它跑完。"
        raise Refused("not-open", "another comparison is running: wait until it is done", zh=zh) from None
    return viewer.go(f"/policy/compare/{asked.id}")


@router.get("/compare/{id}")
def compared(request: Request, viewer: Looking, id: str) -> Response:
    """A comparison: running, failed with its reason, or side by side in a table and charts."""
    _refuse_unless_manager(viewer)
    found = _comparisons(request, viewer).found(id)
    if found is None:
        raise Refused("unknown", "there is no such comparison", zh="没有这个比较。")
    rows: list[tuple[str, ...]] = []
    drawn: list[str] = []
    if found.comparison is not None:
        columns = table(found.comparison, lang=viewer.language).columns
        drawn = [_TITLE.search(svg).group(1) for svg in charts(found.comparison, lang=viewer.language)]  # type: ignore[union-attr]
        rows = [tuple(str(cell) for cell in row) for row in zip(*(column.cells for column in columns), strict=True)]
    return viewer.show("compared.html", found=found, rows=rows, drawn=drawn)


@router.get("/compare/{id}/{number}.svg")
def chart(request: Request, viewer: Looking, id: str, number: int, dark: bool = False) -> Response:
    """One chart of a comparison."""
    _refuse_unless_manager(viewer)
    found = _comparisons(request, viewer).found(id)
    drawn = charts(found.comparison, dark=dark, lang=viewer.language) if found and found.comparison else []
    if not 1 <= number <= len(drawn):
        raise Refused("unknown", "there is no such chart")
    return Response(drawn[number - 1], media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})


def _refuse_unless_manager(viewer: Viewer) -> None:
    if not viewer.person.holds(*MANAGERS):
        raise Refused(
            "wrong-role", "this is for a supervisor, auditor or administrator", zh="这是给主任、督查和系统管理员的。"
        )


def _past(viewer: Viewer) -> list[dict[str, Any]]:
    with viewer.house.database.read() as connection:
        return past_debtors(connection, viewer.person, limit=2000)


def _yaml(members: list[dict[str, Any]]) -> str:
    """JSON is YAML; one member a line keeps a fault's place readable."""
    return "".join(f"- {json.dumps(member, ensure_ascii=False)}\n" for member in members)


def _comparisons(request: Request, viewer: Viewer) -> Comparisons:
    state = request.app.state
    if not hasattr(state, "comparisons"):
        state.comparisons = Comparisons(viewer.house.settings.data)
    found: Comparisons = state.comparisons
    return found
