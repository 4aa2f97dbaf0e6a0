"""An estate of thousands of meters through three acceptance rounds: events, bytes and seconds.

`python -m bench.estate [METERS] [FAILING]`: FAILING items fail in the first round, a tenth of them in the second.
"""

import asyncio
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.clock import engine_clock
from rehearsal.files import read
from rehearsal.run import play

HEAD = """pack: jinan
process: connection
starts_at: 2026-03-11T09:00:00+08:00
open:
  project: {{name: 明湖家园, kind: estate, address: 明湖路 8 号, meters: {meters}, high_rise: true}}
steps:
  - {{at: 2026-03-11T09:00:00+08:00, drive: {{until: connection.accept, each: PT1H}}}}
  - {{after: PT1H, decide: connection.accept, form: {{failed: {{{first}}}}}}}
  - {{after: PT1M, drive: {{until: connection.accept, each: PT1H}}}}
  - {{after: PT1H, decide: connection.accept, form: {{failed: {{{second}}}}}}}
  - {{after: PT1M, drive: {{until: connection.accept, each: PT1H}}}}
  - {{after: PT1H, decide: connection.accept}}
  - {{after: PT1M, drive: {{until: connection.follow-up, each: PT1H}}}}
until: 2026-12-30T00:00:00+08:00
expect:
  - {{task: connection.activate, count: 1}}
"""


async def main() -> None:
    meters = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    failing = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    step = max(1, meters // failing)
    items = list(range(1, meters + 1, step))[:failing]
    first = ", ".join(f"{item}: 埋深不足" for item in items)
    second = ", ".join(f"{item}: 缺铅封" for item in items[:: max(1, len(items) // 10)])
    with tempfile.TemporaryDirectory() as folder:
        file, kept = Path(folder) / "estate.yaml", Path(folder) / "history.json"
        await asyncio.to_thread(file.write_text, HEAD.format(meters=meters, first=first, second=second))
        async with engine_clock() as clock:
            began = time.perf_counter()
            seen = await play(read(file), clock, keep_history=kept)
            took = time.perf_counter() - began
        text = await asyncio.to_thread(kept.read_text)
    print(f"{meters} meters, {len(items)} failing in round 1, three rounds, up to {seen.stage}")
    print(f"{len(json.loads(text)['events'])} events, {len(text):,} bytes of history as JSON, {took:.1f} s played")
    print(f"{len(seen.tasks)} tasks, {len(seen.timeline)} entries")


if __name__ == "__main__":
    asyncio.run(importlib.import_module("bench.estate").main())
