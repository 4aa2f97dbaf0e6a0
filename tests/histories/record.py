"""Writes the stored histories of a release, each once: `python -m tests.histories.record 0.1.0`."""

import asyncio
import sys
from pathlib import Path

from rehearsal.clock import engine_clock
from rehearsal.files import read
from rehearsal.run import play

HERE = Path(__file__).parent
REHEARSALS = HERE.parent / "rehearsals"
COMPLETE = (
    "paid-after-the-grace",
    "to-the-limit-and-back",
    "paid-in-the-same-minute-as-the-limit",
    "the-same-payment-twice",
    "promise-kept",
    "kaifeng-two-contacts",
    "a-worker-crashes-on-the-way",
    "unpaid-to-the-end",
    "told-of-one-bill-and-paid",
    "a-bill-joins-after-the-notice-was-printed",
    "connection-single-to-water",
    "connection-estate-switched-months-later",
    "connection-withdrawn-by-the-customer",
    "works-a-road-is-opened",
)


async def record(release: str) -> None:
    folder = HERE / release
    folder.mkdir(exist_ok=True)
    async with engine_clock() as clock:
        for name in COMPLETE:
            if (folder / f"{name}.json").exists():
                continue  # what a build has lived through is never written over
            await play(read(REHEARSALS / f"{name}.yaml"), clock, keep_history=folder / f"{name}.json")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
