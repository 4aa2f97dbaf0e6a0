"""Messages to customers: each sent at most once, and asked about when its fate is unknown."""

from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio import activity

from store import notices
from store.database import Database
from store.notices import Fate


class Channel(Protocol):
    """A message provider. `key` makes a message recognisable to it, so that a lost answer can be asked for."""

    def send(self, *, key: str, recipient: str, text: str) -> str:
        """Hand a message over; returns the provider's reference. Raises when its fate is unknown."""

    def find(self, *, key: str) -> str | None:
        """The reference of a message handed over before, or None when the provider never got it."""


class Letter(BaseModel):
    """A message to go out: which case, which template. Address and words are looked up, never carried in history."""

    model_config = ConfigDict(frozen=True)

    case_no: str
    account_no: str
    pack: str
    key: str
    template: str
    channel: str
    amount_fen: int
    at: AwareDatetime


class Delivery(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Fate
    detail: str | None = None


class Notices:
    """Sends through the channel it is given; what went out stands in the store before the case hears of it."""

    def __init__(self, database: Database, channel: Channel, texts: notices.Texts) -> None:
        self.database = database
        self.channel = channel
        self.texts = texts

    @activity.defn
    def send(self, letter: Letter) -> Delivery:
        """Send a message once. A customer without a phone number gets none, and the case is told so."""
        with self.database.write() as connection:
            place = notices.reserve(connection, letter.model_dump(), texts=self.texts)
        if place.status != "sending":
            return Delivery(status=place.status, detail=place.detail)
        if place.recipient is None:
            return self._settle(letter, status="failed", reference=None, detail="no phone number is known")
        reference = self.channel.find(key=place.provider_key) if place.tried_before else None
        if reference is None:
            reference = self.channel.send(key=place.provider_key, recipient=place.recipient, text=place.text)
        return self._settle(letter, status="sent", reference=reference, detail=None)

    def _settle(self, letter: Letter, *, status: Fate, reference: str | None, detail: str | None) -> Delivery:
        with self.database.write() as connection:
            notices.settle(connection, letter.case_no, letter.key, status=status, reference=reference)
        return Delivery(status=status, detail=detail)
