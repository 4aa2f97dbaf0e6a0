"""Messages to customers: each sent at most once, and asked about when its fate is unknown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from store import notices
from store.database import Database
from store.notices import Fate, Place

MOST_HAND_OVERS = 2
LAST_TRY = 20
"""After so many tries, some two hours, nobody waits for a provider any more."""


class Message(BaseModel):
    """A message as a provider gets it. `reference` is our own: by it the provider knows the message again.

    A provider takes the words, or a template of its own with the `parameters`.
    """

    model_config = ConfigDict(frozen=True)

    reference: str
    channel: str
    pack: str
    template: str
    recipient: str
    text: str
    parameters: dict[str, str]


class Handed(BaseModel):
    """What a provider made of a message. `later`: it surely did not take it, and may in a while.

    `reference` is the provider's own, `code` its word for why not, fit to be logged.
    """

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted", "refused", "later", "unknown"]
    reference: str | None = None
    code: str | None = None


class Found(BaseModel):
    """What a provider knows of a message handed over before; `absent`: it never got it, as far as it knows."""

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted", "failed", "absent", "unknown"]
    reference: str | None = None
    code: str | None = None


class Channel(Protocol):
    """A message provider. Neither call raises for what the provider or the network does."""

    @property
    def patience(self) -> timedelta:
        """How long after a hand-over `absent` is not to be believed yet; zero: it is always true."""

    def send(self, message: Message) -> Handed:
        """Hand a message over."""

    def find(self, message: Message, *, handed_at: datetime) -> Found:
        """Look for a message by our own reference."""


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

    def __init__(
        self, database: Database, channel: Channel, texts: notices.Texts, *, clock: Callable[[], datetime]
    ) -> None:
        self.database = database
        self.channel = channel
        self.texts = texts
        self.clock = clock

    @activity.defn
    def send(self, letter: Letter) -> Delivery:
        """Send a message once. A customer without a phone number gets none, and the case is told so.

        One whose fate is unknown is asked about, not sent again; only when its provider never got it is it handed over
        once more, under the same reference. The engine tries again until its fate is known or nobody waits any more.
        """
        said = letter.model_dump()
        with self.database.write() as connection:
            place = notices.reserve(connection, said, texts=self.texts)
            if place.settled:
                return Delivery(status=place.settled, detail=place.detail)
            if place.recipient is None:
                return _settled(connection, letter, "failed", code="no phone number is known")
            if place.handed_at is None and not notices.hand_over(connection, said, at=self.clock()):
                return Delivery(status="withdrawn")
        message = Message(
            reference=place.reference,
            pack=letter.pack,
            recipient=place.recipient,
            text=place.text,
            parameters=place.parameters,
            **letter.model_dump(include={"channel", "template"}),
        )
        if place.handed_at is not None:
            known = self._asked(letter, message, place, handed_at=place.handed_at)
            if known is not None:
                return known
            with self.database.write() as connection:
                if not notices.hand_over(connection, said, at=self.clock()):
                    return Delivery(status="withdrawn")
        return self._hand_over(letter, message)

    def _asked(self, letter: Letter, message: Message, place: Place, *, handed_at: datetime) -> Delivery | None:
        """What the provider knows of a message that may be out already; None when it is to be handed over again."""
        found = self.channel.find(message, handed_at=handed_at)
        match found.status:
            case "accepted":
                return self._settle(letter, "sent", reference=found.reference)
            case "failed":
                return self._settle(letter, "failed", reference=found.reference, code=found.code)
            case "unknown":
                return self._later(letter, "unknown")
            case "absent" if (young := self.channel.patience - (self.clock() - handed_at)) > timedelta():
                return self._later(letter, "unknown", after=young)
            case "absent" if self.channel.patience and place.hand_overs >= MOST_HAND_OVERS:
                return self._settle(letter, "unknown", code="handed over twice, and its provider knows nothing of it")
        return None

    def _hand_over(self, letter: Letter, message: Message) -> Delivery:
        handed = self.channel.send(message)
        match handed.status:
            case "accepted":
                return self._settle(letter, "sent", reference=handed.reference)
            case "refused":
                return self._settle(letter, "failed", code=handed.code)
            case "later":
                with self.database.write() as connection:
                    notices.not_handed_over(connection, letter.case_no, letter.key)
                return self._later(letter, "failed", code=handed.code)
            case "unknown":
                return self._later(letter, "unknown", after=self.channel.patience or None)

    def _later(
        self, letter: Letter, otherwise: Fate, *, after: timedelta | None = None, code: str | None = None
    ) -> Delivery:
        """Have the engine try again; at the last try settle for what is known."""
        if activity.info().attempt >= LAST_TRY:
            return self._settle(letter, otherwise, code=code or "the provider did not answer")
        # Ends up in the engine's history in plain text: says nothing of the message.
        raise ApplicationError("the fate of a message is not known yet", type="not-known-yet", next_retry_delay=after)

    def _settle(
        self, letter: Letter, status: Fate, *, reference: str | None = None, code: str | None = None
    ) -> Delivery:
        with self.database.write() as connection:
            return _settled(connection, letter, status, reference=reference, code=code)


def _settled(
    connection: Connection, letter: Letter, status: Fate, *, reference: str | None = None, code: str | None = None
) -> Delivery:
    notices.settle(connection, letter.case_no, letter.key, status=status, reference=reference, detail=code)
    return Delivery(status=status, detail=code)
