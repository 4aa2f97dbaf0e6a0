"""People who take one debt up the whole ladder and back, whatever happens to the worker meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from domain.account import Bill, Payment
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import CHINA
from domain.commands import Command, DecideTask, PlaceHold, ReleaseHold
from domain.people import Actor, Role
from policies.packs import load_pack
from runtime.relay import Relay
from store import intake, ledger
from store.database import Database
from store.ledger import AccountRecord
from store.tables import cases, tasks

TODAY = datetime(2026, 4, 20, 9, tzinfo=CHINA)
"""A Monday morning: the limit window is open."""

DEBT = 8640
SERVED = {"outcome": "served", "method": "posted", "photo": "p"}
FORMS: dict[str, tuple[Role, dict[str, Any]]] = {
    "arrears.serve-dunning-notice": ("collector", SERVED),
    "arrears.serve-limit-notice": ("collector", SERVED),
    "arrears.approve-limit": ("supervisor", {"outcome": "approve"}),
    "arrears.limit-pressure": (
        "engineer",
        {"outcome": "done", "pressure_before": "0.3", "pressure_after": "0.1", "photo": "p", "seal": "s"},
    ),
    "arrears.restore": ("engineer", {"outcome": "restored"}),
}


def hastened(policy: ArrearsPolicy) -> ArrearsPolicy:
    """The pack's ladder with a first period of nothing and a second of a second, so that its timer fires soon."""
    raw = policy.model_dump(mode="json")
    for rung in raw["ladder"]:
        for period in ("resident", "organisation", "recheck", "retry"):
            if rung["rung"] in ("wait", "limit") and period in rung:
                rung[period]["value"] = "PT0S" if rung.get("period") == "grace" else "PT1S"
    return ArrearsPolicy.model_validate(raw)


class Ladder:
    """One case. `answered` are the updates that were carried out, as their senders were told."""

    def __init__(self, database: Database, relay: Relay, account_no: str, clock: Callable[[], datetime]) -> None:
        self.database, self.relay, self.account_no, self.clock = database, relay, account_no, clock
        self.answered: list[Command] = []
        self.refused: list[Command] = []
        self.paid: list[str] = []
        self._sent = 0

    async def begin(self) -> str:
        """The account owes, and word of it is with the relay; returns the case number."""
        at = self.clock()
        bill = Bill(no="B1", period="2026-02", amount_fen=DEBT, due_on=date(2026, 3, 10), at=at)
        account = AccountRecord(no=self.account_no, customer_class="resident", phone="13800000000")
        place = intake.open_arrears(self.database, account, [bill], pack=load_pack("jinan").name, at=at)
        with self.database.write() as connection:
            ledger.confirm_sync(connection, source="billing", at=at)
        self.case_no = place.case_no
        return place.case_no

    async def climb(self) -> None:
        """Decide whatever is asked, pay once the water is limited, until the case has closed and its workflow ended."""
        await self.relay.deliver(now=self.clock())
        ended = asyncio.create_task(self.relay.handle("arrears", self.account_no).result())
        while not ended.done():
            await self.relay.deliver(now=self.clock())
            case, asked = self.look()
            if case is not None and DEBT not in self.amounts and (case.stage == "limited" or case.facts["retry_at"]):
                await self.pay(DEBT)
            for task in asked:
                role, form = FORMS[task.key]
                by = Actor(id=role, roles=(role,))
                await self.tell(DecideTask(by=by, at=self.clock(), key=task.key, task_id=task.task_id, form=form))
            await asyncio.wait({ended}, timeout=0.02)
        await ended

    @property
    def amounts(self) -> list[int]:
        with self.database.read() as connection:
            facts = ledger.facts_after(connection, self.account_no, 0)
        return [fact.amount_fen for _, fact in facts if isinstance(fact, Payment)]

    def look(self) -> tuple[Any, list[Any]]:
        """The case and its open tasks, as the store shows them."""
        with self.database.read() as connection:
            case = connection.execute(select(cases).where(cases.c.case_no == self.case_no)).one_or_none()
            asked = select(tasks).where(tasks.c.case_no == self.case_no, tasks.c.status == "open")
            return case, list(connection.execute(asked))

    async def pay(self, fen: int) -> None:
        """Money at the door, and word of it on its way."""
        reference, at = f"T-{self.account_no}-{len(self.paid)}", self.clock()
        self.paid.append(reference)
        payment = Payment(reference=reference, amount_fen=fen, paid_at=at, at=at)
        intake.record_payment(self.database, self.account_no, payment)
        await self.relay.deliver(now=self.clock())

    async def tell(self, command: Command) -> bool:
        """Send a command, and remember what its sender was told."""
        self._sent += 1
        update = "decide" if isinstance(command, DecideTask) else "instruct"
        handle = self.relay.handle("arrears", self.account_no)
        try:
            await handle.execute_update(update, command, id=f"{self.case_no}/{self._sent}")
        except (WorkflowUpdateFailedError, RPCError):
            self.refused.append(command)
            return False
        self.answered.append(command)
        return True

    async def hold_for_a_moment(self) -> None:
        """A hold, and its release once it has been acknowledged."""
        by = Actor(id="collector", roles=("collector",))
        if await self.tell(PlaceHold(by=by, at=self.clock(), reason="meter check")):
            await self.tell(ReleaseHold(by=by, at=self.clock()))
