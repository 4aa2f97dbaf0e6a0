"""What is not as usual, told to whoever approves a limit."""

from datetime import date, datetime, timedelta

from domain.account import Account, Bill, Payment
from domain.arrears.facts import ArrearsFacts, Attempts
from domain.arrears.unusual import Around, unusual
from domain.calendars import CHINA

AT = datetime(2026, 6, 20, 9, tzinfo=CHINA)
PLAIN = Around(limited_before=True, not_reached=0, broken=0, near=())


def facts(*amounts: int, paid: datetime | None = None, failed: int = 0) -> ArrearsFacts:
    """An account with a bill a month, the last one in June; all but the last were paid."""
    bills = [
        Bill(
            no=f"B{no}", period=f"2026-{no:02d}", amount_fen=fen, due_on=date(2026, no, 10), at=AT - timedelta(days=170)
        )
        for no, fen in enumerate(amounts, 7 - len(amounts))
    ]
    payments = [
        Payment(reference=f"T{bill.no}", amount_fen=bill.amount_fen, bills=(bill.no,), paid_at=bill.at, at=bill.at)
        for bill in bills[:-1]
    ]
    if paid is not None:
        payments.append(Payment(reference="now", amount_fen=100, paid_at=paid, at=paid))
    return ArrearsFacts(
        case_no="QF-20260611-0001",
        pack="x",
        opened_at=AT - timedelta(days=9),
        as_of=AT,
        account=Account(no="1", customer_class="resident"),
        ledger=(*bills, *payments),
        attempts={"arrears.serve-dunning-notice": Attempts(counts_from=AT, failed=failed)} if failed else {},
    )


def said(case: ArrearsFacts, around: Around = PLAIN) -> list[str]:
    return [each.zh for each in unusual(case, around, at=AT)]


def test_nothing_is_said_of_what_is_as_usual() -> None:
    assert said(facts(5_000, 5_200, 4_900, 5_100)) == []


def test_a_bill_far_from_the_habit_is_told_and_few_bills_make_no_habit() -> None:
    assert said(facts(5_000, 5_200, 4_900, 15_000)) == ["最近一张账单 150.00 元，平常约 50.00 元：明显偏高"]
    assert said(facts(5_000, 5_200, 4_900, 2_000)) == ["最近一张账单 20.00 元，平常约 50.00 元：明显偏低"]
    assert said(facts(5_000, 15_000)) == []


def test_money_of_the_last_days_is_told() -> None:
    bills = (5_000, 5_200, 4_900, 5_100)
    assert said(facts(*bills, paid=AT - timedelta(days=2))) == ["最近 3 天内缴过费（1.00 元）"]
    assert said(facts(*bills, paid=AT - timedelta(days=4))) == []


def test_what_is_around_the_case_is_told() -> None:
    case = facts(5_000, 5_200, 4_900, 5_100, failed=2)
    around = Around(limited_before=False, not_reached=3, broken=1, near=("vulnerable",))
    assert said(case, around) == [
        "同一地址有受保护的用户",
        "这一户以前没有限过压",
        "送达失败 2 次",
        "3 次沟通没有联系上",
        "1 次承诺或分期没有兑现",
    ]
