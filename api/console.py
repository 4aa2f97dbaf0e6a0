"""The command's side of the API: the same doors, from a terminal."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from settings import Settings

As = Annotated[str, typer.Option("--as", help="who you are: a name in people.json of the data folder, or a token")]
Json = Annotated[bool, typer.Option("--json", help="print the API's answer as it is")]

console = Console()


class Door:
    """Calls to the running API as one person. A refusal is printed with its code and ends the command."""

    def __init__(self, who: str) -> None:
        settings = Settings()
        self.base = f"http://{settings.api_host}:{settings.api_port}/api/v1"
        self.headers = {"Authorization": f"Bearer {_token(settings, who)}"}

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self._call("POST", path, json=body, **more)

    def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = httpx2.request(method, f"{self.base}{path}", headers=self.headers, timeout=60, **more)
        except httpx2.TransportError:
            refuse(f"nothing answers at {self.base}: start it with `guanjia run`, or set GUANJIA_API_PORT")
        told: Any = answer.json() if answer.content else {}
        if answer.status_code >= 400:
            refuse(f"{told.get('code', answer.status_code)}: {told.get('message', answer.text)}")
        return told


def _token(settings: Settings, who: str) -> str:
    path = settings.data / "people.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return known.get(who, who)


def refuse(message: str) -> NoReturn:
    """Say why nothing was done."""
    print(message, file=sys.stderr)
    sys.exit(1)


def show(answer: Any, *, as_json: bool, columns: tuple[str, ...] = ()) -> None:
    """A list as a table, one thing as its fields; or the answer as it is."""
    if as_json or not isinstance(answer, dict):
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    rows = answer.get("items")
    if rows is None:
        console.print_json(json.dumps(answer, ensure_ascii=False))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row.get(column) if row.get(column) is not None else "") for column in columns))
    console.print(table)
    if answer.get("next"):
        console.print(f"more: --after {answer['next']}")


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the `guanjia` command."""
    for command in (cases, case, timeline, tasks, claim, release, decide, say, pay, reverse, bill, open_case):
        app.command(command.__name__.replace("open_case", "open"))(command)


def cases(
    who: As = "supervisor",
    stage: str | None = None,
    status: str | None = None,
    account: str | None = None,
    after: str | None = None,
    as_json: Json = False,
) -> None:
    """Cases, newest first."""
    answer = Door(who).get("/cases", stage=stage, status=status, account=account, after=after)
    show(answer, as_json=as_json, columns=("case_no", "stage", "status", "amount", "opened_at", "standing"))


def case(case_no: str, who: As = "supervisor", as_json: Json = False) -> None:
    """One case: where it is, whose time it was, what comes next, and whether it may be limited."""
    show(Door(who).get(f"/cases/{case_no}"), as_json=as_json)


def timeline(case_no: str, who: As = "supervisor", as_json: Json = False) -> None:
    """Everything on record of a case."""
    answer = Door(who).get(f"/cases/{case_no}/timeline")
    show(answer, as_json=as_json, columns=("sequence", "at", "event", "actor"))


def tasks(
    who: As = "collector", key: str | None = None, mine: bool = False, after: str | None = None, as_json: Json = False
) -> None:
    """What must be done now, soonest first."""
    answer = Door(who).get("/tasks", key=key, mine=mine or None, after=after)
    show(answer, as_json=as_json, columns=("task_id", "key", "due_at", "case_no", "holder"))


def claim(task_id: str, who: As = "collector") -> None:
    """Take a task."""
    show(Door(who).post(f"/tasks/{task_id}/claim"), as_json=True)


def release(task_id: str, who: As = "collector") -> None:
    """Give a task back."""
    show(Door(who).post(f"/tasks/{task_id}/release"), as_json=True)


def decide(
    task_id: str, who: As = "collector", form: Annotated[str, typer.Option(help="the form as JSON")] = "{}"
) -> None:
    """Decide a task."""
    show(Door(who).post(f"/tasks/{task_id}/decide", {"form": _json(form)}), as_json=True)


def say(
    case_no: str,
    verb: Annotated[str, typer.Argument(help="contact, dispute, hold, plan, promise, pause, urge, …")],
    who: As = "collector",
    body: Annotated[str, typer.Option(help="the body as JSON")] = "{}",
) -> None:
    """Tell a case something: a contact, a dispute, a hold, a plan, a promise, a pause."""
    show(Door(who).post(f"/cases/{case_no}/{verb}", _json(body)), as_json=True)


def pay(
    account: str,
    reference: Annotated[str, typer.Option()],
    amount: Annotated[str, typer.Option(help="yuan")],
    bills: Annotated[list[str] | None, typer.Option("--bill", help="bills it names")] = None,
    who: As = "clerk",
) -> None:
    """Record a payment."""
    body = {"account": account, "reference": reference, "amount": amount, "bills": bills or []}
    show(Door(who).post("/payments", body), as_json=True)


def reverse(reference: str, who: As = "clerk") -> None:
    """Take a payment back."""
    show(Door(who).post(f"/payments/{reference}/reverse", {}), as_json=True)


def bill(
    account: str,
    no: Annotated[str, typer.Option()],
    period: Annotated[str, typer.Option(help="2026-03")],
    amount: Annotated[str, typer.Option(help="yuan")],
    due_on: Annotated[str, typer.Option(help="2026-04-10")],
    who: As = "clerk",
) -> None:
    """Record another bill of an account."""
    body = {"account": account, "no": no, "period": period, "amount": amount, "due_on": due_on}
    show(Door(who).post("/bills", body), as_json=True)


def open_case(
    body: Annotated[Path, typer.Argument(help="a JSON file with account and bills")], who: As = "clerk"
) -> None:
    """Open an arrears case."""
    show(Door(who).post("/arrears-cases", _json(body.read_text(encoding="utf-8"))), as_json=True)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as wrong:
        refuse(f'that is not JSON ({wrong}); write it as \'{{"outcome": "served"}}\'')
