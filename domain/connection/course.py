"""A project's course: of each task when it was promised, when it was done, by how much late, and whose time it was."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from domain.account import Frozen
from domain.clock import Party, by_party
from domain.connection.forecast import Coming
from domain.tasks import Task

Standing = Literal["done", "open", "to-come"]


class Stretch(Frozen):
    """One task, done, open, or still to come.

    `promised_at` is the end of its term as it stood last, time of others left out; `expected_at`, of what is not done
    yet, when it will be by the terms. `late` is counted from the promise on, up to now while it is open, and only
    against the utility: what another party takes beyond its own day is in `times`, which says whose time it was.
    """

    key: str
    subject: str | None
    standing: Standing
    party: Party
    from_at: datetime
    promised_at: datetime | None
    real_at: datetime | None
    expected_at: datetime | None
    provisional: bool
    late: timedelta
    times: dict[Party, timedelta]


class PhaseCourse(Frozen):
    """A phase: from its first task to its last; `late` is that of its tasks together, `times` theirs."""

    phase: str
    from_at: datetime
    promised_at: datetime | None
    real_at: datetime | None
    late: timedelta
    times: dict[Party, timedelta]
    stretches: tuple[Stretch, ...]


def course(
    tasks: Iterable[Task], coming: Iterable[Coming], *, entered: Sequence[tuple[str, datetime]], now: datetime
) -> tuple[PhaseCourse, ...]:
    """The whole course, phase by phase as the project entered them; `tasks` are those of the record, open and done."""
    expected = {(each.key, each.subject): each for each in coming if each.is_open}
    phases: dict[str, list[Stretch]] = {}
    for task in sorted(tasks, key=lambda task: (task.opened_at, task.id)):
        if task.status != "withdrawn":
            phase = _phase_at(task.opened_at, entered)
            phases.setdefault(phase, []).append(_of_record(task, expected.get((task.key, task.subject)), now=now))
    for each in coming:
        if not each.is_open:
            ahead = phases.setdefault(each.phase or "", [])
            # What several tasks of a kind will be about, nobody has said yet: they are told as one.
            if ahead and (ahead[-1].standing, ahead[-1].key) == ("to-come", each.key):
                ahead[-1] = ahead[-1].model_copy(update={"promised_at": each.by, "expected_at": each.by})
            else:
                ahead.append(_to_come(each))
    return tuple(_phase(name, tuple(stretches)) for name, stretches in phases.items())


def late_tasks(phases: Iterable[PhaseCourse]) -> list[Stretch]:
    """What was or is late, the latest first."""
    found = [stretch for phase in phases for stretch in phase.stretches if stretch.late]
    return sorted(found, key=lambda stretch: stretch.late, reverse=True)


def _phase_at(at: datetime, entered: Sequence[tuple[str, datetime]]) -> str:
    """The phase that a task opened in: one that opens as a phase is entered is the phase's own."""
    return next((phase for phase, since in reversed(entered) if since <= at), entered[0][0] if entered else "")


def _of_record(task: Task, expected: Coming | None, *, now: datetime) -> Stretch:
    until = task.closed_at or max(now, task.opened_at)
    party: Party = task.pause.party if task.pause else task.clock[-1].party if task.clock else "utility"
    ours = party == "utility" and task.pause is None
    late = max(timedelta(), until - task.due_at) if task.due_at is not None and ours else timedelta()
    return Stretch(
        key=task.key,
        subject=task.subject,
        standing="open" if task.status == "open" else "done",
        party=party,
        from_at=task.opened_at,
        promised_at=task.due_at if task.pause is None else None,
        real_at=task.closed_at,
        expected_at=expected.by if expected is not None else None,
        provisional=task.due is not None and task.due.provisional,
        late=late,
        times=by_party([task.clock], until=until),
    )


def _to_come(each: Coming) -> Stretch:
    return Stretch(
        key=each.key,
        subject=None,
        standing="to-come",
        party=each.party,
        from_at=each.opens_at,
        promised_at=each.by,
        real_at=None,
        expected_at=each.by,
        provisional=each.provisional,
        late=timedelta(),
        times={},
    )


def _phase(name: str, stretches: tuple[Stretch, ...]) -> PhaseCourse:
    promised = [each.promised_at or each.expected_at for each in stretches]
    times: dict[Party, timedelta] = {}
    for each in stretches:
        for party, time in each.times.items():
            times[party] = times.get(party, timedelta()) + time
    done = all(each.standing == "done" for each in stretches)
    return PhaseCourse(
        phase=name,
        from_at=min(each.from_at for each in stretches),
        promised_at=max((at for at in promised if at is not None), default=None),
        real_at=max(each.real_at for each in stretches if each.real_at is not None) if done else None,
        late=sum((each.late for each in stretches), timedelta()),
        times=times,
        stretches=stretches,
    )
