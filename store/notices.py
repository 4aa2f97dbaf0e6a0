"""Messages as they stand: reserved before they are handed over, settled when their fate is known."""

from typing import Any, Literal, Protocol

from sqlalchemy import Connection, select, update

from domain.money import yuan
from domain.policy import Strict
from store.database import upsert
from store.intake import owes
from store.tables import accounts, notices

Fate = Literal["sent", "failed", "withdrawn"]


class Texts(Protocol):
    def __call__(self, pack: str, template: str) -> str:
        """The words of a template in a pack, with {account_no}, {amount} and {case_no} to fill in."""


class Place(Strict):
    """A message's place in the store. `tried_before`: someone may have handed it over already."""

    status: Literal["sending", "sent", "failed", "withdrawn"]
    tried_before: bool
    provider_key: str
    recipient: str | None
    text: str
    detail: str | None = None


def reserve(connection: Connection, letter: dict[str, Any], *, texts: Texts) -> Place:
    """Take the message's place, once; a second caller finds the first one's. A settled account is not written to."""
    where = (notices.c.case_no == letter["case_no"], notices.c.key == letter["key"])
    standing = connection.execute(select(notices).where(*where)).one_or_none()
    phone = connection.scalar(select(accounts.c.phone).where(accounts.c.account_no == letter["account_no"]))
    settled = not owes(connection, letter["account_no"], at=letter["at"])
    if standing is None:
        row = {name: letter[name] for name in ("case_no", "key", "template", "channel", "at")}
        upsert(
            connection,
            notices,
            row | {"status": "withdrawn" if settled else "sending", "recipient": masked(phone)},
            key=("case_no", "key"),
        )
    words = texts(letter["pack"], letter["template"])
    return Place(
        status=standing.status if standing else "withdrawn" if settled else "sending",
        tried_before=standing is not None,
        provider_key=f"{letter['case_no']}/{letter['key']}",
        recipient=phone,
        text=words.format(
            account_no=letter["account_no"], amount=yuan(letter["amount_fen"]), case_no=letter["case_no"]
        ),
    )


def settle(connection: Connection, case_no: str, key: str, *, status: str, reference: str | None) -> None:
    connection.execute(
        update(notices)
        .where(notices.c.case_no == case_no, notices.c.key == key)
        .values(status=status, provider_reference=reference)
    )


def masked(phone: str | None) -> str | None:
    """A phone number fit to be shown: 138****0000."""
    if phone is None:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def starred(text: str | None) -> str | None:
    """The first character of a name or address, fit to be shown to those who only watch."""
    return None if text is None else f"{text[:1]}**"
