"""Debts as they really went: a log of fines read as accounts with bills and payments.

The log has the shape of the public "Road Traffic Fine Management Process" (4TU.ResearchData; CSV, one event a row):

- the fine is a bill in yuan, its sending the due day, the expense of sending a late fee, the added penalty (the column
  then holds the new total) another bill of the difference, a payment a payment;
- an appeal disputes every bill there is, a result that upholds the fine ends the dispute, one that dismisses it does
  not; credit collection is nothing: the ladder decides.

The log moves as a whole, by whole weeks, so that its earliest sending falls in the first week of 2026; what was sent a
year or more after that is folded back by 52 weeks at a time. Payments booked by the day get an hour. The morning after
a due day billing hands in what is overdue.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Literal

from domain.account import Bill
from domain.calendars import CHINA, start_of
from domain.money import fen

DAY = timedelta(days=1)
FOLD = timedelta(weeks=52)
Kind = Literal["bill", "overdue", "pay", "dispute", "resolve"]


@dataclass(frozen=True)
class Deed:
    """One thing that happened to a debt. Amounts are fen."""

    at: datetime
    kind: Kind
    no: str = ""
    amount_fen: int = 0
    late_fee_fen: int = 0
    due_on: date | None = None

    def bill(self) -> Bill:
        if self.due_on is None:
            raise ValueError(f"{self.kind} {self.no} is no bill: it has no due day")
        return Bill(
            no=self.no,
            period=f"{self.at:%Y-%m}",
            amount_fen=self.amount_fen,
            late_fee_fen=self.late_fee_fen,
            due_on=self.due_on,
            at=self.at,
        )


@dataclass(frozen=True)
class Fine:
    """A debt and its deeds in order of time; `sent_on` None when it was never sent, so never fell due."""

    no: str
    sent_on: date | None
    deeds: tuple[Deed, ...]


def read_fines(path: Path) -> list[Fine]:
    """The fines of a log, in its order, moved into 2026. Raises ValueError for a file of another shape."""
    by_no: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        wanted = {"case:concept:name", "concept:name", "time:timestamp", "amount", "paymentAmount"}
        if missing := wanted - set(rows.fieldnames or ()):
            raise ValueError(f"{path.name}: no log of fines: columns {', '.join(sorted(missing))} are missing")
        for row in rows:
            by_no.setdefault(row["case:concept:name"], []).append(row)
    sent = {no: day for no, events in by_no.items() if (day := _sent_on(events)) is not None}
    if not sent:
        raise ValueError(f"{path.name}: no fine in it was ever sent")
    earliest = min(sent.values())
    first_week = date(2026, 1, 1)
    target = first_week + timedelta(days=(earliest.weekday() - first_week.weekday()) % 7)
    whole = target - earliest
    fines = []
    for no, events in by_no.items():
        folds = (sent.get(no, earliest) - earliest) // FOLD
        fines.append(_fine(no, events, shift=whole - folds * FOLD))
    return fines


def _sent_on(events: Iterable[dict[str, str]]) -> date | None:
    return next((_when(row).date() for row in events if row["concept:name"] == "Send Fine"), None)


def _when(row: dict[str, str]) -> datetime:
    """Wall-clock time as the log's own office had it."""
    return datetime.fromisoformat(row["time:timestamp"]).replace(tzinfo=CHINA)


def _yuan(text: str | None) -> int:
    return fen(Decimal(text).quantize(Decimal("0.01"))) if text else 0


def _fine(no: str, events: Sequence[dict[str, str]], *, shift: timedelta) -> Fine:
    chance = Random(no)  # noqa: S311 - seeded, drawn again alike
    upheld = all(row.get("dismissal") in ("", None, "NIL") for row in events)
    expense = sum(_yuan(row.get("expense")) for row in events if row["concept:name"] == "Send Fine")
    sent_on = _sent_on(events)
    due_on = sent_on + shift if sent_on else None
    deeds: list[Deed] = []
    total, bills = 0, 0
    for row in sorted(events, key=_when):
        at, name = _when(row) + shift, row["concept:name"]
        if at.time() == datetime.min.time():
            at += timedelta(
                hours=10 if name == "Payment" else 9, minutes=chance.randrange(300) if name == "Payment" else 0
            )
        if name in ("Create Fine", "Add penalty"):
            owed, total, bills = _yuan(row["amount"]) - total, _yuan(row["amount"]), bills + 1
            due = due_on if bills == 1 else at.date()
            if due is None or owed <= 0:
                continue
            fee = expense if bills == 1 else 0
            deeds.append(Deed(at=at, kind="bill", no=f"B{bills}", amount_fen=owed, late_fee_fen=fee, due_on=due))
            deeds.append(Deed(at=start_of(due + DAY) + timedelta(hours=9), kind="overdue", no=f"B{bills}"))
        elif name == "Payment":
            deeds.append(Deed(at=at, kind="pay", no=f"{no}-{len(deeds)}", amount_fen=_yuan(row["paymentAmount"])))
        elif name == "Notify Result Appeal to Offender" and upheld:
            deeds.append(Deed(at=at, kind="resolve"))
        elif "Appeal" in name and not name.startswith(("Receive", "Notify")):
            deeds.append(Deed(at=at, kind="dispute"))
    return Fine(no=no, sent_on=due_on, deeds=tuple(sorted(deeds, key=lambda deed: deed.at)))
