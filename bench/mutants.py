"""`make mutants`: every guard behind the invariants 1 to 5, taken away one at a time; some test has to notice.

Guards are read from the source of the functions that hold them (`HELD_IN`): each condition of the interlock, each `if`
and each part of one, each comparison, each statement done for its effect alone. One at a time is weakened in a copy of
the tree and the narrow tests of its file are run, the nearest first, until one fails. A guard that stays unnoticed
survives and is named with its line; the last line counts, and the exit code is 1 unless all were killed.

`python -m bench.mutants [--only TEXT] [--list] [--jobs N] [--limit SECONDS] [--tests FILE...]`.
"""

import argparse
import ast
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns("node_modules", ".*", "__pycache__", "docs", "htmlcov", "var")
RULES = (
    "tests/domain/arrears/test_interlock.py",
    "tests/domain/arrears/test_limit_and_restore.py",
    "tests/domain/arrears/test_payments.py",
    "tests/domain/arrears/test_holds.py",
    "tests/domain/arrears/test_ladder_jinan.py",
    "tests/domain/arrears/test_ladder_kaifeng.py",
    "tests/domain/arrears/test_notices.py",
    "tests/domain/arrears/test_safety.py",
)
PERSONS = (
    "tests/domain/arrears/test_decisions.py",
    "tests/domain/test_tasks.py",
    "tests/domain/test_commands.py",
    *RULES[1:4],
)
ORDERS = (
    "tests/store/test_orders.py",
    "tests/store/test_reconciliations.py",
    "tests/store/test_safety_on_the_casebook.py",
)
DOORS = (
    "tests/store/test_what_waits_at_a_door.py",
    "tests/store/test_doors.py",
    "tests/store/test_reconciler.py",
    "tests/store/test_safety_on_the_casebook.py",
)
RECORD = (
    "tests/store/test_casebook.py",
    "tests/store/test_supersession.py",
    "tests/store/test_orders.py",
    "tests/store/test_safety_on_the_casebook.py",
)
MESSAGES = ("tests/activities/test_messages.py", "tests/store/test_doors.py")
HELD_IN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "domain/arrears/interlock.py": (
        ("interlock", "unmet", "_steps_taken", "_periods_over", "_approved"),
        RULES,
    ),
    "domain/arrears/ladder.py": (
        ("pursuable", "limitable", "told", "begins_anew", "limit_stands", "_ordered_again"),
        RULES,
    ),
    "domain/arrears/consequences.py": (("_recall", "_unwanted_message", "_clock", "_stage"), RULES),
    "domain/arrears/commands.py": (("decide", "refuse_limit_at_another_time"), PERSONS),
    "domain/tasks.py": (("refuse_unless_decidable",), PERSONS),
    "store/orders.py": (("ask", "conditions_now", "balance", "_carry_out", "_close"), ORDERS),
    "store/notices.py": (("reserve", "hand_over"), MESSAGES),
    "activities/notices.py": (("send", "_asked", "_hand_over", "_later"), MESSAGES),
    "store/reconciliations.py": (("differs",), ORDERS[:2]),
    "store/recoveries.py": (("note", "held_back", "forbids"), ("tests/store/test_recoveries.py",)),
    "store/unheard.py": (("waits", "_forbids"), DOORS[:1]),
    "store/ledger.py": (("post", "lock_account", "refuse_unknown_bill"), DOORS),
    "store/places.py": (("open_place",), DOORS),
    "store/intake.py": (("open_in", "add_bill", "_placed", "_posted", "owes"), DOORS),
    "store/casebook.py": (("record",), RECORD),
    "store/projection.py": (("_orders", "_settle_opening"), RECORD),
    "domain/arrears/facts.py": (("left",), (*RULES, "tests/domain/arrears/test_carried_over.py")),
    "domain/arrears/carried.py": (
        ("_disputes", "_holds", "_still_to_pay"),
        ("tests/domain/arrears/test_carried_over.py",),
    ),
}
"""Where the guards are: functions by file, with the tests that are to notice, the nearest first."""

YES = {
    "moment": None,
    "facts": "facts",
    "owed": "facts.owed()",
    "policy": None,
    "calendar": None,
    "at": None,
    "synced_at": "request.at",
    "snapshot_is_current": "True",
    "fence_is_current": "True",
    "approver": None,
    "billing_differs": "False",
    "unheard": "False",
    "recovering": "False",
}
"""What the transaction asks of the world for the interlock, and the answer that would ask nothing; None: no guard."""

SWAPPED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
TURNED = {"min": "max", "max": "min", "all": "any", "any": "all"}
LEAST_PATIENCE = 6.0
EQUIVALENT: dict[str, str] = {
    "domain/arrears/consequences.py _stage: without facts.stage is None in facts.stage is None or "
    "-1 < here < order.index(stage)": "a case that has just opened stands at the first stage anyhow",
    "domain/tasks.py refuse_unless_decidable: task.level turned round": "the words of a refusal alone",
    "domain/tasks.py refuse_unless_decidable: without each.resolver in each.resolver and actor.holds(each.resolver, "
    "level=each.level)": "nobody holds a role that is none",
    "domain/arrears/commands.py decide: without isinstance(form, RestoreRecord) in isinstance(form, RestoreRecord) and "
    'form.outcome == "valve-untouched" and facts.limited_at is not None': "no other form has this outcome",
    "store/orders.py _carry_out: without 0 in latest or 0": "False counts as 0",
}
"""Guards that cannot be seen from outside, by `name`, each with the reason."""


@dataclass(frozen=True)
class Guard:
    """One place in a file's bytes and what is put there instead."""

    path: str
    function: str
    line: int
    what: str
    begins: int
    ends: int
    instead: str

    @property
    def name(self) -> str:
        return f"{self.path} {self.function}: {self.what}"

    def taken_away(self, source: bytes) -> bytes:
        return source[: self.begins] + self.instead.encode() + source[self.ends :]


def guards(path: str, functions: Sequence[str], *, root: Path = ROOT) -> list[Guard]:
    """Every guard of these functions, in order. Raises ValueError for a function that is not there any more."""
    source = (root / path).read_bytes()
    found: list[Guard] = []
    missing = set(functions)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in functions:
            missing.discard(node.name)
            found += _Reader(path, node.name, source).of(node)
    if missing:
        raise ValueError(f"{path} has no {', '.join(sorted(missing))} any more: look again for its guards")
    once = {(guard.begins, guard.ends, guard.instead): guard for guard in found}
    return sorted(once.values(), key=lambda guard: (guard.line, guard.begins, guard.ends))


def all_guards(*, root: Path = ROOT) -> list[Guard]:
    return [guard for path, (functions, _) in HELD_IN.items() for guard in guards(path, functions, root=root)]


class _Reader:
    """Finds the guards of one function."""

    def __init__(self, path: str, function: str, source: bytes) -> None:
        self.path, self.function, self.source = path, function, source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def of(self, function: ast.AST) -> Iterator[Guard]:
        for node in _rules_in(function):
            match node:
                case ast.Call(func=ast.Name(id="Condition"), keywords=keywords):
                    yield from self._condition(keywords)
                case ast.Call(func=ast.Name(id="interlock"), keywords=keywords):
                    for keyword in keywords:
                        if keyword.arg not in YES:
                            raise ValueError(f"{keyword.arg} is asked for the interlock: say in YES what asks nothing")
                        if (answer := YES[keyword.arg]) is not None:
                            yield self._put(keyword.value, answer, f"{keyword.arg} not asked for")
                case ast.Call(func=ast.Name(id=name) as called) if name in TURNED:
                    yield self._put(called, TURNED[name], f"{TURNED[name]} in place of {self._text(node)}")
                case ast.If(test=test, body=body):
                    if isinstance(body[-1], ast.Raise | ast.Return | ast.Continue):
                        yield self._put(test, "False", f"if {self._text(test)} never")
                    elif not isinstance(test, ast.Compare):
                        yield self._put(test, f"not ({self._text(test)})", f"if {self._text(test)} turned round")
                case ast.IfExp(test=test) if not isinstance(test, ast.Compare):
                    yield self._put(test, f"not ({self._text(test)})", f"{self._text(test)} turned round")
                case ast.match_case(guard=ast.expr() as guard):
                    yield self._put(guard, "True", f"case if {self._text(guard)} always")
                case ast.BoolOp(op=op, values=values):
                    neutral = "True" if isinstance(op, ast.And) else "False"
                    for value in values:
                        yield self._put(value, neutral, f"without {self._text(value)} in {self._text(node)}")
                case ast.Compare(left=left, ops=[op], comparators=[right]):
                    turned = f"({self._text(left)} {SWAPPED[type(op)]} {self._text(right)})"
                    yield self._put(node, turned, f"{self._text(node)} with {SWAPPED[type(op)]}")
                case ast.UnaryOp(op=ast.Not(), operand=operand):
                    yield self._put(node, f"({self._text(operand)})", f"{self._text(node)} without not")
                case ast.Expr(value=ast.Call() as call):
                    yield self._put(call, "None", f"{self._text(call)} left out")
                case _:
                    pass

    def _condition(self, keywords: list[ast.keyword]) -> Iterator[Guard]:
        said = {keyword.arg: keyword.value for keyword in keywords}
        if isinstance(key := said.get("key"), ast.Constant) and isinstance(key.value, str):
            yield self._put(said["met"], "True", f"condition {key.value} always met")

    def _put(self, node: ast.expr, instead: str, what: str) -> Guard:
        begins, ends = self._span(node)
        return Guard(self.path, self.function, node.lineno, " ".join(what.split()), begins, ends, instead)

    def _text(self, node: ast.AST) -> str:
        begins, ends = self._span(node)
        return self.source[begins:ends].decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        line, column = getattr(node, "lineno"), getattr(node, "col_offset")  # noqa: B009 - ast tells its places at runtime
        end_line, end_column = getattr(node, "end_lineno"), getattr(node, "end_col_offset")  # noqa: B009
        return self.starts[line - 1] + column, self.starts[end_line - 1] + end_column


def _rules_in(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but the words in which it refuses or tells."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Raise | ast.JoinedStr):
            yield from _rules_in(child)


class Tree:
    """A copy of the tree in which one guard after the other is taken away."""

    def __init__(self, folder: Path, *, root: Path = ROOT) -> None:
        self.folder = folder / "tree"
        shutil.copytree(root, self.folder, ignore=LEFT_OUT)
        self._stamp = int(time.time()) - 1_000_000  # noqa: TID251 - the age of a file in a throw-away copy

    def verdict(self, guard: Guard | None, tests: Mapping[str, float]) -> str:
        """`killed`, `survived`, or `killed: ran too long`; without a guard taken away the tests have to pass.

        `tests`: the files, each with the seconds it may take.
        """
        for test, limit in tests.items():
            if code := self.run(guard, [test], limit=limit):
                return "killed: ran too long" if code in (-signal.SIGPROF, -signal.SIGALRM) else "killed"
        return "survived"

    def run(self, guard: Guard | None, tests: Sequence[str], *, limit: float, clause: str | None = None) -> int:
        """The exit code of these tests, files or single ones, with a guard taken away.

        `clause`: of tests that prove sentences, those of this one alone.
        """
        path = self.folder / guard.path if guard else None
        kept = path.read_bytes() if path else b""
        if guard and path:
            taken = guard.taken_away(kept)
            if path.suffix == ".py":
                ast.parse(taken)
            self._write(path, taken)
        try:
            return _run(self.folder, tests, limit=limit, clause=clause)
        finally:
            if path:
                self._write(path, kept)

    def _write(self, path: Path, source: bytes) -> None:
        """A compiled file is known by its source's age in seconds: each writing has one of its own."""
        self._stamp += 2
        path.write_bytes(source)
        os.utime(path, (self._stamp, self._stamp))


class _Rows:
    """Leaves out the rows of a table of tests that prove another sentence."""

    def __init__(self, clause: str) -> None:
        self.clause = clause

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        def others(item: Any) -> bool:
            claims = [mark.args for mark in item.iter_markers("clause")]
            return bool(claims) and not any(self.clause in claim for claim in claims)

        items[:] = [item for item in items if not others(item)]


def _run(folder: Path, tests: Sequence[str], *, limit: float, clause: str | None = None) -> int:
    """Tests in a process of their own, everything that is not ours loaded already; its exit code.

    `limit` is in seconds of its own work: others may keep the machine busy. Who only waits gets three times as long.
    """
    child = os.fork()
    if child == 0:
        with open(folder / f"said-{os.getpid()}.txt", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        signal.setitimer(signal.ITIMER_PROF, limit)
        signal.alarm(int(3 * limit))
        os.chdir(folder)
        sys.path[:] = [str(folder), *(entry for entry in sys.path if entry not in ("", str(ROOT), str(Path.cwd())))]
        for name in [name for name in sys.modules if name.split(".")[0] in _OURS]:
            del sys.modules[name]
        import pytest

        code = 3
        try:
            # A time limit of pytest's own would take the place of these.
            alone = ["-p", "no:cacheprovider", "-p", "no:timeout"]
            plugins = [_Rows(clause)] if clause else []
            asked = ["-x", "-q", *alone, "-k", "not postgres", "--tb=no", *tests]
            code = int(pytest.main(asked, plugins=plugins))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


_OURS = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} | {
    path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))
}


def warm_up() -> None:
    """Load what the tests need of others once, for all children."""
    import hypothesis.stateful
    import pydantic
    import pytest
    import sqlalchemy
    import temporalio.client
    import temporalio.worker

    del hypothesis, pydantic, pytest, sqlalchemy, temporalio


def hunt(found: Sequence[Guard], *, jobs: int, limit: float, tests: Sequence[str] | None = None) -> list[Guard]:
    """Take each guard away in turn and say what came of it; returns those that nobody missed."""
    survivors: list[Guard] = []
    needed = list(dict.fromkeys(test for guard in found for test in tests or HELD_IN[guard.path][1]))
    with tempfile.TemporaryDirectory(prefix="guanjia-mutants-") as place:
        trees: Queue[Tree] = Queue()
        for no in range(jobs):
            trees.put(Tree(Path(place) / str(no)))

        def whole(test: str) -> tuple[str, str, float]:
            began = time.perf_counter()
            return test, trees.queue[0].verdict(None, {test: limit}), time.perf_counter() - began

        with ThreadPoolExecutor(jobs) as pool:
            seen_whole = list(pool.map(whole, needed))
        if broken := [test for test, seen, _ in seen_whole if seen != "survived"]:
            raise SystemExit(f"these fail with every guard in its place: {', '.join(broken)}")
        # A guard whose loss keeps a test going for ever is killed by that too, and soon.
        patience = {test: min(limit, LEAST_PATIENCE + 3 * took) for test, _, took in seen_whole}

        def verdict(guard: Guard) -> str:
            tree = trees.get()
            try:
                return tree.verdict(guard, {test: patience[test] for test in tests or HELD_IN[guard.path][1]})
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(jobs) as pool:
            for no, (guard, seen) in enumerate(zip(found, pool.map(verdict, found), strict=True), start=1):
                print(f"{no}/{len(found)} {seen}: {guard.path}:{guard.line} {guard.what}", flush=True)
                if seen == "survived":
                    survivors.append(guard)
    return survivors


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="guards whose file, function or words hold this")
    parser.add_argument("--list", action="store_true", help="name the guards and run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=180, help="seconds for one test file")
    parser.add_argument("--tests", nargs="+", help="these in place of the tests that each file has")
    given = parser.parse_args(arguments)
    every = all_guards()
    if stale := EQUIVALENT.keys() - {guard.name for guard in every}:
        print("\n".join(f"no such guard any more: {name}" for name in sorted(stale)))
        return 1
    found = [guard for guard in every if given.only in guard.name and guard.name not in EQUIVALENT]
    if given.list:
        print("\n".join(f"{guard.path}:{guard.line} {guard.function}: {guard.what}" for guard in found))
        return 0
    warm_up()
    began = time.perf_counter()
    survivors = hunt(found, jobs=given.jobs, limit=given.limit, tests=given.tests)
    for guard in survivors:
        print(f"survived: {guard.path}:{guard.line} {guard.function}: {guard.what}")
    print(f"{time.perf_counter() - began:.0f} s")
    print(f"{len(found) - len(survivors)} of {len(found)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
