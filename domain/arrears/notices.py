"""Notices on paper: which may be made out now, of what debt each speaks, and what is on it.

A notice speaks of the debt as it was made out, whenever it is printed or served after that: its bills and amounts are
in the record, and a bill that joins later is not on it.
"""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from domain.account import Bill, Estate
from domain.arrears.facts import ArrearsFacts, IssuedNotice
from domain.arrears.ladder import pursuable
from domain.arrears.policy import ArrearsPolicy, NoticeWords, Remind, Serve, Wait
from domain.calendars import Calendar, day_of
from domain.money import Yuan, in_words, yuan
from domain.papers import Code, Paper
from domain.policy import Strict
from domain.refusals import Refused
from domain.terms import Term, due_at

OFF_THE_LADDER = ("limited", "restored", "settled", "closed")


class NoticeDue(Strict):
    """A notice that may be made out now: `name` as the pack calls it, `task` what serves it (none for a reminder)."""

    name: str
    task: str | None


class Addressee(Strict):
    """Whom a notice goes to, from the store: the case itself knows no name and no address."""

    name: str | None
    address: str | None
    estate: Estate


class BillLine(Strict):
    """A bill on a notice: what is still owed of it, and readings and volume (cubic metres) if they are known."""

    no: str
    period: str
    due_on: date
    amount: Yuan
    reading_before: Decimal | None = None
    reading: Decimal | None = None
    volume: Decimal | None = None
    estimated: bool = False


class Notice(Paper):
    """A notice as it is printed. `content` is the hash of all that it says; `copy_no`: how often it was printed before.

    `last_day`: the last day to pay if it is served on the day it was made out.
    """

    utility: str
    no: str
    account_no: str
    customer: str | None
    address: str | None
    bills: tuple[BillLine, ...]
    amount: Yuan
    amount_in_words: str
    late_fees: Yuan | None
    within: str | None
    last_day: date | None
    words: str
    follows: str
    basis: tuple[str, ...]
    code: Code | None
    content: str = ""
    copy_no: int = 0

    def sealed(self) -> Self:
        """The notice with the hash of what it says."""
        said = json.dumps(
            self.model_dump(mode="json", exclude={"content", "copy_no"}), ensure_ascii=False, sort_keys=True
        )
        return self.model_copy(update={"content": hashlib.sha256(said.encode()).hexdigest()})


def nothing_due() -> Refused:
    """Why no notice is made out where none is called for."""
    return Refused(
        "not-open",
        "no notice can be made out now: nothing is pursued, or the case stands where none is served",
        zh="现在没有可开具的通知单：没有可追缴的欠费，或案件正处在不发通知单的阶段。",
    )


def notices_due(facts: ArrearsFacts, policy: ArrearsPolicy) -> tuple[NoticeDue, ...]:
    """The notices that may be made out now: those that an open task serves; without one, the reminder."""
    if facts.outcome is not None or facts.withdrawn or not pursuable(facts.owed(), policy):
        return ()
    open_now = {task.key for task in facts.tasks.values()}
    served = tuple(
        NoticeDue(name=rung.notice.value, task=rung.task)
        for rung in policy.ladder
        if isinstance(rung, Serve) and rung.notice is not None and rung.task in open_now
    )
    if served or facts.holds or facts.stage in OFF_THE_LADDER:
        return served
    remind = next(rung for rung in policy.ladder if isinstance(rung, Remind))
    return (NoticeDue(name=remind.notice.value, task=None),) if remind.notice is not None else ()


def pursued(facts: ArrearsFacts) -> dict[str, int]:
    """What a notice made out now speaks of: this customer's uncontested overdue bills, oldest first (fen left)."""
    contested = {dispute.bill for dispute in facts.disputes if dispute.ended_at is None}
    owed = facts.owed()
    left = {no: fen for no, fen in owed.owed.items() if no not in contested and no not in owed.left_behind}
    return {bill.no: left[bill.no] for bill in facts.bills() if bill.no in left}


def standing_notice(facts: ArrearsFacts, name: str) -> IssuedNotice | None:
    """The notice of this kind that was made out and holds: not served yet, and asking for no more than is owed."""
    issued = facts.issued.get(name)
    if issued is None or issued.served_at is not None:
        return None
    owed_now = pursued(facts)
    return issued if all(owed_now.get(no, 0) >= fen for no, fen in issued.bills.items()) else None


def next_notice_no(facts: ArrearsFacts) -> str:
    return f"{facts.case_no}-T{facts.notices_issued + 1}"


def notice(
    *,
    due: NoticeDue,
    facts: ArrearsFacts,
    policy: ArrearsPolicy,
    calendar: Calendar,
    utility: str,
    addressee: Addressee,
    at: datetime,
) -> Notice:
    """The notice made out at `at`, of the debt as it is by the facts."""
    words = policy.notices[due.name]
    bills = pursued(facts)
    known = {fact.no: fact for fact in facts.ledger if isinstance(fact, Bill)}
    amount, no = sum(bills.values()), next_notice_no(facts)
    term = term_from(due.task, facts, policy)
    last_day = None
    if term is not None:
        last_day = day_of(due_at(term=term, started_at=at, calendar=calendar).at)  # 24:00 belongs to the day it ends
    owed = facts.owed()
    fees = owed.late_fees if owed.undisputed == owed.overdue else 0  # of bills that are not on it they would be none
    return Notice(
        title=words.title.value,
        dated_at=at,
        utility=utility,
        no=no,
        account_no=facts.account.no,
        customer=_named(addressee, words),
        address=addressee.address,
        bills=tuple(_line(known[no], fen) for no, fen in bills.items()),
        amount=yuan(amount),
        amount_in_words=in_words(amount),
        late_fees=yuan(fees) if fees else None,
        within=_within(term) if term is not None else None,
        last_day=last_day,
        words=words.words.value,
        follows=words.follows.value,
        basis=words.basis.value,
        code=_code(policy, account_no=facts.account.no, notice_no=no, amount=yuan(amount)),
    ).sealed()


def _line(bill: Bill, left: int) -> BillLine:
    known = ("no", "period", "due_on", "reading_before", "reading", "volume", "estimated")
    return BillLine(**{name: getattr(bill, name) for name in known}, amount=yuan(left))


def as_told(due: NoticeDue, filled: Notice) -> dict[str, Any]:
    """What the case is told of a notice that was filled in (`IssueNotice`)."""
    said = {"name": due.name, "task": due.task, "no": filled.no}
    return said | {"amount_fen": filled.amount, "content": filled.content}


def term_from(task: str | None, facts: ArrearsFacts, policy: ArrearsPolicy) -> Term | None:
    """The customer's time to pay from the service of a notice: the one that the ladder waits for."""
    waits = (rung for rung in policy.ladder if isinstance(rung, Wait) and rung.after == task)
    return next((rung.term(facts.account.customer_class).value for rung in waits), None)


def _within(term: Term) -> str:
    match term.counts:
        case "natural":
            return f"{term.days}日"
        case "working":
            return f"{term.days}个工作日"
        case _:
            return f"{int(term.duration.total_seconds() // 3600)}小时"


def _named(addressee: Addressee, words: NoticeWords) -> str | None:
    """The customer's name as far as the pack lets others read it."""
    match words.names.value:
        case "in-full":
            return addressee.name
        case "starred":
            return f"{addressee.name[:1]}**" if addressee.name else None
        case "not-where-posted":
            return None if addressee.estate == "open" else addressee.name


def _code(policy: ArrearsPolicy, *, account_no: str, notice_no: str, amount: str) -> Code | None:
    if policy.pay_code is None:
        return None
    return Code(text=policy.pay_code.value.format(account_no=account_no, notice_no=notice_no, amount=amount))
