"""What a list shows of a case: derived from its snapshot and its entries, in the transaction that records them."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.account import Bill
from domain.arrears.facts import ArrearsFacts
from domain.tasks import Task
from store.pressing import NEVER, case_presses_at, party_of_case

SEEN = ("ContactRecorded", "TaskDecided")
"""The events of which the last one shows."""


def open_tasks(facts: Mapping[str, Any]) -> list[Task]:
    return [Task.model_validate(task) for task in facts.get("tasks", {}).values()]


def columns(
    process: str, facts: Mapping[str, Any], *, responsible: str | None, closed: bool, seen: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns of a case that its lists are ordered and narrowed down by, and `glance`: what they only show.

    `responsible`: whom the application names; left out, the role that the rule or the leading group assigned.
    """
    tasks = [] if closed else open_tasks(facts)
    shown: dict[str, Any] = {
        "presses_at": case_presses_at(tasks),
        "party": party_of_case(tasks),
        "responsible": responsible,
        "kind": None,
        "oldest_due_on": None,
        "limited_at": None,
        "proof_missing": any(task.key.startswith("arrears.serve-") for task in tasks),
        "glance": dict(seen),
    }
    if process == "arrears" and "account" in facts:
        return shown | _arrears(ArrearsFacts.model_validate(facts), seen)
    if process == "connection" and "project" in facts:
        return shown | _connection(facts, seen) | ({"responsible": responsible} if responsible else {})
    return shown


def _arrears(facts: ArrearsFacts, seen: Mapping[str, Any]) -> dict[str, Any]:
    owed = facts.owed()
    bills = [fact for fact in facts.ledger if isinstance(fact, Bill) and fact.no in owed.owed]
    served = sorted(facts.served.items(), key=lambda item: item[1].at)
    return {
        "kind": facts.account.customer_class,
        "oldest_due_on": min((bill.due_on for bill in bills), default=NEVER),
        "limited_at": facts.limited_at,
        "glance": {
            **seen,
            "bills": len(bills),
            "disputed_fen": owed.disputed,
            "holds": [{"kind": hold.kind, "until": _written(hold.until)} for hold in facts.holds],
            "protected": list(facts.account.protected),
            "served": [{"task": key, "at": _written(each.at), "method": each.method} for key, each in served],
            "attempts": sum(tried.failed for tried in facts.attempts.values()),
        },
    }


def _connection(facts: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    project = facts["project"]
    return {
        "kind": project["kind"],
        "responsible": facts.get("assigned_to"),
        "glance": {
            "meters": project.get("meters", 1),
            "high_rise": project.get("high_rise", False),
            "assigned_to": facts.get("assigned_to"),
            "suspended": facts.get("suspended", False),
            "missing": [*facts.get("missing", ()), *facts.get("tolerated", ())],
            "round": facts.get("round", 1),
            "failing": len(facts.get("failing", {})),
        },
    }


def _written(at: Any) -> str | None:
    return at.isoformat() if at is not None else None


def seen_in(said: Iterable[Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The last contact and the proof of the last service, after these entries (rows or what is to become some)."""
    seen = {name: before[name] for name in ("contact", "proof") if name in before}
    for entry in said:
        form = entry.body.get("form") or {}
        if entry.event == "ContactRecorded":
            body = entry.body
            said = {name: body.get(name) for name in ("method", "reached", "outcome")}
            seen["contact"] = {"at": body.get("spoke_at") or _written(entry.at), **said}
        elif entry.event == "TaskDecided" and form.get("outcome") == "served":
            seen["proof"] = "photo" if form.get("photo") else "receipt"
    return seen
