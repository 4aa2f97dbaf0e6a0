"""What people declare of a project beside its tasks. Each door: translate, one call, translate back."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api import bodies, files, shown
from api.access import DecidableCase, SignedIn
from api.errands import Errand, Errands, Pending, Told
from api.errors import documented
from api.house import Here, House
from domain.connection.commands import Declare
from domain.connection.works_forms import DECLARATIONS
from domain.refusals import Refused
from store import people, reads

router = APIRouter(tags=["what a case is told"])


class DeclarationBody(bodies.Body):
    """`form` as the JSON Schema of its kind (GET /declarations) has it."""

    what: bodies.Line = Field(examples=["problem"])
    form: Annotated[dict[str, Any], AfterValidator(bodies.storable)] = Field(
        {}, examples=[{"problem": "施工占用小区出入口"}]
    )


class DeclarationShown(BaseModel):
    """Something that may be declared: who may, and its form."""

    what: str
    title_zh: str
    title_en: str
    roles: list[str]
    form_schema: dict[str, Any] = Field(alias="schema")


@router.get("/declarations", responses=documented())
def declarations(person: SignedIn) -> shown.Listed[DeclarationShown]:
    """Everything that may be declared of a project, with its form."""
    items = [
        DeclarationShown(
            what=what,
            title_zh=kind.title_zh,
            title_en=kind.title_en,
            roles=list(kind.roles),
            schema=kind.form.model_json_schema(),
        )
        for what, kind in DECLARATIONS.items()
    ]
    return shown.Listed(items=items)


@router.post(
    "/cases/{case_no}/declare",
    responses=documented(403, 404, 409, 413, 422, 503)
    | {202: {"model": Pending, "description": "Accepted; carried out once a worker is back"}},
)
async def declare(case: DecidableCase, body: DeclarationBody, errand: Errand, house: Here) -> Told | Pending:
    """Declare something of a project: a design change, a party's representative, the end of the works and so on."""
    return await declared(case, body.what, body.form, errand, house)


async def declared(case: Any, what: str, form: Mapping[str, Any], errand: Errands, house: House) -> Told | Pending:
    """Declare something of a project (a row of it), in this person's name and now. Raises as `Errands.tell` does."""
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, dict(form))
    if what == "party" and form.get("account"):
        await run_in_threadpool(_refuse_stranger, house, case, str(form["account"]))
    return await errand.tell(case, Declare, what=what, form=dict(form))


def _refuse_stranger(house: House, case: Any, account: str) -> None:
    """A unit is represented by nobody who could not look at the project."""
    with house.database.read() as connection:
        person = people.person(connection, account)
        if person is None or (person.inside and reads.case(connection, person, case.case_no) is None):
            raise Refused(
                "form-invalid",
                "account: nobody of this id works on this case: give the id of somebody who does, or leave it out",
                zh="没有这个账号，或者此人看不到这个项目：请核对，或者不填。",
            )
