"""Message channels. The embedded default keeps a journal instead of a provider; it is the operator's to read."""

import hashlib
import json
import os
from pathlib import Path


class JournalChannel:
    """Writes each message to a file of its own, named by its key: a second hand-over finds the first.

    The folder and its files are for the owner alone: they hold phone numbers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, *, key: str, recipient: str, text: str) -> str:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(key)
        content = json.dumps({"key": key, "recipient": recipient, "text": text}, ensure_ascii=False)
        partial = path.with_suffix(".part")
        partial.touch(mode=0o600)
        partial.write_text(content + "\n", encoding="utf-8")
        os.replace(partial, path)
        return path.stem

    def find(self, *, key: str) -> str | None:
        path = self._path(key)
        return path.stem if path.exists() else None

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
