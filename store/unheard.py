"""What a door has taken in for an account and neither its ledger nor its case has yet."""

from typing import Any

from sqlalchemy import Connection, select

from store.tables import billing_events, outbox

FORBIDS = ("dispute", "hold", "plan", "promise", "withdraw")
"""Commands after which nobody may be limited. Those of other kinds keep nobody waiting at the valve."""


def waits(connection: Connection, account_no: str) -> bool:
    """Whether something waits that forbids a limit: a command without a worker, or money told before its account."""
    commands = select(outbox.c.body).where(
        outbox.c.subject == account_no, outbox.c.process == "arrears", outbox.c.kind == "command"
    )
    if any(_forbids(body["command"]) for body in connection.scalars(commands)):
        return True
    money = (billing_events.c.account_no == account_no, billing_events.c.status == "waiting")
    found = select(billing_events.c.id).where(*money, billing_events.c.kind == "payment").limit(1)
    return connection.scalar(found) is not None


def _forbids(command: dict[str, Any]) -> bool:
    return command.get("command") in FORBIDS or command.get("outcome") == "promised"
