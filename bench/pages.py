"""The pages at size: how long a browser waits for each list, and what goes over the wire.

`python -m bench.pages [--projects N] [--arrears N] [--rounds N]` fills a throw-away store, serves it on a free port of
this machine in a process of its own, and reads each page over one kept connection, as a browser does after login.
Prints p50 and p99 in milliseconds, the processor time of one page in the server, and bytes, packed as sent.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from bench.grown import fill
from bench.lists import AT, percentiles
from runtime.wall_clock import now
from settings import Settings
from store.database import Database
from store.people import Person, add_person
from tests.conftest import free_port

WARM = 5
PAGES = {
    "inbox, one section": ("collector", "/inbox"),
    "inbox, whole utility": ("supervisor", "/inbox?all=true"),
    "inbox, search": ("supervisor", "/inbox?all=true&q=示例园3号"),
    "board": ("supervisor", "/projects"),
    "board, one phase, late": ("supervisor", "/projects?phase=design&late=true"),
    "arrears": ("supervisor", "/arrears"),
    "arrears, one section": ("collector", "/arrears"),
    "arrears, most owed": ("supervisor", "/arrears?order=amount"),
    "arrears, proof missing": ("supervisor", "/arrears?proof_missing=true"),
    "approvals": ("supervisor", "/approvals"),
}


def main() -> None:
    ask = argparse.ArgumentParser(description="How long a browser waits for each list.")
    ask.add_argument("--projects", type=int, default=1434)
    ask.add_argument("--arrears", type=int, default=20_000)
    ask.add_argument("--rounds", type=int, default=200)
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        settings = Settings(data=data, api_port=free_port())
        database = Database(settings.database, durable=False)
        fill(database, projects=asked.projects, arrears=asked.arrears, times=1, at=AT)
        people = (
            Person(id="supervisor", name="主任", roles=("supervisor",)),
            Person(id="collector", name="催缴员", roles=("collector",), section="城东1管区"),
        )
        with database.write() as connection:
            tokens = {person.id: add_person(connection, person) for person in people}
        database.close()
        env = os.environ | {"GUANJIA_DATA": str(data), "GUANJIA_API_PORT": str(settings.api_port)}
        server = subprocess.Popen([sys.executable, "-m", "cli", "api"], env=env)
        try:
            measure(settings.api_port, server.pid, tokens, rounds=asked.rounds)
        finally:
            server.terminate()
            server.wait(timeout=20)
    print(f"{asked.projects} projects and {asked.arrears} arrears cases, {now().date()}, load {os.getloadavg()[0]:.1f}")


def measure(port: int, pid: int, tokens: dict[str, str], *, rounds: int) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                http.get("/healthz")
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        print(f"{'page':<26}{'p50 ms':>8}{'p99 ms':>8}{'cpu ms':>8}{'kB sent':>9}{'kB':>7}")
        for name, (who, path) in PAGES.items():
            headers = {"Authorization": f"Bearer {tokens[who]}", "Accept-Encoding": "gzip"}
            took, sent, whole = [], 0, 0
            for no in range(WARM + rounds):
                before, began = processor(pid), time.perf_counter()
                with http.stream("GET", path, headers=headers) as answer:
                    raw = b"".join(answer.iter_raw())
                if no < WARM:
                    continue
                took.append((time.perf_counter() - began, processor(pid) - before))
                assert answer.status_code == 200, (path, answer.status_code)
                sent = len(raw)
            whole = len(http.get(path, headers=headers).content)
            middle, most = percentiles([wall for wall, _ in took])
            cpu = statistics.mean(spent for _, spent in took)
            print(f"{name:<26}{middle:8.1f}{most:8.1f}{cpu * 1e3:8.1f}{sent / 1e3:9.1f}{whole / 1e3:7.1f}")


def processor(pid: int) -> float:
    """Seconds of processor that a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
