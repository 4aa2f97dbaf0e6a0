from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.calendars import CHINA
from domain.clock import Interval, Ledger, Party, ended, handed_to, spent

NINE = datetime(2026, 3, 11, 9, 0, tzinfo=CHINA)
HOUR = timedelta(hours=1)
PARTIES: tuple[Party, ...] = ("utility", "customer", "government", "contractor", "force-majeure")

handovers = st.lists(st.tuples(st.sampled_from(PARTIES), st.integers(0, 50)), min_size=1, max_size=8)


def played(moves: list[tuple[Party, int]]) -> tuple[Ledger, datetime]:
    ledger, now = (), NINE
    for party, hours in moves:
        ledger = handed_to(ledger, party=party, at=now)
        now += HOUR * hours
    return ledger, now


@given(handovers)
def test_every_minute_belongs_to_exactly_one_party(moves):
    ledger, now = played(moves)
    assert sum((spent(ledger, party=party, until=now) for party in PARTIES), timedelta()) == now - NINE
    assert spent(ledger, until=now) == now - NINE


@given(handovers)
def test_an_interval_ends_where_the_next_begins(moves):
    ledger, _ = played(moves)
    assert [each.ended_at for each in ledger[:-1]] == [each.started_at for each in ledger[1:]]
    assert ledger[-1].ended_at is None


@given(handovers, st.integers(0, 100))
def test_a_ledger_that_has_ended_runs_no_more(moves, hours):
    ledger, now = played(moves)
    closed = ended(ledger, at=now)
    assert spent(closed, until=now + HOUR * hours) == spent(closed, until=now)
    assert ended(closed, at=now + HOUR) == closed


def test_the_running_interval_counts_up_to_now():
    ledger = handed_to((), party="utility", at=NINE)
    assert spent(ledger, party="utility", until=NINE + HOUR * 3) == HOUR * 3


def test_the_customers_time_is_not_the_utilitys():
    ledger = handed_to((), party="utility", at=NINE)
    ledger = handed_to(ledger, party="customer", at=NINE + HOUR, reason="papers")
    ledger = handed_to(ledger, party="utility", at=NINE + HOUR * 5)
    assert spent(ledger, party="utility", until=NINE + HOUR * 6) == HOUR * 2
    assert spent(ledger, party="customer", until=NINE + HOUR * 6) == HOUR * 4
    assert ledger[1].reason == "papers"


def test_an_interval_stamped_to_end_before_it_began_takes_no_time():
    ledger = (Interval(party="utility", started_at=NINE, ended_at=NINE - HOUR),)
    assert spent(ledger, until=NINE + HOUR) == timedelta()


def test_an_empty_ledger_has_nothing_to_end():
    assert ended((), at=NINE) == ()
    assert spent((), until=NINE) == timedelta()
