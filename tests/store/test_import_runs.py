"""A ledger file taken in on either database: rows written in bulk read as any others, and a run moves in one hand."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from activities.ledger_file import read_ledger
from rehearsal.sample_ledger import write_sample_ledger
from store import dues, import_runs, imports, ledger, search
from store.database import Database, insert_many
from store.import_runs import Counts, MovedElsewhere
from store.tables import accounts, found_by, openings, outbox, tasks
from store.tables import dues as dues_of
from store.tables import ledger as books
from tests.store.debts import OPENED_AT, PACK


def test_a_file_taken_in_reads_as_if_each_row_had_come_by_itself(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=70, seed=3, as_of=OPENED_AT.date())
    monkeypatch.setattr(imports, "ROWS_A_TRANSACTION", 25)
    done = imports.import_ledger(database, read_ledger(path), pack=PACK, at=OPENED_AT, by="x")
    assert (done.rows, done.bills_new, done.cases_opened) == (bills, bills, 70)
    with database.read() as connection:
        for table, count in ((accounts, 70), (books, bills), (openings, 70)):
            assert connection.scalar(select(func.count()).select_from(table)) == count
        one = connection.execute(select(accounts).limit(1)).one()
        assert (one.updated_at, one.protected) == (OPENED_AT, [])
        facts = ledger.facts_after(connection, one.account_no, 0)
        assert {fact.at for _, fact in facts} == {OPENED_AT}
        assert connection.scalar(select(outbox.c.next_try_at).limit(1)) == OPENED_AT
        assert connection.scalar(select(found_by.c.subject).where(found_by.c.term == one.account_no)) == one.account_no
        assert search.fewest(connection, [search.probe(one.account_no)]) is not None
        assert import_runs.run_of(connection, read_ledger(path).sha256) is None


def test_rows_in_bulk_are_kept_as_they_are_given(database: Database) -> None:
    row = {
        "customer_class": "resident",
        "estate": "open",
        "phone": None,
        "name": "示例'\"%s?",
        "protected": ["hospital"],
        "updated_at": OPENED_AT,
    }
    with database.write() as connection:
        insert_many(connection, accounts, [])
        insert_many(connection, accounts, [{"account_no": f"A{number}", **row} for number in range(3)])
    with database.read() as connection:
        kept = connection.execute(select(accounts).order_by(accounts.c.account_no)).all()
    assert [each.account_no for each in kept] == ["A0", "A1", "A2"]
    assert all({name: getattr(each, name) for name in row} == row for each in kept)


def test_rows_in_bulk_get_the_defaults_of_columns_that_they_do_not_name(database: Database) -> None:
    row = {"task_id": "t", "case_no": "c", "process": "arrears", "key": "k", "role": "clerk", "status": "open"}
    row |= {"opened_at": OPENED_AT, "paused": False, "sequence": 1, "body": {}}
    place = {"case_no": "c", "process": "arrears", "subject": "1", "pack": PACK, "at": OPENED_AT}
    with database.write() as connection:
        insert_many(connection, openings, [place])
        insert_many(connection, tasks, [row])
        connection.execute(tasks.insert().values(row | {"task_id": "u"}))
        one, other = connection.execute(select(tasks).order_by(tasks.c.task_id)).all()
    assert dict(one._mapping) | {"task_id": "u"} == dict(other._mapping)


def test_a_run_that_somebody_else_has_moved_is_left_to_them(database: Database) -> None:
    began = {"filename": "l.csv", "by": "x", "pack": PACK, "at": OPENED_AT, "total": 10, "now": OPENED_AT}
    with database.write() as connection:
        run = import_runs.begin(connection, "f" * 64, **began)
        again = import_runs.begin(connection, "f" * 64, **began | {"by": "y", "pack": "kaifeng@2021-01-01"})
        assert (run, again.by, again.pack) == (again, "x", PACK)
        first = Counts(items=5, rows=5)
        import_runs.move_on(connection, "f" * 64, before=run.counts, after=first, faults=[], now=OPENED_AT)
    for stale in (Counts(), Counts(items=6)):
        with pytest.raises(MovedElsewhere), database.write() as connection:
            import_runs.move_on(connection, "f" * 64, before=stale, after=first, faults=[], now=OPENED_AT)
        with pytest.raises(MovedElsewhere), database.write() as connection:
            import_runs.end(connection, "f" * 64, before=stale)
    with database.read() as connection:
        assert [each.counts for each in import_runs.abandoned(connection, now=OPENED_AT + 2 * import_runs.QUIET)] == [
            first
        ]
        assert import_runs.abandoned(connection, now=OPENED_AT) == []
    with database.write() as connection:
        import_runs.note_failure(connection, "f" * 64, "UnreadableLedger")
        assert import_runs.abandoned(connection, now=OPENED_AT + 2 * import_runs.QUIET) == []
        import_runs.end(connection, "f" * 64, before=first)
        assert import_runs.run_of(connection, "f" * 64) is None


def test_what_an_import_notes_of_its_bills_is_what_reading_the_ledger_again_would_note(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=40, seed=5, as_of=OPENED_AT.date())
    monkeypatch.setattr(imports, "ROWS_A_TRANSACTION", 15)
    imports.import_ledger(database, read_ledger(path), pack=PACK, at=OPENED_AT, by="x")
    everything = select(dues_of).order_by(dues_of.c.account_no, dues_of.c.bill_no)
    with database.read() as connection:
        noted = connection.execute(everything).all()
        nos = list(connection.scalars(select(accounts.c.account_no)))
    assert len(noted) == bills
    with database.write() as connection:
        connection.execute(dues_of.delete())
        dues.refresh(connection, nos)
        assert connection.execute(everything).all() == noted
