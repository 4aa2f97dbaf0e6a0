"""What in a case is not as usual: said to whoever is asked to approve, never decided on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from domain.account import Bill, received
from domain.arrears.facts import ArrearsFacts
from domain.money import yuan

LATELY = timedelta(days=3)
HABIT = 3
MUCH_MORE, MUCH_LESS = 2, 0.5
MANY = 2


class Around(NamedTuple):
    """What is known beside the case itself.

    `limited_before`: this account's water, in any case; `not_reached` contacts and `broken` promises of this case;
    `near`: protections of other accounts at the same address.
    """

    limited_before: bool
    not_reached: int
    broken: int
    near: tuple[str, ...]


class Unusual(NamedTuple):
    """One difference, in both languages."""

    zh: str
    en: str


def unusual(facts: ArrearsFacts, around: Around, *, at: datetime) -> list[Unusual]:
    """The differences from the usual, gravest first."""
    return list(_unusual(facts, around, at=at))


def _unusual(facts: ArrearsFacts, around: Around, *, at: datetime) -> Iterator[Unusual]:
    if "vulnerable" in around.near or "hospital" in around.near or "school" in around.near:
        yield Unusual("同一地址有受保护的用户", "a protected customer has the same address")
    lately = [payment for payment in received(facts.ledger) if at - LATELY <= payment.counts_from <= at]
    if lately:
        paid = yuan(sum(payment.amount_fen for payment in lately))
        yield Unusual(f"最近 3 天内缴过费（{paid} 元）", f"paid within the last 3 days (¥{paid})")
    if (disputed := facts.owed().disputed) > 0:
        yield Unusual(f"有争议金额 {yuan(disputed)} 元", f"¥{yuan(disputed)} is disputed")
    yield from _against_habit(facts)
    if not around.limited_before:
        yield Unusual("这一户以前没有限过压", "this account has never been limited before")
    failed = sum(tried.failed for tried in facts.attempts.values())
    if failed >= MANY:
        yield Unusual(f"送达失败 {failed} 次", f"{failed} attempts to serve failed")
    if around.not_reached >= MANY:
        yield Unusual(
            f"{around.not_reached} 次沟通没有联系上", f"{around.not_reached} contacts did not reach the customer"
        )
    if around.broken:
        yield Unusual(f"{around.broken} 次承诺或分期没有兑现", f"{around.broken} promises or plans were not kept")


def _against_habit(facts: ArrearsFacts) -> Iterator[Unusual]:
    """The last overdue bill beside what the account's bills mostly were, where there are enough to say."""
    owed = facts.owed().owed
    bills = [fact for fact in facts.ledger if isinstance(fact, Bill)]
    unpaid = sorted((bill for bill in bills if bill.no in owed), key=lambda bill: bill.due_on)
    if not unpaid:
        return
    last = unpaid[-1]
    earlier = [bill.amount_fen for bill in bills if bill.no != last.no and bill.due_on <= last.due_on]
    if len(earlier) < HABIT:
        return
    usual = int(median(earlier))
    said = f"{yuan(last.amount_fen)}", f"{yuan(usual)}"
    if last.amount_fen >= MUCH_MORE * usual:
        yield Unusual(
            f"最近一张账单 {said[0]} 元，平常约 {said[1]} 元：明显偏高",
            f"the last bill is ¥{said[0]}, usually about ¥{said[1]}: far above",
        )
    elif last.amount_fen <= MUCH_LESS * usual:
        yield Unusual(
            f"最近一张账单 {said[0]} 元，平常约 {said[1]} 元：明显偏低",
            f"the last bill is ¥{said[0]}, usually about ¥{said[1]}: far below",
        )
