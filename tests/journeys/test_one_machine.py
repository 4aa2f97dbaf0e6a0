"""A newcomer's first hour: `guanjia run` on an empty folder, work done, parts killed, all stopped and resumed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GUANJIA = [sys.executable, "-m", "cli"]
ROOT = Path(__file__).parent.parent.parent
PROOF = '{"outcome": "served", "method": "posted", "photo": "door.jpg"}'


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Machine:
    """One data folder and its ports, with `guanjia run` on it or not."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.env = os.environ | {
            "GUANJIA_DATA": str(data),
            "GUANJIA_TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
            "GUANJIA_API_PORT": free_port(),
            "GUANJIA_ENGINE_UI_PORT": free_port(),
            "GUANJIA_SAMPLE_ACCOUNTS": "6",
            "GUANJIA_SAMPLE_PROJECTS": "0",
            "GUANJIA_SAMPLE_WORK": "false",
        }
        self.running: subprocess.Popen[str] | None = None
        self.starts = 0

    def start(self) -> None:
        self.log = (self.data.parent / "run.log").open("a+")
        self.running = subprocess.Popen([*GUANJIA, "run"], cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)
        self.starts += 1
        wait_for(lambda: self.told().count("Guanjia is up") >= self.starts)

    def told(self) -> str:
        return (self.data.parent / "run.log").read_text()

    def stop(self) -> int:
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(timeout=120)

    def run(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*GUANJIA, *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.lstrip().startswith(("{", "[")) else done.stdout

    def pid(self, part: str) -> int | None:
        status = json.loads((self.data / "status.json").read_text())
        pid: int | None = next(each["pid"] for each in status["parts"] if each["part"] == part)
        return pid


def wait_for(holds: Callable[[], bool]) -> None:
    """Returns once it holds; five minutes are no promise, but what the slowest machine may take."""
    until = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.2)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "data")
    yield machine
    if machine.running is not None and machine.running.poll() is None:
        machine.running.kill()
        machine.running.wait()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_work_survives_killed_parts_and_a_restart(machine: Machine) -> None:
    machine.start()
    assert "6 cases opened" in machine.told()
    wait_for(lambda: len(machine.run("tasks", "--as", "collector", "--json")["items"]) == 6)
    first, second, *_ = machine.run("tasks", "--as", "collector", "--json")["items"]
    machine.run("decide", first["task_id"], "--as", "collector", "--form", PROOF)
    assert machine.run("case", first["case_no"], "--json")["stage"] == "grace"

    for part in ("worker", "engine", "api"):
        killed = machine.pid(part)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda part=part, killed=killed: machine.pid(part) not in (killed, None))  # type: ignore[misc]
    wait_for(lambda: answers(machine))
    decided = machine.run("decide", second["task_id"], "--as", "collector", "--form", PROOF)
    assert decided["case_no"] == second["case_no"]
    wait_for(lambda: machine.run("case", second["case_no"], "--json")["stage"] == "grace")

    assert machine.stop() == 0
    machine.start()
    assert machine.run("case", first["case_no"], "--json")["stage"] == "grace"
    owed = machine.run("case", first["case_no"], "--json")["amount"]
    machine.run("pay", first["subject"], "--reference", "T-1", "--amount", owed, "--as", "clerk")
    wait_for(lambda: machine.run("case", first["case_no"], "--json")["status"] == "closed")
    assert "the chain holds" in machine.run("verify")
    assert oct(os.stat(machine.data / "guanjia.db").st_mode & 0o777) == "0o600"
    assert machine.stop() == 0


def answers(machine: Machine) -> bool:
    done = subprocess.run([*GUANJIA, "cases", "--json"], cwd=ROOT, env=machine.env, capture_output=True, timeout=60)
    return done.returncode == 0
