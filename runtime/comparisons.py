"""Comparisons of two packs that a manager asks for on a page: each runs as the command does, in a process of its own.

What was asked, the people it is about and what came out lie together in a folder under the data folder. The people are
past debtors without a name, number or address, or what a manager uploads.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog
from sqlalchemy import Connection, select

from domain.account import Bill, Payment, received
from domain.money import yuan
from domain.policy import Strict
from rehearsal.compare import Comparison
from runtime.supervisor import PRIVATE
from store.ledger import facts_after
from store.people import Person, within
from store.tables import accounts, cases

log = structlog.get_logger()
MOST = 60
PATIENCE = 600.0
State = Literal["running", "done", "failed"]


class Asked(Strict):
    """What a manager asked for. `people`: how many members the population has."""

    id: str
    pack: str
    compare: str
    source: str
    people: int
    sample: int
    seed: int
    at: datetime
    by: str


class Found(Strict):
    """A comparison as it stands; `why` says what went wrong with one that failed."""

    asked: Asked
    state: State
    why: str | None = None
    comparison: Comparison | None = None


class Busy(Exception):
    """One comparison runs at a time: it takes a whole processor."""


class Comparisons:
    """The comparisons of this installation."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "comparisons"
        self._running: asyncio.Task[None] | None = None

    def place(self, id: str) -> Path:
        return self.folder / id

    async def begin(self, asked: Asked, population: str | bytes, *, ending: str) -> None:
        """Run a comparison in the background. Raises `Busy` while another one runs."""
        if self._running is not None and not self._running.done():
            raise Busy
        self._running = asyncio.create_task(self._run(asked, population, ending))

    async def _run(self, asked: Asked, population: str | bytes, ending: str) -> None:
        place = self.place(asked.id)
        file = place / f"population{ending}"

        def laid() -> None:
            place.mkdir(parents=True, mode=0o700)
            (place / "asked.json").write_text(asked.model_dump_json())
            file.write_bytes(population.encode() if isinstance(population, str) else population)
            file.chmod(PRIVATE_FILE)

        await asyncio.to_thread(laid)
        command = [sys.executable, "-m", "cli", "rehearse", "--population", str(file)]
        command += ["--pack", asked.pack, "--compare", asked.compare, "--sample", str(asked.sample)]
        command += ["--seed", str(asked.seed), "--json"]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        try:
            async with asyncio.timeout(PATIENCE):
                out, said = await process.communicate()
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
            out, said = b"", b"it took longer than ten minutes: ask for a smaller sample"
        if process.returncode == 0:
            await asyncio.to_thread((place / "comparison.json").write_bytes, out)
        else:
            log.warning("comparison.failed", id=asked.id, code=process.returncode)
            await asyncio.to_thread((place / "failed.txt").write_bytes, said[-2000:])

    def found(self, id: str) -> Found | None:
        """A comparison by its id; None when there is none."""
        place = self.place(id)
        if not id.isalnum() or not (place / "asked.json").is_file():
            return None
        asked = Asked.model_validate_json((place / "asked.json").read_text())
        if (result := place / "comparison.json").is_file():
            return Found(
                asked=asked, state="done", comparison=Comparison.model_validate(json.loads(result.read_text()))
            )
        if (why := place / "failed.txt").is_file():
            return Found(asked=asked, state="failed", why=why.read_text(errors="replace"))
        if self._running is None or self._running.done():
            return Found(asked=asked, state="failed", why="stopped before it was done: ask again")
        return Found(asked=asked, state="running")

    def recent(self, *, limit: int = 20) -> list[Asked]:
        """What was asked for lately, the newest first."""
        found = [Asked.model_validate_json(path.read_text()) for path in self.folder.glob("*/asked.json")]
        return sorted(found, key=lambda asked: asked.at, reverse=True)[:limit]


PRIVATE_FILE = 0o666 & ~PRIVATE


def past_debtors(connection: Connection, person: Person, *, limit: int) -> list[dict[str, Any]]:
    """Accounts whose debts were pursued here, as a population: bills and payments as they were, nobody's name."""
    mine = select(accounts).where(
        within(person, accounts), accounts.c.account_no.in_(select(cases.c.subject).where(cases.c.process == "arrears"))
    )
    rows = connection.execute(mine.order_by(accounts.c.account_no).limit(limit)).all()
    return [_member(number, row, facts_after(connection, row.account_no, 0)) for number, row in enumerate(rows, 1)]


def _member(number: int, row: Any, facts: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    known = [fact for _, fact in facts]
    bills = [fact for fact in known if isinstance(fact, Bill)]
    paid = [fact for fact in received(known) if isinstance(fact, Payment)]
    return {
        "process": "arrears",
        "account": {
            "no": f"A{number}",
            "class": row.customer_class,
            "estate": row.estate,
            "phone": "13800000000",
            "protected": row.protected,
        },
        "bills": [
            {
                "no": f"A{number}-{at}",
                "period": bill.period,
                "amount": yuan(bill.amount_fen),
                "late_fee": yuan(bill.late_fee_fen),
                "due_on": bill.due_on.isoformat(),
            }
            for at, bill in enumerate(bills, 1)
        ],
        "pay": [{"at": each.paid_at.isoformat(), "amount": yuan(each.amount_fen)} for each in paid],
    }
