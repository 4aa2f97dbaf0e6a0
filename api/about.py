"""Who I am, what forms there are, and whether the house stands."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api import shown
from api.access import SignedIn
from api.errors import documented
from api.house import Here, House
from domain.people import Level, Role
from domain.processes import TASKS

router = APIRouter(tags=["about"])
health = APIRouter(tags=["health"])


class Me(BaseModel):
    """The person whose token or session this is. The narrowest of grid, section and office bounds what they see."""

    id: str
    name: str
    roles: tuple[Role, ...]
    level: Level | None
    grid: str | None
    section: str | None
    office: str | None


class FormShown(BaseModel):
    """A human task: who decides it, and the JSON Schema of its form."""

    key: str
    process: str
    title_zh: str
    title_en: str
    role: Role
    level: Level | None
    schema_: dict[str, Any] = Field(alias="schema")


class Ready(BaseModel):
    database: bool
    engine: bool


class Alive(BaseModel):
    alive: bool = True


@router.get("/me", responses=documented())
def me(person: SignedIn) -> Me:
    """Who this token or session is."""
    return Me(**person.model_dump())


@router.get("/forms", responses=documented())
def forms(person: SignedIn) -> shown.Listed[FormShown]:
    """Every human task there is, with its form."""
    items = [
        FormShown(
            key=kind.key,
            process=kind.key.partition(".")[0],
            title_zh=kind.title_zh,
            title_en=kind.title_en,
            role=kind.role,
            level=kind.level,
            schema=kind.form.model_json_schema(),
        )
        for kind in TASKS.values()
    ]
    return shown.Listed(items=items)


@health.get("/healthz")
async def alive() -> Alive:
    """Whether this process answers."""
    return Alive()


@health.get("/readyz", responses={503: {"model": Ready, "description": "The database or the engine does not answer"}})
async def ready(house: Here, response: Response) -> Ready:
    """Whether the database and the engine answer. Reads need the first alone."""
    stands = Ready(database=await run_in_threadpool(_database_answers, house), engine=await house.engine.answers())
    if not (stands.database and stands.engine):
        response.status_code = 503
    return stands


def _database_answers(house: House) -> bool:
    try:
        with house.database.read() as connection:
            connection.execute(text("SELECT 1 FROM cases LIMIT 1"))
    except SQLAlchemyError:
        return False
    return True
