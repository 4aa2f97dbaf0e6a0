"""The one door of permission: a token or a session is a person, and a person is a type in the signature.

Roles say what one may do, the part of the organisation which rows one sees; lists filter in SQL (`store.people`). An
id outside one's part is answered like one that does not exist. Auditors and administrators read all and decide nothing.
"""

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from api import sessions
from api.errors import NotSignedIn
from api.house import Here
from domain.people import ROLES, Role
from domain.refusals import Refused
from store import reads
from store.ledger import AccountRecord
from store.people import READS_ALL, Person

# These describe the two ways in; `api.sessions.who` reads them.
_bearer = HTTPBearer(auto_error=False, description="The token that an administrator handed out, once")
_cookie = APIKeyCookie(
    name=sessions.COOKIE,
    scheme_name="Session",
    auto_error=False,
    description=f"What POST /session answers; over https it is named `{sessions.SECURE_COOKIE}`",
)
DECIDING: tuple[Role, ...] = tuple(role for role in ROLES if role not in READS_ALL)


def signed_in(
    request: Request, house: Here, bearer: Annotated[Any, Security(_bearer)], cookie: Annotated[Any, Security(_cookie)]
) -> Person:
    """Whoever the token or the session belongs to, as they are now: a role taken away is gone at the next request."""
    person = sessions.who(request, house)
    if person is None:
        raise NotSignedIn
    request.state.person = person
    return person


SignedIn = Annotated[Person, Depends(signed_in)]


def holding(*roles: Role) -> Any:
    """A person who holds one of these roles. Refuses `wrong-role`."""

    async def holds(person: SignedIn) -> Person:
        if not person.holds(*roles):
            held = ", ".join(person.roles) or "no role"
            raise Refused("wrong-role", f"this is for {' or '.join(roles)}; {person.id} holds {held}")
        return person

    return Depends(holds)


Opener = Annotated[Person, holding("clerk", "collector", "supervisor")]
"""Brings debts in. An administrator runs the system and opens no case."""

ProjectOpener = Annotated[Person, holding("clerk", "representative", "service-manager", "supervisor")]
"""Takes an application for water in, at the counter or at the customer's."""

Bookkeeper = Annotated[Person, holding("clerk", "administrator")]
"""Reports money: the counter, and the account (administrator) under which the billing system itself reports."""

BillingSystem = Annotated[Person, holding("administrator")]
"""Vouches that the ledger is complete, which the limit of a customer's water rests on."""

Decider = Annotated[Person, holding(*DECIDING)]
"""Tells cases something. The case itself knows which role may tell it what."""


def visible_case(case_no: str, person: SignedIn, house: Here) -> Any:
    """The case of the address, with its facts. Refuses `unknown` alike when absent and when out of sight."""
    with house.database.read() as connection:
        row = reads.case(connection, person, case_no)
    if row is None:
        raise Refused("unknown", "there is no such case, or not for you: look its number up in the list")
    return row


def visible_task(task_id: str, person: SignedIn, house: Here) -> Any:
    """The task of the address. Refuses `unknown` alike when absent and when out of sight."""
    with house.database.read() as connection:
        row = reads.task(connection, person, task_id)
    if row is None:
        raise Refused("unknown", "there is no such task, or not for you: look its number up in your inbox")
    return row


async def deciders_case(person: Decider, case: Annotated[Any, Depends(visible_case)]) -> Any:
    return case


async def servers_case(person: ProjectOpener, case: Annotated[Any, Depends(visible_case)]) -> Any:
    return case


async def deciders_task(person: Decider, task: Annotated[Any, Depends(visible_task)]) -> Any:
    return task


VisibleCase = Annotated[Any, Depends(visible_case)]
ServedCase = Annotated[Any, Depends(servers_case)]
"""A project in sight of somebody who takes applications in or serves their projects."""
VisibleTask = Annotated[Any, Depends(visible_task)]
DecidableCase = Annotated[Any, Depends(deciders_case)]
DecidableTask = Annotated[Any, Depends(deciders_task)]
"""A row in sight of somebody who holds a deciding role; the role is asked first, so that ids stay untold."""


def in_part(person: Person, account: AccountRecord) -> AccountRecord:
    """An account that this person brings in, within their part: left out it is theirs. Refuses `wrong-role` outside."""
    if person.part is None:
        return account
    column, own = person.part
    if getattr(account, column) not in (None, own):
        raise Refused(
            "wrong-role", f"account.{column}: lies outside your {column}, {own}: leave it to those who serve it"
        )
    return account.model_copy(update={column: own})
