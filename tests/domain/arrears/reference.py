"""A second opinion on an account, written from the design and not from the code: what is owed, may it be limited.

It is told what the world did and asks the rules nothing. Amounts in fen; one method a question.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from domain.calendars import Calendar, day_of, start_of

THRESHOLD = 5000
DAY = timedelta(days=1)


@dataclass
class Money:
    """A payment: `heard_at` is None until the case has read it; one taken back never counted."""

    reference: str
    amount: int
    names: tuple[str, ...]
    paid_at: datetime
    posted_at: datetime
    position: int
    back_at: datetime | None = None
    back_at_position: int | None = None

    @property
    def taken_back(self) -> bool:
        return self.back_at is not None


@dataclass
class Debt:
    """A bill: what it asks for, by which day, and where and when the ledger had it; `fee` is its late fee.

    One that was wrong is taken back at a position of the ledger, and `instead` stands in its place.
    """

    amount: int
    due_on: date
    position: int
    here_at: datetime
    fee: int = 0
    waived: bool = False
    back_at_position: int | None = None
    instead: str | None = None

    @property
    def overdue_from(self) -> datetime:
        return start_of(self.due_on + DAY)

    def was_back(self, read_up_to: int | None) -> bool:
        return self.back_at_position is not None and (read_up_to is None or self.back_at_position <= read_up_to)


@dataclass
class Newcomer:
    """Another customer, or none any more: what was owed before `on`, or is named, is nobody's of today."""

    what: str
    on: date
    bills: tuple[str, ...]
    at: datetime
    position: int

    def leaves(self, no: str, debt: Debt) -> bool:
        if self.what in ("tenant", "owner"):
            return f"{debt.due_on:%Y-%m}" < f"{self.on:%Y-%m}" or no in self.bills
        return self.what != "resumed"


@dataclass
class Told:
    """A notice that reached the customer: when, by whom, and of what class the customer was."""

    at: datetime
    by: str
    customer_class: str


@dataclass
class Contest:
    bill: str
    started_at: datetime
    ended_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.started_at <= at and (self.ended_at is None or at < self.ended_at)

    def held_just_before(self, at: datetime) -> bool:
        return self.started_at < at and (self.ended_at is None or at <= self.ended_at)


@dataclass
class Standstill:
    """A hold, promise or plan. `parts` are (due, amount) in order of time, `read_up_to` where the ledger was then.

    One that somebody `looks_at` does not end by itself. `reference` names money on its way, `ground` why it stands.
    """

    started_at: datetime
    until: datetime | None = None
    parts: tuple[tuple[datetime, int], ...] = ()
    read_up_to: int = 0
    ended: bool = False
    id: str = ""
    ground: str | None = None
    looks_at: bool = False
    reference: str | None = None


@dataclass
class Reference:
    """`read_up_to` is how many facts of the ledger the case has read; the ledger itself is always whole."""

    calendar: Calendar
    bills: dict[str, Debt] = field(default_factory=dict)
    payments: list[Money] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    standstills: list[Standstill] = field(default_factory=list)
    protected: bool = False
    stale: bool = False
    withdrawn: bool = False
    newcomers: list[Newcomer] = field(default_factory=list)
    classes_at: list[int] = field(default_factory=list)
    served: dict[str, Told] = field(default_factory=dict)
    reporter: str | None = None
    contacts: int = 0
    approver: str | None = None
    stood: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def owed(self, at: datetime, *, read_up_to: int | None = None) -> tuple[int, int]:
        """What is overdue, and what of it may be pursued, by the ledger or by what the case has read of it."""
        left = self.left(at, read_up_to=read_up_to)
        return sum(left.values()), sum(left[no] for no in left if not self._nobodys(no, at, read_up_to))

    def told(self, at: datetime, *, by: int, read_up_to: int | None = None) -> int:
        """What may be pursued of the bills that the last notice could speak of: here and overdue then, and read.

        One put right since was spoken of as far as the one before it.

        `by` is how many facts of the ledger the case has read, whoever's balance this is.
        """
        if not self.served:
            return 0
        last = max(told.at for told in self.served.values())
        left = self.left(at, read_up_to=read_up_to)
        spoken_of = dict.fromkeys(left, 0)
        for no, debt in self.bills.items():
            stands = self._stands(no, by)
            if max(debt.overdue_from, debt.here_at) <= last and debt.position <= by and stands in spoken_of:
                spoken_of[stands] += debt.amount
        pursued = [no for no in left if not self._nobodys(no, at, read_up_to)]
        return sum(min(left[no], spoken_of[no]) for no in pursued)

    def left(self, at: datetime, *, read_up_to: int | None = None) -> dict[str, int]:
        """What is left of each bill that is overdue, by the ledger or by what the case has read of it."""
        read = {no: b for no, b in self.bills.items() if read_up_to is None or b.position <= read_up_to}
        bills = {no: b for no, b in read.items() if not b.was_back(read_up_to)}
        money = [p for p in self.payments if self._counts(p, read_up_to)]
        contests = [*self.contests, *self._successors(read_up_to)]
        left = {no: debt.amount for no, debt in bills.items()}
        fees = {no: 0 if debt.waived else debt.fee for no, debt in bills.items()}
        falls_due = {no: debt.overdue_from for no, debt in bills.items()}
        turns = {*falls_due.values(), *(p.paid_at for p in money)}
        turns |= {turn for c in contests for turn in (c.started_at, c.ended_at) if turn is not None}
        purse = 0
        oldest_first = sorted(left, key=lambda no: (bills[no].due_on, no))
        for turn in sorted(turn for turn in turns if turn <= at):
            due = [no for no in oldest_first if falls_due[no] <= turn]
            # What falls due at this instant is netted before a dispute that is raised at it.
            just_before = {c.bill for c in contests if c.held_just_before(turn)}
            purse = _spend(purse, [no for no in due if no not in just_before], left, fees)
            held = {c.bill for c in contests if c.holds(turn)}
            pursued = [no for no in due if no not in held]
            purse = _spend(purse, pursued, left, fees)
            for payment in sorted((p for p in money if p.paid_at == turn), key=lambda p: p.reference):
                purse += payment.amount
                named = [self._stands(no, read_up_to) for no in payment.names]
                purse = _spend(purse, [no for no in named if no in left], left, fees)
                purse = _spend(purse, pursued, left, fees)
        return {no: amount for no, amount in left.items() if falls_due[no] <= at}

    def forbids(self, at: datetime, *, read_up_to: int) -> set[str]:
        """Everything about the account that forbids a limit at this instant, by the interlock's names.

        Money that is here counts, and so does a dispute, though a clock that was put back says that it is yet to come.
        """
        said_at = [m.paid_at for m in self.payments] + [c.started_at for c in self.contests]
        if any(when > at for when in [*said_at, *(each.at for each in self.newcomers)]):
            payments = [replace(money, paid_at=min(money.paid_at, at)) for money in self.payments]
            contests = [replace(contest, started_at=min(contest.started_at, at)) for contest in self.contests]
            newcomers = [replace(newcomer, at=min(newcomer.at, at)) for newcomer in self.newcomers]
            by_then = replace(self, payments=payments, contests=contests, newcomers=newcomers)
            return by_then.forbids(at, read_up_to=read_up_to)
        why = set()
        if self.owed(at)[1] <= THRESHOLD:
            why.add("debt")
        elif self.told(at, by=read_up_to) <= THRESHOLD:
            why.add("debt-told")
        if self.stale:
            why.add("ledger-current")
        if any(not s.ended and not s.parts for s in self.standstills):
            why.add("no-hold")
        if any(not s.ended and s.parts for s in self.standstills):
            why.add("no-plan")
        if self.protected:
            why.add("not-protected")
        if self.withdrawn:
            why.add("not-withdrawn")
        return why

    def too_early(self, at: datetime, *, notice: str, days: int) -> bool:
        """Whether a rolled period of natural days from a notice's service may not be over yet at `at`."""
        if notice not in self.served:
            return True
        day, left = day_of(self.served[notice].at), days
        lost = [(day_of(since), day_of(until or at)) for since, until in self.stood]
        while left:
            day += DAY
            left -= not any(first < day <= last for first, last in lost)
        while self.calendar.is_day_off(day):
            day += DAY
        return at < start_of(day + DAY)

    def pass_to(self, now: datetime, *, read_up_to: int) -> None:
        """Standstills that ended by themselves up to `now`; whatever is posted is read when one might."""
        for standstill in self.standstills:
            if standstill.ended:
                continue
            total = sum(amount for _, amount in standstill.parts)
            # Kept once the sum was there, though it should be taken back later.
            read = range(standstill.read_up_to, read_up_to + 1)
            if self._answered(standstill, read):
                standstill.ended = True
            elif standstill.until is not None:
                standstill.ended = standstill.until <= now and not standstill.looks_at
            elif standstill.parts and any(self._paid(standstill, read_up_to=each) >= total for each in read):
                standstill.ended = True
            else:
                promised = 0
                for due, amount in standstill.parts:
                    promised += amount
                    if due <= now and self._paid_by(standstill, due, read_up_to=read_up_to) < promised:
                        standstill.ended = True

    def _paid(self, standstill: Standstill, *, read_up_to: int) -> int:
        mine = (p for p in self.payments if p.paid_at >= standstill.started_at)
        return sum(p.amount for p in mine if self._counts(p, read_up_to))

    def _paid_by(self, standstill: Standstill, due: datetime, *, read_up_to: int) -> int:
        """What had come when a part was due. Taken back later, it counts until the case has read so."""
        mine = (p for p in self.payments if p.paid_at >= standstill.started_at and p.posted_at < due)
        return sum(p.amount for p in mine if not self._was_back(p, due, read_up_to=read_up_to))

    @staticmethod
    def _was_back(payment: Money, due: datetime, *, read_up_to: int) -> bool:
        if payment.back_at is None or payment.back_at_position is None:
            return False
        return payment.back_at < due or payment.back_at_position <= read_up_to

    @staticmethod
    def _counts(payment: Money, read_up_to: int | None) -> bool:
        if read_up_to is None:
            return not payment.taken_back
        back = payment.back_at_position is not None and payment.back_at_position <= read_up_to
        return payment.position <= read_up_to and not back

    def _answered(self, standstill: Standstill, read: range) -> bool:
        """Whether what a hold waited for has come: its money, a bill put right, another class."""
        if standstill.reference is not None:
            mine = [money for money in self.payments if money.reference == standstill.reference]
            return any(self._counts(money, each) for money in mine for each in read)
        right = [debt.back_at_position for debt in self.bills.values() if debt.back_at_position is not None]
        news = {"meter-check": right, "relief": right, "use-class": self.classes_at}.get(standstill.ground or "", [])
        return any(position in read[1:] for position in news)

    def _stands(self, no: str, read_up_to: int | None) -> str:
        """The bill in the place of this one; of one taken back for good a number that nobody has."""
        while (debt := self.bills.get(no)) is not None and debt.was_back(read_up_to):
            no = debt.instead or ""
        return no

    def _left_behind(self, read_up_to: int | None) -> list[tuple[Newcomer, Contest]]:
        read = [c for c in self.newcomers if read_up_to is None or c.position <= read_up_to]
        found = []
        for newcomer in read:
            again = [c.at for c in read if c.what == "resumed" and c.at >= newcomer.at]
            until = min(again, default=None) if newcomer.what == "suspended" else None
            left = (no for no, debt in self.bills.items() if newcomer.leaves(no, debt))
            found += [(newcomer, Contest(no, newcomer.at, until)) for no in left]
        return found

    def _successors(self, read_up_to: int | None) -> list[Contest]:
        """No successor's money goes to what was left behind."""
        behind = self._left_behind(read_up_to)
        return [contest for newcomer, contest in behind if newcomer.what in ("tenant", "owner")]

    def _nobodys(self, no: str, at: datetime, read_up_to: int | None) -> bool:
        """Whether a bill is contested, or nobody's of today."""
        every = [*self.contests, *(contest for _, contest in self._left_behind(read_up_to))]
        return any(c.bill == no and c.holds(at) for c in every)


def _spend(purse: int, nos: list[str], left: dict[str, int], fees: dict[str, int]) -> int:
    """What was consumed first, late fees after all of it."""
    for pot in (left, fees):
        for no in nos:
            part = min(purse, pot[no])
            pot[no] -= part
            purse -= part
    return purse
