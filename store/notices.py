"""Messages as they stand: reserved before they are handed over, settled when their fate is known."""

from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime
from sqlalchemy import Connection, select, update

from domain.arrears.commands import ReportMessage
from domain.money import yuan
from domain.people import SYSTEM
from domain.policy import Strict
from store import outbox
from store.database import upsert
from store.intake import owes
from store.tables import accounts, notices, openings

Fate = Literal["sent", "failed", "withdrawn", "unknown"]


class Texts(Protocol):
    def __call__(self, pack: str, template: str) -> str:
        """The words of a template in a pack, with {account_no}, {amount} and {case_no} to fill in."""


class Place(Strict):
    """A message's place in the store. `settled`: its fate, once it is known for good.

    `handed_at`: when somebody last set about handing it over, `hand_overs` how often somebody has.
    """

    settled: Fate | None
    handed_at: AwareDatetime | None
    hand_overs: int
    reference: str
    recipient: str | None
    text: str
    parameters: dict[str, str]
    detail: str | None = None


def reserve(connection: Connection, letter: dict[str, Any], *, texts: Texts) -> Place:
    """Take the message's place, once; a second caller finds the first one's. A settled account is not written to."""
    where = _is(letter["case_no"], letter["key"])
    phone = connection.scalar(select(accounts.c.phone).where(accounts.c.account_no == letter["account_no"]))
    row = {name: letter[name] for name in ("case_no", "key", "template", "channel", "at")}
    row |= {"status": "sending", "recipient": masked(phone), "hand_overs": 0}
    new = upsert(connection, notices, row, key=("case_no", "key"), keep=tuple(row))
    if new and not owes(connection, letter["account_no"], at=letter["at"]):
        settle(connection, letter["case_no"], letter["key"], status="withdrawn", reference=None)
    standing = connection.execute(select(notices).where(*where)).one()
    words = texts(letter["pack"], letter["template"])
    parameters = {
        "account_no": letter["account_no"],
        "amount": yuan(letter["amount_fen"]),
        "case_no": letter["case_no"],
    }
    return Place(
        settled=None if standing.status == "sending" else standing.status,
        handed_at=standing.handed_at,
        hand_overs=standing.hand_overs,
        reference=reference_of(letter["case_no"], letter["key"]),
        recipient=phone,
        text=words.format(**parameters),
        parameters=parameters,
        detail=standing.detail,
    )


def reference_of(case_no: str, key: str) -> str:
    """What a provider knows a message by: no number and no name in it."""
    return f"{case_no}/{key}"


def hand_over(connection: Connection, letter: dict[str, Any], *, at: datetime) -> bool:
    """Set about handing a message over. False when the account has been settled meanwhile: it is withdrawn."""
    if not owes(connection, letter["account_no"], at=max(at, letter["at"])):
        settle(connection, letter["case_no"], letter["key"], status="withdrawn", reference=None)
        return False
    mine = update(notices).where(*_is(letter["case_no"], letter["key"]))
    connection.execute(mine.values(handed_at=at, hand_overs=notices.c.hand_overs + 1))
    return True


def not_handed_over(connection: Connection, case_no: str, key: str) -> None:
    """The provider surely did not take it: as if it had never been tried."""
    mine = update(notices).where(*_is(case_no, key))
    connection.execute(mine.values(handed_at=None, hand_overs=notices.c.hand_overs - 1))


def settle(
    connection: Connection, case_no: str, key: str, *, status: Fate, reference: str | None, detail: str | None = None
) -> None:
    connection.execute(
        update(notices).where(*_is(case_no, key)).values(status=status, provider_reference=reference, detail=detail)
    )


class Receipt(Strict):
    """What a provider reports of a message afterwards, by the reference that we gave it."""

    reference: str
    status: Literal["delivered", "failed"]
    code: str | None = None
    at: AwareDatetime


def report(connection: Connection, receipt: Receipt, *, at: datetime) -> Literal["taken", "known", "unknown"]:
    """Keep a receipt beside its message, and leave word for the case where it changes what comes next.

    What reached the customer once has reached them; a failure reported after that is no news.
    """
    case_no, _, key = receipt.reference.partition("/")
    row = connection.execute(select(notices).where(*_is(case_no, key)).with_for_update()).one_or_none()
    if row is None:
        return "unknown"
    if row.receipt in (receipt.status, "delivered"):
        return "known"
    kept = {"receipt": receipt.status, "receipt_code": receipt.code, "receipt_at": receipt.at}
    if row.status == "sending":
        kept["status"] = "sent"  # it surely was handed over: nobody needs to ask any more
    connection.execute(update(notices).where(*_is(case_no, key)).values(**kept))
    if receipt.status == "failed" or row.status == "unknown" or row.receipt is not None:
        account_no = connection.scalar(select(openings.c.subject).where(openings.c.case_no == case_no))
        command = ReportMessage(
            by=SYSTEM,
            at=at,
            key=key,
            template=row.template,
            channel=row.channel,
            status=receipt.status,
            detail=receipt.code,
        )
        body = {
            "update": "instruct",
            "id": f"report/{receipt.reference}/{receipt.status}",
            "case_no": case_no,
            "command": command.model_dump(mode="json"),
        }
        outbox.put(connection, kind="command", process="arrears", subject=str(account_no), at=at, body=body)
    return "taken"


def _is(case_no: str, key: str) -> tuple[Any, Any]:
    return notices.c.case_no == case_no, notices.c.key == key


def masked(phone: str | None) -> str | None:
    """A phone number fit to be shown: 138****0000."""
    if phone is None:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def starred(text: str | None) -> str | None:
    """The first character of a name or address, fit to be shown to those who only watch."""
    return None if text is None else f"{text[:1]}**"
