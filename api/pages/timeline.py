"""The timeline of a case: who did what, when, and the evidence for it, in words."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from api.labels import EVENTS
from api.pages.forms import fields_of
from api.pages.frame import Viewer, item_title, label, pack_name, task_title
from api.pages.shapes import instant, money
from api.pages.words import in_language
from domain.connection.works_forms import DECLARATIONS
from domain.evidence import STANDS_FOR
from domain.processes import TASKS
from domain.tasks import Form
from store.links import APPLICANT

QUIET = frozenset({"MessageDue", "MessageHeld", "ClockStopped", "ClockWentOn", "ReviewDue", "LimitWindowOpened"})
"""What the case says to itself: on record, and of no use to a reader."""


class Moment(NamedTuple):
    """One line. `files`: what of the form is a file, by its hash."""

    at: datetime
    who: str
    what: str
    detail: str
    clauses: list[str]
    files: list[str]
    sequence: int


def moments(viewer: Viewer, entries: Iterable[Any], names: Mapping[str, str]) -> list[Moment]:
    """What is on record, the newest first."""
    told = [_moment(viewer, entry, names) for entry in entries if entry.event not in QUIET]
    return told[::-1]


def _moment(viewer: Viewer, entry: Any, names: Mapping[str, str]) -> Moment:
    zh, en = EVENTS.get(entry.event, (entry.event, entry.event))
    said, files = detail(viewer, entry, names)
    who = in_place(viewer, entry.by) or names.get(entry.by, entry.by)
    return Moment(entry.at, who, viewer.say(zh, en), said, list(entry.clauses), files, entry.sequence)


def in_place(viewer: Viewer, by: str) -> str | None:
    """Who acted without an account: the case itself, or the applicant through their link."""
    words = {"system": ("系统", "the system"), APPLICANT: ("申请人", "the applicant")}.get(by)
    return None if words is None else viewer.say(*words)


def spoken_of(entries: Iterable[Any]) -> set[str]:
    """The accounts that a timeline speaks of: who acted, and whom a task was given to."""
    return {entry.by for entry in entries} | {entry.body["to"] for entry in entries if entry.event == "TaskReassigned"}


def detail(viewer: Viewer, entry: Any, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """What an entry says in one line, and the hashes of the files that it names."""
    body, language = entry.body, viewer.language
    match entry.event:
        case "CaseOpened":
            return pack_name(str(body.get("pack", "")), language), []
        case "CaseClosed":
            return label(body["outcome"], language), []
        case "StageEntered":
            return label(body["stage"], language), []
        case "TaskOpened":
            task = body["task"]
            return _titled(viewer, task["key"], task.get("subject")), []
        case "TaskDecided":
            said, files = answers(viewer, body["key"], body["form"])
            title = _titled(viewer, body["key"], None)
            return f"{title}：{said}" if language == "zh" and said else f"{title}: {said}" if said else title, files
        case "Declared":
            kind = DECLARATIONS[body["what"]]
            said, files = _said(viewer, kind.form, body["form"])
            title = viewer.say(kind.title_zh, kind.title_en)
            return f"{title}{viewer.say('：', ': ')}{said}" if said else title, files
        case "TaskEscalated":
            told = "、".join(label(post, language) for post in body.get("told", ()))
            heard = [viewer.say("知情：", "told: ") + told] if told else []
            why = [body["reason"]] if body.get("reason") else []
            return " · ".join([label(body["level"], language), _titled(viewer, body["key"], None), *why, *heard]), []
        case "ProgressTold":
            return f"{_titled(viewer, body['key'], None)} · {label(body['level'], language)} · {body['note']}", []
        case "PackMoved":
            packs = f"{pack_name(body['from_pack'], language)} → {pack_name(body['to_pack'], language)}"
            return f"{packs}{viewer.say('：', ': ')}{body['reason']}", []
        case "TaskReassigned":
            return f"{_titled(viewer, body['key'], None)} → {names.get(body['to'], body['to'])}", []
        case "ProjectAssigned":
            return label(body["to"], language), []
        case _:
            parts = [_titled(viewer, body["key"], None)] if body.get("key") in TASKS else []
            parts += [money(body[name]) for name in ("amount_fen",) if isinstance(body.get(name), int)]
            known = (
                "outcome",
                "reason",
                "because",
                "period",
                "method",
                "place",
                "kind",
                "how",
                "party",
                "template",
                "channel",
                "status",
                "note",
            )
            parts += [label(str(body[name]), language) for name in known if body.get(name)]
            parts += [
                str(body[name])
                for name in ("no", "notice", "bill", "reference", "order_no", "opinion", "share", "what", "route")
                if body.get(name)
            ]
            if entry.event in ("ItemsPassed", "ItemsFailed"):
                parts.append(_items(viewer, body))
            parts += _figures(viewer, body)
            photo = str(body.get("photo") or "")
            shots = [photo.removeprefix(STANDS_FOR)] if photo.startswith(STANDS_FOR) else []
            return viewer.say("，", ", ").join(parts), shots


def _figures(viewer: Viewer, body: Mapping[str, Any]) -> list[str]:
    """Instants, quantities and money of an acceptance, as they are read."""
    said = [
        instant(datetime.fromisoformat(body[name]), language=viewer.language, today=viewer.now.date())
        for name in ("appointment", "billed_by")
        if body.get(name)
    ]
    if (minutes := body.get("late_minutes")) is not None:
        late = viewer.say(f"迟到 {minutes} 分钟", f"{minutes} minutes late")
        said.append(late if minutes else viewer.say("按时到场", "on time"))
    if "cubic_metres" in body:
        said.append(viewer.say(f"{body['cubic_metres']} 立方米", f"{body['cubic_metres']} cubic metres"))
    if body.get("fee_fen") is not None:
        said.append(money(body["fee_fen"]))
    return said


def _items(viewer: Viewer, body: Mapping[str, Any]) -> str:
    if "ranges" in body:
        spans = [f"{first}" if first == last else f"{first}-{last}" for first, last in body["ranges"]]
        return viewer.say("表位 ", "items ") + "、".join(spans)
    return viewer.say("；", "; ").join(f"{no} {why}" for no, why in list(body["items"].items())[:20])


def _titled(viewer: Viewer, key: str, subject: str | None) -> str:
    title = task_title(key, viewer.language) if key in TASKS else key
    subject = item_title(subject, viewer.language) if subject else None
    about = label(subject, viewer.language) if subject else ""
    return f"{title} {about}" if about.isdigit() else f"{title} · {about}" if about else title


def answers(viewer: Viewer, key: str, form: Mapping[str, Any]) -> tuple[str, list[str]]:
    """A filled form in one line, and the hashes of the files that it names."""
    return _said(viewer, TASKS[key].form, form)


def _said(viewer: Viewer, kind: type[Form], form: Mapping[str, Any]) -> tuple[str, list[str]]:
    titles = {field.name: in_language(field.title, viewer.language) for field in fields_of(kind)}
    said: list[str] = []
    files: list[str] = []
    for name, value in form.items():
        if isinstance(value, str) and value.startswith(STANDS_FOR):
            files.append(value.removeprefix(STANDS_FOR))
        elif name == "outcome":
            said.insert(0, label(str(value), viewer.language))
        elif value not in (True, None, "", [], {}):
            colon = viewer.say("：", ": ")
            said.append(f"{titles.get(name, name)}{colon}{said_value(viewer, value)}")
    return viewer.say("；", "; ").join(said), files


def said_value(viewer: Viewer, value: Any) -> str:
    """One answer as it is read."""
    match value:
        case bool():
            return viewer.say("是", "yes") if value else viewer.say("否", "no")
        case list() | tuple():
            return viewer.say("、", ", ").join(str(part) for part in value)
        case dict():
            told = ((item_title(str(no), viewer.language), why) for no, why in value.items())
            return viewer.say("；", "; ").join(f"{no} {why}" for no, why in told)
        case str():
            return label(value, viewer.language)
        case _:
            return str(value)
