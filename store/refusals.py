"""What was refused, to whom and why: one row each, beside the record of what was done."""

from datetime import datetime

from domain.refusals import RefusalCode
from store.database import Database
from store.tables import refusals


def note(
    database: Database, *, case_no: str | None, command: str, code: RefusalCode, message: str, by: str, at: datetime
) -> None:
    """Keep a refusal. `command` names the door, `message` holds no personal data."""
    row = {"case_no": case_no, "command": command[:80], "code": code, "message": message[:4000], "by": by, "at": at}
    with database.write() as connection:
        connection.execute(refusals.insert().values(**row))
