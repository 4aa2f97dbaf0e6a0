"""An estate driven the plain good way through the API, and a table of its meters."""

from typing import Any

from domain.filling import filled
from domain.processes import TASKS
from tests.api.conftest import Site, eventually, second

SECOND = {"approve-scheme": "supervisor", "review-drawings": second("designer")}


def estate(site: Site, meters: int, **more: Any) -> str:
    """The case number of a new estate."""
    body = {"project": {"name": "示例家园", "kind": "estate", "address": "示例路 8 号", "meters": meters} | more}
    made = site.post("/connection-projects", body, who="clerk")
    assert made.status_code == 201, made.text
    return str(made.json()["case_no"])


def driven(site: Site, case_no: str, until: str) -> dict[str, Any]:
    """The open task of a key, once every task before it was decided the plain good way."""

    def found() -> dict[str, Any] | None:
        tasks = site.get(f"/cases/{case_no}").json()["tasks"]
        for task in tasks:
            if task["key"] == f"connection.{until}":
                return dict(task)
        for task in tasks:
            decided(site, task)
        return None

    return eventually(found)


def decided(site: Site, task: dict[str, Any], **form: Any) -> Any:
    """Decide a task with a form, completed the plain good way."""
    told = tried(site, task, **form)
    assert told.status_code == 200, told.text
    return told.json()


def tried(site: Site, task: dict[str, Any], **form: Any) -> Any:
    """What is answered to such a decision."""
    shown = site.get(f"/tasks/{task['task_id']}").json()
    demands = [name for name in shown["schema"].get("required", ()) if name not in form]
    whole = filled(TASKS[task["key"]].form, form, demands=demands)
    who = SECOND.get(task["key"].removeprefix("connection."), shown["role"])
    return site.post(f"/tasks/{task['task_id']}/decide", {"form": whole}, who=who)


def table(meters: int, *, first: str = "序号,楼栋,单元,室号,表号,口径,起度,铅封号") -> str:
    """An order table as a text file: buildings of twelve, three to a floor."""
    rows = [
        f"{no},{1 + (no - 1) // 12}号楼,1,{1 + (no - 1) % 12 // 3}0{1 + (no - 1) % 3},SB{no:05d},20,0.5,QF{no:05d}"
        for no in range(1, meters + 1)
    ]
    return "\n".join([first, *rows])


def take_table(site: Site, case_no: str, text: str, *, kind: str = "order", who: str = "inspector") -> Any:
    """Preview a table and take it in."""
    told = site.post(
        f"/cases/{case_no}/item-tables/preview", who=who, files={"file": ("t.csv", text.encode())}, data={"table": kind}
    )
    assert told.status_code == 200, told.text
    taken = site.post(f"/cases/{case_no}/item-tables", {"sha256": told.json()["sha256"]}, who=who)
    assert taken.status_code == 200, taken.text
    return taken.json()
