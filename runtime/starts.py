"""How a case starts: its message, put together from the store at the moment it is sent."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from domain.account import standing
from domain.arrears.carried import carried_over
from domain.arrears.facts import ArrearsFacts
from domain.calendars import Calendar
from policies.packs import load_calendar, load_pack
from store import calendars, ledger, projects
from store.database import Database
from store.tables import cases, openings
from workflows.arrears_case import ArrearsCase
from workflows.connection_project import ConnectionProject
from workflows.messages import ArrearsOpened, Carried, Opened, ProjectOpened

YEARS_AHEAD = 4


class Start(NamedTuple):
    """A workflow to start: which, under what name, with what message."""

    process: str
    subject: str
    workflow: Any
    opened: Opened


class Starts:
    """Reads starts from the store. `shift` is business time minus engine time, zero but in a rehearsal."""

    def __init__(
        self, database: Database, *, shift: Callable[[], timedelta], calendar: Calendar | None, renew_after: int
    ) -> None:
        self.database = database
        self.shift = shift
        self.calendar = calendar
        self.renew_after = renew_after

    def opening(self, case_no: str) -> Start | None:
        """The start of a case as the store has it now; None when the case has begun already."""
        with self.database.read() as connection:
            if connection.scalar(select(cases.c.case_no).where(cases.c.case_no == case_no)) is not None:
                return None
            place = connection.execute(select(openings).where(openings.c.case_no == case_no)).one()
            if place.process == "connection":
                return self._project(connection, case_no, pack=place.pack, opened_at=place.at)
            start = self._arrears(connection, case_no, place.subject, pack=place.pack, opened_at=place.at)
            if (last := _last_case(connection, place.subject)) is None:
                return start
            stands = carried_over(ArrearsFacts.model_validate(last.facts), at=place.at)
            return start._replace(opened=start.opened.model_copy(update={"stands": stands}))

    def reopening(self, account_no: str) -> Start | bool:
        """The next run of a closed arrears case whose debt came back with a reversal.

        True when there is nothing to do; False when it is too early to say: a start is on its way, or an end is being
        recorded.
        """
        with self.database.read() as connection:
            mine = (openings.c.process == "arrears", openings.c.subject == account_no)
            if connection.scalar(select(openings.c.case_no).where(*mine, openings.c.open_subject.is_not(None))):
                return False
            if (last := _last_case(connection, account_no)) is None:
                return True
            news = [fact for _, fact in ledger.facts_after(connection, account_no, last.ledger_position)]
            taken_back = [fact.at for fact in news if fact.kind == "reversal"]
            facts = ArrearsFacts.model_validate(last.facts)
            if not taken_back or facts.outcome == "withdrawn":
                return True
            everything = [fact for _, fact in ledger.facts_after(connection, account_no, 0)]
            if standing(facts=everything, disputes=facts.disputes, as_of=max(taken_back)).overdue == 0:
                return True
            carried = Carried(facts=last.facts, sequence=last.sequence, run=last.run + 1, reopened_at=min(taken_back))
            start = self._arrears(connection, last.case_no, account_no, pack=last.pack, opened_at=last.opened_at)
            return start._replace(opened=start.opened.model_copy(update={"carried": carried}))

    def project_reopening(self, body: Mapping[str, Any]) -> Start | None:
        """The next run of a closed project that somebody has reopened; None when it is open (again) already."""
        with self.database.read() as connection:
            last = connection.execute(select(cases).where(cases.c.case_no == body["case_no"])).one()
            if last.status != "closed" or last.run >= body["run"]:
                return None
            carried = Carried(
                facts=last.facts,
                sequence=last.sequence,
                run=body["run"],
                reopened_at=body["at"],
                reopened_by=body["by"],
                reopened_because=body["reason"],
            )
            start = self._project(connection, last.case_no, pack=last.pack, opened_at=last.opened_at)
            return start._replace(opened=start.opened.model_copy(update={"carried": carried}))

    def _arrears(
        self, connection: Connection, case_no: str, account_no: str, *, pack: str, opened_at: datetime
    ) -> Start:
        policy = load_pack(pack).arrears
        if policy is None:
            raise ValueError(f"pack {pack} has no arrears section")
        opened = ArrearsOpened(
            **self._common(connection, case_no, pack=pack, opened_at=opened_at),
            account=ledger.account(connection, account_no),
            policy=policy,
            ledger=tuple(ledger.facts_after(connection, account_no, 0)),
        )
        return Start("arrears", account_no, ArrearsCase.run, opened)

    def _project(self, connection: Connection, case_no: str, *, pack: str, opened_at: datetime) -> Start:
        policy = load_pack(pack).connection
        if policy is None:
            raise ValueError(f"pack {pack} has no connection section")
        project, papers = projects.project(connection, case_no)
        opened = ProjectOpened(
            **self._common(connection, case_no, pack=pack, opened_at=opened_at),
            project=project,
            papers=papers,
            policy=policy,
        )
        return Start("connection", case_no, ConnectionProject.run, opened)

    def _common(self, connection: Connection, case_no: str, *, pack: str, opened_at: datetime) -> dict[str, Any]:
        calendar = self.calendar or calendars.published(connection, load_calendar())
        return {
            "case_no": case_no,
            "pack": pack,
            "calendar": calendar.only(range(opened_at.year, opened_at.year + YEARS_AHEAD)),
            "opened_at": opened_at,
            "shift": self.shift(),
            "renew_after": self.renew_after,
        }


def _last_case(connection: Connection, account_no: str) -> Any:
    """The case that an account had last; None when it never had one."""
    mine = select(cases).where(cases.c.process == "arrears", cases.c.subject == account_no)
    return connection.execute(mine.order_by(cases.c.opened_at.desc(), cases.c.case_no.desc()).limit(1)).one_or_none()
