"""Message channels. The embedded default keeps a journal instead of a provider; it is the operator's to read."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from activities.notices import Channel, Found, Handed, Message


class JournalChannel:
    """Writes each message to a file of its own, named by its reference: a second hand-over finds the first.

    The folder and its files are for the owner alone: they hold phone numbers.
    """

    patience = timedelta()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: Message) -> Handed:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(message)
        told = {"key": message.reference, "recipient": message.recipient, "text": message.text}
        partial = path.with_suffix(".part")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, path)
        return Handed(status="accepted", reference=path.stem)

    def find(self, message: Message, *, handed_at: datetime) -> Found:
        path = self._path(message)
        return Found(status="accepted", reference=path.stem) if path.exists() else Found(status="absent")

    def _path(self, message: Message) -> Path:
        return self.folder / f"{hashlib.sha256(message.reference.encode()).hexdigest()[:32]}.json"


class NoProvider:
    """A channel that this installation has no provider for: nothing goes out, and the case is told so."""

    patience = timedelta()

    def send(self, message: Message) -> Handed:
        return Handed(status="refused", code="no provider for this channel")

    def find(self, message: Message, *, handed_at: datetime) -> Found:
        return Found(status="absent")


class ByChannel:
    """Each message to the provider of its channel."""

    def __init__(self, providers: Mapping[str, Channel]) -> None:
        self.providers = providers
        self.patience = max((each.patience for each in providers.values()), default=timedelta())

    def send(self, message: Message) -> Handed:
        return self._of(message).send(message)

    def find(self, message: Message, *, handed_at: datetime) -> Found:
        return self._of(message).find(message, handed_at=handed_at)

    def _of(self, message: Message) -> Channel:
        return self.providers.get(message.channel, NoProvider())
