"""Ledger files that were previewed and wait for a yes: kept on disk for an hour, for our own account alone.

A folder a file under `incoming/<sha256>`: the bytes, what was told of them, and every fault. It lies on this machine;
where several serve the API, the file is sent again to the one that does not have it.
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload
from uuid import uuid4

import structlog
from starlette.concurrency import run_in_threadpool

from domain.policy import Strict
from store.ledger_plan import RowFault
from store.preview import LedgerPreview

log = structlog.get_logger()
T = TypeVar("T", bound=Strict)
KEPT = timedelta(hours=1)
SWEPT_EVERY = 600.0
MOST_FAULTS = 50_001  # one more than a workbook has rows, which then says so
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".csv", ".txt")
TOLD, FAULTS = "told.json", "faults.jsonl"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


class Told(Strict):
    """What was told of a kept file, when and to whom. `ignored`: headings that no field answers to."""

    sha256: str
    filename: str
    at: datetime
    by: str
    sheet: str
    ignored: tuple[str, ...]
    preview: LedgerPreview


def suffix_of(filename: str) -> str:
    """The ending of a file's name as far as reading it minds; what else people write is no part of a path."""
    suffix = Path(filename).suffix.casefold()
    return suffix if suffix in SPREADSHEETS else ""


class Incoming:
    """The folder of kept files. Times are the door's own: a file's age is what its folder's time says."""

    def __init__(self, data: Path, place: str = "incoming") -> None:
        self.folder = data / place

    @contextmanager
    def receive(self, stream: BinaryIO, filename: str, *, at: datetime) -> Iterator["Kept"]:
        """Keep what is sent, for the block to look at; it is kept on when the block tells of it, else it is gone."""
        self.sweep(at=at)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self.folder / f"new-{uuid4().hex}"
        place.mkdir(mode=0o700)
        try:
            kept = Kept(place, suffix_of(filename))
            with _own(kept.file, "xb") as copy:
                digest = sha256()
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
            yield kept
            if kept.told:
                self._put(place, self.folder / digest.hexdigest(), at=at)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _put(self, place: Path, home: Path, *, at: datetime) -> None:
        """The same bytes sent again are told of anew, and their hour begins again."""
        _age(place, at)
        try:
            place.rename(home)
        except OSError:  # it lies there already, and may be read at this moment: the bytes stay as they are
            for name in (FAULTS, TOLD):
                if (place / name).exists():
                    (place / name).replace(home / name)
            _age(home, at)

    def find(self, digest: str, *, at: datetime) -> "Kept | None":
        """A kept file; None for one that was never previewed here, or longer than an hour ago."""
        if not _SHA256.fullmatch(digest):
            return None
        home = self.folder / digest
        try:
            if at.timestamp() - home.stat().st_mtime > KEPT.total_seconds():
                return None
            file = next(home.glob("ledger*"))
        except (FileNotFoundError, StopIteration):
            return None
        return Kept(home, file.suffix)

    def drop(self, digest: str) -> None:
        """Take a kept file away at once."""
        if _SHA256.fullmatch(digest):
            shutil.rmtree(self.folder / digest, ignore_errors=True)

    def sweep(self, *, at: datetime) -> int:
        """Take away what is older than an hour; how many files that were."""
        if not self.folder.is_dir():
            return 0
        with os.scandir(self.folder) as places:
            old = [each.path for each in places if at.timestamp() - each.stat().st_mtime > KEPT.total_seconds()]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)


class Kept:
    """One kept file."""

    def __init__(self, place: Path, suffix: str) -> None:
        self._place = place
        self.file = place / f"ledger{suffix}"

    def keep_on(self, *, at: datetime) -> None:
        """Its hour begins again, for it is about to be read."""
        _age(self._place, at)

    @property
    def told(self) -> bool:
        return (self._place / TOLD).exists()

    def tell(self, told: Strict) -> None:
        with _own(self._place / TOLD, "xb") as out:
            out.write(told.model_dump_json().encode())

    @overload
    def what_was_told(self) -> Told: ...
    @overload
    def what_was_told(self, kind: type[T]) -> T: ...
    def what_was_told(self, kind: type[Any] = Told) -> Any:
        """What was said of it, as it was said then."""
        return kind.model_validate_json((self._place / TOLD).read_bytes())

    @contextmanager
    def faults_out(self) -> Iterator["Faults"]:
        """Where faults are written as they are found, so that none has to be held."""
        with _own(self._place / FAULTS, "xb") as out:
            yield Faults(out)

    def faults(self, *, limit: int | None = None) -> Iterator[RowFault]:
        """The faults, in the order in which they were found."""
        with (self._place / FAULTS).open("rb") as lines:
            for line in islice(lines, limit):
                yield RowFault.model_validate_json(line)


class Faults:
    """Writes faults up to `MOST_FAULTS`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._left = MOST_FAULTS

    def __call__(self, faults: Sequence[RowFault]) -> None:
        for fault in faults[: self._left]:
            self._out.write(json.dumps(fault.model_dump(), ensure_ascii=False).encode() + b"\n")
        self._left -= min(self._left, len(faults))


def _own(path: Path, mode: str) -> BinaryIO:
    """A new file that only its owner may read."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # type: ignore[return-value]


def _age(place: Path, at: datetime) -> None:
    os.utime(place, (at.timestamp(), at.timestamp()))


async def sweep_now_and_then(data: Path, clock: Callable[[], datetime]) -> None:
    """Take away what is older than an hour, also while nobody sends anything."""
    while True:
        try:
            for place in ("incoming", "incoming-tables"):
                await run_in_threadpool(Incoming(data, place).sweep, at=clock())
        except OSError as error:
            log.warning("api.incoming-not-swept", error=type(error).__name__)
        await asyncio.sleep(SWEPT_EVERY)
