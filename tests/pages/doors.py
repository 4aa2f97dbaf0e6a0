"""Projects and debts brought to where a journey begins, through the doors that systems use."""

from typing import Any
from uuid import uuid4

from sqlalchemy import select

from store.tables import entries, tasks
from tests.api.conftest import Site, eventually, opening

PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "connection.check-papers": ("clerk", {"outcome": "complete"}),
    "connection.assign": ("leading-group", {"to": "representative"}),
    "connection.arrange-survey": ("representative", {}),
}


def project(site: Site, *, until: str, grid: str | None = None, **more: Any) -> tuple[str, str]:
    """A project, of a grid or of none, whose task `until` waits: the case and the task."""
    clerk = site.somebody("clerk", grid=grid) if grid else "clerk"
    name = f"示例{uuid4().hex[:6]}茶馆"
    body = {"project": {"name": name, "kind": "single", "address": "示例路 8 号楼 1 单元"} | more}
    case_no = site.post("/connection-projects", body, who=clerk).json()["case_no"]

    def found() -> str | None:
        for task in site.get(f"/cases/{case_no}").json()["tasks"]:
            if task["key"] == until:
                return str(task["task_id"])
            if task["key"] in PLAIN:
                who, form = PLAIN[task["key"]]
                site.post(f"/tasks/{task['task_id']}/decide", {"form": form}, who=who)
        return None

    return case_no, eventually(found)


def debt(site: Site, account_no: str, **account: Any) -> tuple[str, str]:
    """A debt whose first notice waits to be served: the case and the task."""
    known = {"name": f"示例用户{account_no[-4:]}", "address": "示例路 9 号 2 单元 301 室"} | account
    case_no = site.post("/arrears-cases", opening(account_no, **known), who="clerk").json()["case_no"]
    shown = eventually(lambda: site.get(f"/cases/{case_no}").json()["tasks"])
    return case_no, shown[0]["task_id"]


def told(site: Site, case_no: str, event: str) -> list[Any]:
    """What a case has on record of one kind."""
    with site.database.read() as connection:
        mine = (entries.c.case_no == case_no, entries.c.event == event, entries.c.superseded.is_(False))
        return list(connection.execute(select(entries).where(*mine).order_by(entries.c.sequence)))


def task(site: Site, task_id: str) -> Any:
    with site.database.read() as connection:
        return connection.execute(select(tasks).where(tasks.c.task_id == task_id)).one()
