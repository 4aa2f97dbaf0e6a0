"""Bytes of files on disk, each under its SHA-256: written whole or not at all, readable for the owner alone.

`<folder>/<2 hex>/<sha256>` is what was sent and is never changed; `<sha256>.<size>.jpg` beside it can be made again.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


class EvidenceDamaged(Exception):
    """A file that is on record is missing on disk, or is not what was put there."""


class Shelf:
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the bytes of a hash are, or would be."""
        return self.folder / sha256[:2] / sha256

    def derived(self, sha256: str, size: str) -> Path:
        """Where a picture made from the bytes is, or would be."""
        return self.folder / sha256[:2] / f"{sha256}.{size}.jpg"

    def candidate(self, stream: IO[bytes]) -> Path:
        """A copy of bytes that nobody has looked into yet, in the shelf's folder; the caller keeps or removes it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".sent-", dir=self.folder)  # of mode 0600
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)

    def keep(self, candidate: Path, sha256: str) -> None:
        """Give a candidate its place; bytes that are there already stay, for they are the same."""
        path = self.path(sha256)
        if not path.exists():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            candidate.replace(path)
            _sync(path.parent)
            _sync(self.folder)
        candidate.unlink(missing_ok=True)

    def write(self, path: Path, fill: Callable[[IO[bytes]], object]) -> None:
        """Fill a file: under its name it is whole, on disk, and the owner's alone."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(path.parent)

    def verified(self, sha256: str) -> Path:
        """The bytes as they were put here. Raises `EvidenceDamaged` when they are not."""
        path = self.path(sha256)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise EvidenceDamaged(f"{sha256} is missing") from None
        if found != sha256:
            raise EvidenceDamaged(f"{sha256} was changed")
        return path


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
