"""Packs as people read them: every value under a name that holds across packs, with its titles, unit and source."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from domain.policy import Sourced, Strict
from domain.processes import TASKS
from domain.terms import Term
from policies.packs import Pack, ValueTitle, titles

UNITS = {
    "elapsed": "时长 elapsed time",
    "natural": "自然日 natural days",
    "working": "工作日 working days",
    "month-end": "当月末 end of the month",
}


class Shown(Strict):
    """One value: its path in the file, its name in any pack, what it is called, and where it comes from."""

    path: str
    name: str
    title: ValueTitle
    value: Any
    unit: str | None
    clauses: tuple[str, ...]
    chosen: bool
    reason: str | None

    @property
    def written(self) -> str:
        """The value on one line."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    @property
    def source(self) -> str:
        return " + ".join([*self.clauses, *(["chosen"] if self.chosen else [])])


class Difference(Strict):
    """A value that two packs have differently, or that one of them has not (None)."""

    name: str
    title: ValueTitle
    a: Shown | None
    b: Shown | None


def shown(pack: Pack) -> tuple[Shown, ...]:
    """Every value of a pack, in the order of its file."""
    return tuple(_shown(pack, path, value) for path, value in pack.values().items())


def differences(a: Pack, b: Pack) -> tuple[Difference, ...]:
    """What two packs have differently, side by side. The same value from another sentence is no difference."""
    left, right = ({each.name: each for each in shown(pack)} for pack in (a, b))
    found = []
    for name in dict.fromkeys((*left, *right)):
        one, other = left.get(name), right.get(name)
        some = one or other
        if some is not None and (one is None or other is None or one.value != other.value):
            found.append(Difference(name=name, title=some.title, a=one, b=other))
    return tuple(found)


def name_of(pack: Pack, path: str) -> str:
    """A path whose rungs are named by task, period or kind: ladder[1].term as ladder.serve-dunning-notice.term."""
    start, _, rest = path.partition("arrears.ladder[")
    if start or not rest or pack.arrears is None:
        return path
    number, _, value = rest.partition("].")
    rung: Any = pack.arrears.ladder[int(number)]
    label = getattr(rung, "period", None) or getattr(rung, "task", rung.rung).removeprefix("arrears.")
    return f"arrears.ladder.{label}.{value}"


def title_of(name: str) -> ValueTitle:
    """What a value is called. Raises KeyError for a name that neither titles.yaml nor a task or form has."""
    known = titles().get(name)
    if known is not None:
        return known
    section, _, about = name.partition(".")
    if about.startswith("who."):
        kind = TASKS[about.removeprefix("who.")]
        return ValueTitle(zh=f"由谁办理：{kind.title_zh}", en=f"Who decides: {kind.title_en}")
    if section == "connection" and about.startswith("demands."):
        key, _, field = about.removeprefix("demands.").rpartition(".")
        kind = TASKS[key]
        zh, en = _both(kind.form.model_fields[field].title or field)
        return ValueTitle(zh=f"必填：{kind.title_zh}：{zh}", en=f"Asked for at {kind.title_en}: {en}")
    raise KeyError(name)


def _both(title: str) -> tuple[str, str]:
    """A form's title in its two languages: the English begins at the first word in Latin letters after a space."""
    for at, (before, after) in enumerate(pairwise(title), 1):
        if before == " " and after.isascii() and after.isalpha():
            return title[: at - 1], title[at:]
    return title, title


def _shown(pack: Pack, path: str, value: Sourced[Any]) -> Shown:
    name = name_of(pack, path)
    title = title_of(name)
    unit = UNITS[value.value.counts] if isinstance(value.value, Term) else title.unit
    return Shown(
        path=path,
        name=name,
        title=title,
        value=value.model_dump(mode="json", exclude_none=True)["value"],
        unit=unit,
        clauses=value.clauses,
        chosen=value.chosen,
        reason=value.reason,
    )


def lines(pack: Pack) -> Iterator[str]:
    """A pack in full, a line a value, then how it reads what can be read in more than one way."""
    for each in shown(pack):
        unit = f" {each.unit}" if each.unit else ""
        named = f"{each.title.zh} / {each.title.en}"
        yield f"{each.path} = {each.written}{unit}  [{each.source}]  {named}  {each.reason or ''}".rstrip()
    for reading in pack.readings:
        yield f"{reading.code}  [{' + '.join(reading.clauses)}]  {reading.reading.zh} / {reading.reading.en}"


def as_json(pack: Pack) -> dict[str, Any]:
    """The same for machines."""
    return {
        "pack": pack.name,
        "title": pack.title.model_dump(),
        "values": [each.model_dump(mode="json") for each in shown(pack)],
        "readings": [reading.model_dump(mode="json") for reading in pack.readings],
    }
