"""What a move to another version of the pack changes in a case, by the pure rules alone."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.account import Account, Bill
from domain.arrears.events import HoldEnded, HoldPlaced
from domain.arrears.facts import ArrearsFacts
from domain.asking import opened, reasked
from domain.calendars import CHINA
from domain.case import CaseOpened, DeadlineMoved, TaskDecided, TaskReasked, changed_task, paused_task, resumed_task
from domain.connection.facts import Project, ProjectFacts
from domain.move_preview import MovePreview, preview
from domain.pack_moves import MovePack
from domain.people import Actor
from domain.processes import PROCESSES
from domain.refusals import Refused
from domain.steps import Ask
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from tests.own_packs import DESIGN, JINAN, LONGER, SHORTER, WITHOUT_GRACE, looked_up_in, write_pack

CALENDAR = load_calendar()
ADMIN = Actor(id="admin", roles=("administrator",))
OPENED = datetime(2026, 3, 11, 9, tzinfo=CHINA)
SERVED = datetime(2026, 3, 12, 10, tzinfo=CHINA)
MOVED = datetime(2026, 3, 20, 9, tzinfo=CHINA)
DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with looked_up_in(tmp_path) as own:
        yield own


def section(name: str, process: str = "arrears") -> Any:
    return getattr(load_pack(name), process)


def command(to: str, *, at: datetime = MOVED, by: Actor = ADMIN, was: str = JINAN) -> MovePack:
    return MovePack(by=by, at=at, from_pack=was, to_pack=to, reason="新版规范施行", policy={})


def in_grace() -> ArrearsFacts:
    """A resident who was served the dunning notice and has thirty days."""
    process, policy = PROCESSES["arrears"], section(JINAN)
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=OPENED)
    facts: Any = ArrearsFacts(
        case_no="QF-1",
        pack=JINAN,
        opened_at=OPENED,
        as_of=OPENED,
        account=Account(no="0410023", customer_class="resident"),
        ledger=(bill,),
    )
    begun = CaseOpened(at=OPENED, process="arrears", pack=JINAN, subject="0410023")
    facts, _ = process.say(facts, begun, policy, CALENDAR)
    ask = process.next_step(facts, policy, CALENDAR)
    facts, _ = process.say(facts, opened(ask, facts=facts, kinds=process.kinds, calendar=CALENDAR), policy, CALENDAR)
    form = {"outcome": "served", "method": "posted", "photo": "notice.jpg"}
    (task,) = facts.tasks.values()
    served = TaskDecided(at=SERVED, by="wang", task_id=task.id, key=task.key, outcome="served", form=form)
    facts, _ = process.say(facts, served, policy, CALENDAR)
    facts = facts.model_copy(update={"messages": {}})
    assert facts.stage == "grace"
    return facts  # type: ignore[no-any-return]


def seen(facts: Any, to: str, *, process: str = "arrears", at: datetime = MOVED) -> MovePreview:
    policies = {"policy": section(facts.pack, process), "to": section(to, process)}
    return preview(
        PROCESSES[process], process, facts, command(to, at=at, was=facts.pack), **policies, calendar=CALENDAR
    )


def moved(facts: Any, to: str, *, process: str = "arrears", at: datetime = MOVED) -> Any:
    said = PROCESSES[process].moved(
        command(to, at=at, was=facts.pack), facts, section(facts.pack, process), section(to, process), CALENDAR
    )
    return PROCESSES[process].say(facts, said, section(to, process), CALENDAR)[0]


def ends_at(facts: Any) -> datetime:
    step = PROCESSES["arrears"].next_step(facts, section(facts.pack), CALENDAR)
    assert (step.because, step.moment.event) == ("grace", "PeriodEnded")
    return step.moment.at  # type: ignore[no-any-return]


def test_a_shorter_grace_takes_nothing_from_a_customer_whose_grace_runs(folder: Path) -> None:
    facts, to = in_grace(), write_pack(folder, "2026-11-01", SHORTER)
    after = moved(facts, to)
    assert after.pack == to
    assert ends_at(after) == ends_at(facts) == datetime(2026, 4, 14, tzinfo=CHINA)  # the 11th and 12th are off
    assert not seen(facts, to).changes


def test_a_longer_grace_is_given_to_a_customer_whose_grace_runs(folder: Path) -> None:
    facts, to = in_grace(), write_pack(folder, "2026-12-01", LONGER)
    assert ends_at(moved(facts, to)) == datetime(2026, 4, 22, tzinfo=CHINA)
    shown = seen(facts, to)
    assert (shown.until, shown.until_after) == (ends_at(facts), datetime(2026, 4, 22, tzinfo=CHINA))
    assert (shown.stage, shown.stage_after, shown.tasks) == ("grace", "grace", ())


def test_a_hold_after_the_move_stops_the_kept_period_too(folder: Path) -> None:
    after = moved(in_grace(), write_pack(folder, "2026-11-01", SHORTER))
    policy = section(after.pack)
    hold = HoldPlaced(at=MOVED + DAY, by="wang", id="hold-1", kind="hold", reason="住院")
    say = PROCESSES["arrears"].say
    held, _ = say(after, hold, policy, CALENDAR)
    released = HoldEnded(at=MOVED + 6 * DAY, by="wang", id="hold-1", kind="hold", how="released")
    on, _ = say(held, released, policy, CALENDAR)
    assert ends_at(on) == datetime(2026, 4, 17, tzinfo=CHINA)  # 11 April and five days of hold


def test_two_moves_keep_the_longest_that_was_ever_given(folder: Path) -> None:
    longer, shorter = write_pack(folder, "2026-12-01", LONGER), write_pack(folder, "2026-12-02", SHORTER)
    after = moved(moved(in_grace(), longer), shorter, at=MOVED + DAY)
    assert ends_at(after) == datetime(2026, 4, 22, tzinfo=CHINA)


def test_a_stage_that_the_new_ladder_does_not_have_is_refused(folder: Path) -> None:
    to = write_pack(folder, "2026-12-01", WITHOUT_GRACE)
    shown = seen(in_grace(), to)
    assert (shown.refused, shown.why[0]) == (
        "gate",
        f"the ladder of {to} has no stage grace, in which the case stands",
    )
    assert "grace" in shown.why[1]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"by": Actor(id="li", roles=("supervisor",))}, "wrong-role"),
        ({"was": "jinan@2019-01-01"}, "gate"),
        ({"to": "kaifeng@2021-01-01"}, "gate"),
    ],
)
def test_a_move_that_may_not_be_is_refused(said: dict[str, Any], code: str) -> None:
    facts = in_grace()
    with pytest.raises(Refused) as refused:
        PROCESSES["arrears"].moved(
            command(**{"to": "jinan@2026-12-01"} | said), facts, section(JINAN), section(JINAN), CALENDAR
        )
    assert refused.value.code == code


def test_a_case_that_has_ended_is_not_moved() -> None:
    ended = in_grace().model_copy(update={"outcome": "settled"})
    assert seen(ended, JINAN).refused == "not-open"


# A project's tasks.


def designing(*, term_from: datetime = OPENED) -> ProjectFacts:
    """A project whose design is open: two working days from `term_from`."""
    done = {
        f"connection.{key}": {"by": "chen", "at": OPENED}
        for key in ("check-papers", "arrange-survey", "survey", "draft-scheme", "approve-scheme")
    }
    facts = ProjectFacts.model_validate(
        {
            "case_no": "BZ-1",
            "pack": JINAN,
            "opened_at": OPENED,
            "as_of": term_from,
            "project": {"kind": "single"},
            "papers_complete": True,
            "assigned_to": "representative",
            "stage": "design",
            "done": done,
        }
    )
    process, policy = PROCESSES["connection"], section(JINAN, "connection")
    (ask,) = process.next_step(facts, policy, CALENDAR).asks
    return process.say(facts, opened(ask, facts=facts, kinds=process.kinds, calendar=CALENDAR), policy, CALENDAR)[0]  # type: ignore[no-any-return]


def test_a_design_counts_from_its_own_start_under_the_new_term(folder: Path) -> None:
    to = write_pack(folder, "2026-12-01", DESIGN)
    shown = seen(designing(), to, process="connection", at=OPENED + DAY)
    (task,) = shown.tasks
    assert (task.key, task.fate) == ("connection.design", "moved")
    assert (task.before, task.after) == (datetime(2026, 3, 14, tzinfo=CHINA), datetime(2026, 3, 19, tzinfo=CHINA))


def test_nobody_becomes_late_by_a_move(folder: Path) -> None:
    facts = designing()
    shorter = write_pack(folder, "2026-12-01", (DESIGN[0], DESIGN[0].replace("2WD", "1WD")))
    late_then = datetime(2026, 3, 13, 9, tzinfo=CHINA)  # one working day is over, two are not
    assert not seen(facts, shorter, process="connection", at=late_then).changes
    (task,) = seen(facts, shorter, process="connection", at=OPENED).tasks
    assert task.after == datetime(2026, 3, 13, tzinfo=CHINA)


def test_a_project_is_not_taken_back_to_a_phase_it_has_left(folder: Path) -> None:
    on = designing().model_copy(update={"stage": "inspection", "tasks": {}})
    shown = seen(on, write_pack(folder, "2026-12-01"), process="connection")
    assert (shown.refused, "back from inspection to design" in shown.why[0]) == ("gate", True)


def test_pauses_are_left_out_of_the_new_term_too(folder: Path) -> None:
    facts = designing()
    (task,) = facts.tasks.values()
    pause = paused_task(task, party="customer", reason="图纸待改", at=OPENED + DAY, by="chen", calendar=CALENDAR)
    standing = changed_task(task, pause)
    to = write_pack(folder, "2026-12-01", DESIGN)

    def after(kept: Task, at: datetime) -> Task:
        holding = facts.model_copy(update={"tasks": {kept.id: kept}})
        new = section(to, "connection")
        said = PROCESSES["connection"].moved(command(to, at=at), holding, section(JINAN, "connection"), new, CALENDAR)
        step = PROCESSES["connection"].next_step(holding, new, CALENDAR)
        events = reasked(holding, step, PROCESSES["connection"].kinds, moved=said, calendar=CALENDAR)
        assert [type(event) for event in events] == [TaskReasked, DeadlineMoved]
        for event in events:
            kept = changed_task(kept, event)  # type: ignore[arg-type]
        return kept

    moved_while_paused = after(standing, OPENED + 2 * DAY)
    assert moved_while_paused.pause is not None
    assert moved_while_paused.pause.left is not None
    assert moved_while_paused.pause.left.days == 4
    resumed_at = OPENED + 7 * DAY
    gone_on = changed_task(standing, resumed_task(standing, at=resumed_at, by="chen", calendar=CALENDAR))
    moved_after = after(gone_on, resumed_at + DAY)
    then = changed_task(
        moved_while_paused, resumed_task(moved_while_paused, at=resumed_at, by="chen", calendar=CALENDAR)
    )
    assert moved_after.due == then.due
    assert moved_after.projected(CALENDAR) == moved_after.due


def test_time_of_the_customer_is_not_shortened(folder: Path) -> None:
    ours = "supply_papers: {value: {term: P30D"
    to = write_pack(folder, "2026-12-01", (ours, ours.replace("P30D", "P10D")))
    facts = ProjectFacts(
        case_no="BZ-1",
        pack=JINAN,
        opened_at=OPENED,
        as_of=OPENED,
        project=Project(kind="single"),
        missing=("身份证明",),
        stage="application",
    )
    process, policy = PROCESSES["connection"], section(JINAN, "connection")
    (ask,) = process.next_step(facts, policy, CALENDAR).asks
    assert isinstance(ask, Ask)
    facts = process.say(facts, opened(ask, facts=facts, kinds=process.kinds, calendar=CALENDAR), policy, CALENDAR)[0]
    assert not seen(facts, to, process="connection", at=OPENED + DAY).changes
