"""A population: many cases as they came in, read from a log or a list, to be lived through under one pack or another.

Three shapes, told apart by what is in the file: a log of fines (`debts`), an intake log (`activities.applications`),
and a YAML list of cases, each with its process, its opening and, for arrears, what was paid and when.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from activities.applications import WANTED as OF_AN_INTAKE
from activities.applications import UnreadableApplications, read_applications
from domain.calendars import start_of
from domain.money import PositiveYuan
from domain.policy import Strict
from policies import written
from rehearsal.debts import Deed, read_fines
from rehearsal.files import WrongFile, plain
from rehearsal.openings import ConnectionOpening, OpeningAccount, OpeningBill, Project
from rehearsal.report import Instant
from store.ledger import AccountRecord
from store.projects import ProjectRecord

PHONE = "13800000000"
MORNING = timedelta(days=1, hours=9)


@dataclass(frozen=True)
class Debtor:
    """An account and everything that happened to its debt, in order of time."""

    no: str
    account: AccountRecord
    deeds: tuple[Deed, ...]


@dataclass(frozen=True)
class Applicant:
    """An application for water. Without `papers` in its record, those of the pack's checklist are handed in."""

    no: str
    record: ProjectRecord
    at: datetime


Member = Debtor | Applicant


class _Paid(Strict):
    at: Instant
    amount: PositiveYuan


class _ArrearsMember(Strict):
    process: Literal["arrears"]
    account: OpeningAccount
    bills: tuple[OpeningBill, ...] = Field(min_length=1)
    pay: tuple[_Paid, ...] = ()

    def member(self, number: int) -> Debtor:
        deeds: list[Deed] = []
        for bill in self.bills:
            overdue = start_of(bill.due_on) + MORNING
            fields = {"no": bill.no, "amount_fen": bill.amount, "late_fee_fen": bill.late_fee, "due_on": bill.due_on}
            deeds.append(Deed(at=overdue, kind="bill", **fields))  # type: ignore[arg-type]
            deeds.append(Deed(at=overdue, kind="overdue", no=bill.no))
        for nth, paid in enumerate(self.pay, 1):
            deeds.append(Deed(at=paid.at, kind="pay", no=f"{self.account.no}-{nth}", amount_fen=paid.amount))
        order = {"bill": 0, "overdue": 1}
        in_order = tuple(sorted(deeds, key=lambda deed: (deed.at, order.get(deed.kind, 2))))
        return Debtor(no=self.account.no, account=self.account, deeds=in_order)


class _ConnectionMember(Strict):
    process: Literal["connection"]
    starts_at: Instant
    project: Project
    papers: tuple[str, ...] | None = None

    def member(self, number: int) -> Applicant:
        opening = ConnectionOpening(project=self.project, papers=self.papers)
        return Applicant(no=str(number), record=opening.record(checklist=()), at=self.starts_at)


_MEMBER: TypeAdapter[_ArrearsMember | _ConnectionMember] = TypeAdapter(
    Annotated[_ArrearsMember | _ConnectionMember, Field(discriminator="process")]
)


def read_population(path: Path) -> list[Member]:
    """Everybody in the file, in its order. Raises `WrongFile` with every fault found."""
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            return _listed(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = next(csv.reader(file), [])
        if set(OF_AN_INTAKE) <= set(columns):
            records = read_applications(path, checklist={})
            return [
                Applicant(no=str(record.reference), record=record, at=record.arrived_at)
                for record in records
                if record.arrived_at is not None
            ]
        return [
            Debtor(
                no=fine.no,
                account=AccountRecord(no=f"F-{fine.no}", customer_class="resident", estate="gated", phone=PHONE),
                deeds=fine.deeds,
            )
            for fine in read_fines(path)
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise WrongFile([f"{path}: cannot be read: {wrong}"]) from None
    except (UnreadableApplications, ValueError) as wrong:
        raise WrongFile([f"{path}: {wrong}"]) from None


def sampled(members: Sequence[Member], *, size: int | None, seed: int) -> list[Member]:
    """So many of them, drawn by the seed and kept in order; all of them when there are no more."""
    if size is None or size >= len(members):
        return list(members)
    drawn = Random(f"{seed}/sample").sample(range(len(members)), size)  # noqa: S311 - seeded, drawn again alike
    return [members[place] for place in sorted(drawn)]


def _listed(path: Path) -> list[Member]:
    root, found = written.read(path.read_bytes())
    faults = [f"{path}:{fault.line}:{fault.column}: {fault.path}: {fault.message}" for fault in found]
    members: list[Member] = []
    if root is None or not isinstance(root.value, list):
        raise WrongFile(faults or [f"{path}:1:1: write a list of cases, each after a dash"])
    for number, node in enumerate(root.value, 1):
        try:
            members.append(_MEMBER.validate_python(plain(node)).member(number))
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False, include_input=False):
                where = ".".join(str(part) for part in error["loc"])
                faults.append(f"{path}:{node.at.line}:{node.at.column}: case {number}: {where}: {error['msg']}")
    if faults:
        raise WrongFile(faults)
    return members
