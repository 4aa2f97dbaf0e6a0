from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.account import (
    Bill,
    Changed,
    Dispute,
    LedgerFact,
    Payment,
    Protected,
    Reversal,
    Standing,
    Void,
    received,
    standing,
)
from domain.calendars import CHINA, start_of
from domain.money import fen

START = datetime(2026, 1, 1, 9, 0, tzinfo=CHINA)
LATER = datetime(2027, 1, 1, tzinfo=CHINA)
HOUR = timedelta(hours=1)

instants = st.integers(0, 24 * 200).map(lambda hours: START + HOUR * hours)
amounts = st.integers(1, 20_000)
numbers = st.sampled_from(["B1", "B2", "B3", "B4"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def bill(no: str, amount: str, due_on: str, *, late_fee: str = "0", recorded_at: datetime = START) -> Bill:
    due = date.fromisoformat(due_on)
    return Bill(
        no=no, period=due_on[:7], amount_fen=fen(amount), due_on=due, late_fee_fen=fen(late_fee), at=recorded_at
    )


def pay(reference: str, amount: str, when: str, *bills: str, heard_at: str | None = None) -> Payment:
    return Payment(reference=reference, amount_fen=fen(amount), bills=bills, paid_at=at(when), at=at(heard_at or when))


def owes(*facts: LedgerFact, disputes: tuple[Dispute, ...] = (), as_of: str = "2026-12-31 12:00") -> Standing:
    return standing(facts=facts, disputes=disputes, as_of=at(as_of))


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerFact]:
    """Bills, payments with and without names, some heard of late, some taken back."""
    facts: list[LedgerFact] = []
    for no in draw(st.lists(numbers, unique=True, min_size=1)):
        due_on = date(2026, 1, 5) + timedelta(days=draw(st.integers(0, 150)))
        fee = draw(st.sampled_from([0, 0, 350]))
        facts.append(
            Bill(no=no, period="2026", amount_fen=draw(amounts), due_on=due_on, late_fee_fen=fee, at=draw(instants))
        )
    for index in range(draw(st.integers(0, 6))):
        paid_at = draw(instants)
        heard_at = paid_at + HOUR * draw(st.integers(0, 100))
        names = tuple(draw(st.lists(numbers, max_size=2, unique=True)))
        reference = f"T{index}"
        facts.append(Payment(reference=reference, amount_fen=draw(amounts), bills=names, paid_at=paid_at, at=heard_at))
        if draw(st.integers(0, 3)) == 0:
            facts.append(Reversal(reference=reference, at=heard_at + HOUR))
    return facts


@st.composite
def contested(draw: st.DrawFn) -> tuple[Dispute, ...]:
    disputes = []
    for no in draw(st.lists(numbers, max_size=3)):
        started_at, hours = draw(instants), draw(st.none() | st.integers(-5, 500))
        ended_at = None if hours is None else started_at + HOUR * hours
        disputes.append(Dispute(bill=no, started_at=started_at, ended_at=ended_at))
    return tuple(disputes)


@given(ledgers(), contested(), instants, st.randoms())
def test_the_balance_does_not_depend_on_the_order_of_arrival(facts, disputes, as_of, chance):
    shuffled, mixed = list(facts), list(disputes)
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    expected = standing(facts=facts, disputes=disputes, as_of=as_of)
    assert standing(facts=shuffled, disputes=mixed, as_of=as_of) == expected


@given(ledgers(), contested(), instants, st.randoms())
def test_a_fact_that_arrives_twice_counts_once(facts, disputes, as_of, chance):
    again = facts + chance.choices(facts, k=5)
    chance.shuffle(again)
    expected = standing(facts=facts, disputes=disputes, as_of=as_of)
    assert standing(facts=again, disputes=disputes, as_of=as_of) == expected


@given(ledgers(), contested(), st.integers(0, 500))
def test_the_balance_is_bills_minus_payments_plus_reversals(facts, disputes, hours):
    owed = standing(facts=facts, disputes=disputes, as_of=LATER + HOUR * hours)
    billed = sum(f.amount_fen + f.late_fee_fen for f in facts if isinstance(f, Bill))
    paid = sum(f.amount_fen for f in facts if isinstance(f, Payment))
    back = {f.reference for f in facts if isinstance(f, Reversal)}
    returned = sum(f.amount_fen for f in facts if isinstance(f, Payment) and f.reference in back)
    assert owed.overdue + owed.late_fees - owed.prepaid == billed - paid + returned


@given(ledgers(), contested(), instants)
def test_no_part_of_a_balance_is_ever_below_nothing(facts, disputes, as_of):
    owed = standing(facts=facts, disputes=disputes, as_of=as_of)
    assert min(owed.overdue, owed.undisputed, owed.disputed, owed.late_fees, owed.prepaid) >= 0
    assert sum(owed.owed.values()) == owed.overdue


@given(ledgers(), contested(), instants)
def test_a_payment_taken_back_counts_as_never_made(facts, disputes, as_of):
    back = {fact.reference for fact in facts if isinstance(fact, Reversal)}
    never = [f for f in facts if not (isinstance(f, Payment | Reversal) and f.reference in back)]
    expected = standing(facts=never, disputes=disputes, as_of=as_of)
    assert standing(facts=facts, disputes=disputes, as_of=as_of) == expected


@given(ledgers(), contested(), st.integers(0, 1000))
def test_a_delay_on_the_way_to_us_changes_no_balance(facts, disputes, hours):
    delayed = [fact.model_copy(update={"at": fact.at + HOUR * hours}) for fact in facts]
    expected = standing(facts=facts, disputes=disputes, as_of=LATER)
    assert standing(facts=delayed, disputes=disputes, as_of=LATER) == expected


def test_a_bill_is_overdue_from_the_midnight_after_its_due_day():
    b1 = bill("B1", "86.40", "2026-03-10")
    assert owes(b1, as_of="2026-03-10 23:59:59").overdue == 0
    assert owes(b1, as_of="2026-03-11 00:00").overdue == 8640
    assert b1.overdue_from == start_of(date(2026, 3, 11))


def test_a_payment_goes_to_the_bills_that_it_names():
    first, second = bill("B1", "60", "2026-02-10"), bill("B2", "40", "2026-03-10")
    assert owes(first, second, pay("T", "40", "2026-03-12 10:00", "B2")).owed == {"B1": 6000}


def test_what_a_naming_payment_leaves_over_goes_to_the_other_bills():
    first, second = bill("B1", "60", "2026-02-10"), bill("B2", "40", "2026-03-10")
    assert owes(first, second, pay("T", "55", "2026-03-12 10:00", "B2")).owed == {"B1": 4500}


def test_a_payment_that_names_none_goes_to_the_oldest_bill_first():
    first, second = bill("B9", "60", "2026-02-10"), bill("B2", "40", "2026-03-10")
    assert owes(first, second, pay("T", "70", "2026-03-12 10:00")).owed == {"B2": 3000}


def test_a_payment_that_names_none_leaves_a_disputed_bill_alone():
    first, second = bill("B1", "60", "2026-02-10"), bill("B2", "40", "2026-03-10")
    dispute = Dispute(bill="B1", started_at=at("2026-03-11 10:00"))
    owed = owes(first, second, pay("T", "70", "2026-03-12 10:00"), disputes=(dispute,))
    assert (owed.owed, owed.undisputed, owed.disputed, owed.prepaid) == ({"B1": 6000}, 0, 6000, 3000)


def test_money_kept_beside_a_dispute_pays_the_bill_once_the_dispute_is_over():
    dispute = Dispute(bill="B1", started_at=at("2026-03-11 10:00"), ended_at=at("2026-03-20 10:00"))
    facts = (bill("B1", "60", "2026-02-10"), pay("T", "70", "2026-03-12 10:00"))
    assert owes(*facts, disputes=(dispute,), as_of="2026-03-20 09:59:59").prepaid == 7000
    after = owes(*facts, disputes=(dispute,), as_of="2026-03-20 10:00")
    assert (after.overdue, after.prepaid) == (0, 1000)


def test_a_payment_may_name_a_disputed_bill():
    dispute = Dispute(bill="B1", started_at=at("2026-03-11 10:00"))
    owed = owes(bill("B1", "60", "2026-02-10"), pay("T", "60", "2026-03-12 10:00", "B1"), disputes=(dispute,))
    assert owed.overdue == 0


def test_a_payment_may_name_a_bill_that_is_recorded_after_it():
    first = bill("B1", "100", "2026-03-05")
    second = bill("B2", "100", "2026-03-10", recorded_at=at("2026-03-15 09:00"))
    assert owes(first, second, pay("T", "100", "2026-03-09 10:00", "B2")).owed == {"B1": 10000}


def test_a_payment_that_names_an_unknown_bill_is_not_lost():
    owed = owes(bill("B1", "60", "2026-02-10"), pay("T", "60", "2026-03-12 10:00", "B7"))
    assert owed.overdue == 0


def test_what_was_paid_before_anything_is_owed_nets_the_next_bill_first():
    facts = (bill("B1", "60", "2026-03-10"), pay("T", "50", "2026-03-01 10:00"), pay("U", "20", "2026-03-12 10:00"))
    assert owes(*facts, as_of="2026-03-10 12:00").prepaid == 5000
    assert owes(*facts, as_of="2026-03-11 00:00").overdue == 1000
    after = owes(*facts, as_of="2026-03-12 10:00")
    assert (after.overdue, after.prepaid) == (0, 1000)


def test_a_late_fee_stands_apart_from_the_principal():
    owed = owes(bill("B1", "60", "2026-02-10", late_fee="3.50"))
    assert (owed.overdue, owed.undisputed, owed.late_fees) == (6000, 6000, 350)


def test_every_principal_is_paid_before_any_late_fee():
    first, second = bill("B1", "60", "2026-02-10", late_fee="3.50"), bill("B2", "40", "2026-03-10")
    owed = owes(first, second, pay("T", "100", "2026-03-12 10:00"))
    assert (owed.overdue, owed.late_fees) == (0, 350)


def test_a_late_fee_is_paid_by_what_is_left_of_a_payment():
    owed = owes(bill("B1", "60", "2026-02-10", late_fee="3.50"), pay("T", "65", "2026-03-12 10:00"))
    assert (owed.overdue, owed.late_fees, owed.prepaid) == (0, 0, 150)


def test_a_payment_heard_of_late_counts_from_when_it_was_paid():
    facts = (
        bill("B1", "60", "2026-02-10"),
        pay("T", "60", "2026-03-12 10:00", heard_at="2026-03-15 10:00"),
    )
    assert owes(*facts, as_of="2026-03-12 10:00").overdue == 0


def test_a_payment_counts_once_we_have_it_even_when_the_banks_clock_is_ahead():
    facts = (
        bill("B1", "60", "2026-02-10"),
        pay("T", "60", "2026-03-12 10:05", heard_at="2026-03-12 10:00"),
    )
    assert owes(*facts, as_of="2026-03-12 10:00").overdue == 0


def test_a_dispute_ended_before_it_is_said_to_begin_is_over():
    dispute = Dispute(bill="B1", started_at=at("2026-03-11 10:00:01"), ended_at=at("2026-03-11 10:00"))
    assert owes(bill("B1", "60", "2026-02-10"), disputes=(dispute,)).undisputed == 6000


def test_a_bill_disputed_again_at_the_instant_of_its_resolution_is_disputed():
    earlier = Dispute(bill="B1", started_at=at("2026-03-11 10:00"), ended_at=at("2026-03-12 10:00"))
    again = Dispute(bill="B1", started_at=at("2026-03-12 10:00"))
    assert owes(bill("B1", "60", "2026-02-10"), disputes=(again, earlier)).undisputed == 0


def test_a_change_of_protection_is_no_money():
    facts = (bill("B1", "60", "2026-02-10"), Protected(protected=("hospital",), at=at("2026-03-01 10:00")))
    assert owes(*facts).overdue == 6000


def test_the_same_reference_with_another_amount_is_still_one_payment():
    first, again = pay("T", "60", "2026-03-12 10:00"), pay("T", "10", "2026-03-12 11:00")
    assert received([again, first]) == [first]


# Bills that were wrong, and those who left.


def void(no: str, corrected_by: str | None = None) -> Void:
    return Void(no=no, corrected_by=corrected_by, reason="抄错", at=at("2026-03-20 10:00"))


def change(what: str, on: str, *bills: str, said_at: str = "2026-04-01 09:00") -> Changed:
    return Changed(what=what, changed_on=date.fromisoformat(on), bills=bills, at=at(said_at))


@st.composite
def corrected(draw: st.DrawFn) -> list[LedgerFact]:
    """A ledger of which some bills were taken back, and in which people came and went."""
    facts = draw(ledgers())
    nos = [fact.no for fact in facts if isinstance(fact, Bill)]
    for no in draw(st.lists(st.sampled_from(nos), unique=True)):
        facts.append(Void(no=no, corrected_by=draw(st.sampled_from([None, *nos])), reason="x", at=draw(instants)))
    kinds = st.sampled_from(["tenant", "owner", "closed", "suspended", "resumed", "demolished"])
    for what in draw(st.lists(kinds, max_size=3)):
        on = date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 200)))
        facts.append(Changed(what=what, changed_on=on, bills=tuple(draw(st.lists(numbers))), at=draw(instants)))
    return facts


@given(corrected(), contested(), instants, st.randoms())
def test_what_was_corrected_or_left_behind_does_not_depend_on_the_order_of_arrival(facts, disputes, as_of, chance):
    once = standing(facts=facts, disputes=disputes, as_of=as_of)
    again = [*facts, *facts]
    chance.shuffle(again)
    assert standing(facts=again, disputes=disputes, as_of=as_of) == once
    assert once.own + once.apart == once.overdue
    assert min(once.own, once.apart, once.undisputed, once.disputed, once.prepaid) >= 0
    assert not {fact.no for fact in facts if isinstance(fact, Void)} & once.owed.keys()


def test_money_for_a_bill_that_was_wrong_pays_the_one_in_its_place():
    facts = (bill("B1", "86.40", "2026-03-10"), pay("T-1", "60.00", "2026-03-15 10:00", "B1"), void("B1", "B2"))
    owed = owes(*facts, bill("B2", "70.00", "2026-03-10"))
    assert (owed.owed, owed.prepaid) == ({"B2": fen("10.00")}, 0)
    assert owes(*facts, bill("B2", "40.00", "2026-03-10")).prepaid == fen("20.00")


def test_a_successor_pays_their_own_bills_alone():
    mine = (bill("B1", "86.40", "2026-03-10"), bill("B2", "50.00", "2026-05-10"), change("tenant", "2026-04-01"))
    owed = owes(*mine, pay("T-1", "60.00", "2026-06-01 10:00"))
    assert (owed.own, owed.apart, owed.undisputed, owed.prepaid) == (0, fen("86.40"), 0, fen("10.00"))
    assert owes(*mine).left_behind == ("B1",)
    assert owes(*mine, pay("T-1", "60.00", "2026-03-30 10:00")).apart == fen("26.40")


def test_whoever_pays_for_a_closed_account_pays_what_was_left():
    owed = owes(
        bill("B1", "86.40", "2026-03-10"), change("closed", "2026-04-01"), pay("T-1", "86.40", "2026-06-01 10:00")
    )
    assert (owed.overdue, owed.prepaid) == (0, 0)


def test_a_suspension_ends_with_the_day_of_resumption():
    facts = (bill("B1", "86.40", "2026-03-10"), change("suspended", "2026-04-01"))
    assert owes(*facts).undisputed == 0
    resumed = change("resumed", "2026-06-01", said_at="2026-06-01 09:00")
    assert owes(*facts, resumed).undisputed == fen("86.40")
    assert owes(*facts, resumed, as_of="2026-05-01 09:00").undisputed == 0


def test_a_waived_fee_was_never_charged():
    facts = [bill("B1", "86.40", "2026-03-10", late_fee="3.00"), pay("T-1", "89.40", "2026-04-01 10:00")]
    waived = standing(facts=facts, waived={"B1": 300}, as_of=LATER)
    assert (waived.late_fees, waived.prepaid, waived.overdue) == (0, 300, 0)
