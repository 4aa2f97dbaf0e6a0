"""`make mutants-of-clauses`: what keeps a sentence is broken, one break at a time; tests that name the sentence notice.

What keeps it and what claims to prove it are read by `policies.coverage`, what is broken and how by
`bench.clause_breaks`. Each break is made in a copy of the tree, and only the tests and rehearsals that claim this very
sentence are run. A value, field or task that is broken unnoticed survives and is named. Of a marked function one guard
at least has to be missed, for with the others it may serve other sentences.

`python -m bench.clause_mutants [--only TEXT] [--list] [--jobs N] [--limit SECONDS] [--also TEST...]`; the last line
counts, and the exit code is 1 unless all were noticed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from bench.clause_breaks import breaks
from bench.mutants import Guard, Tree, warm_up
from policies.coverage import Covered, Proof, Reference, coverage

REGISTER = (
    "tests/policies/test_coverage.py::test_every_reference_is_proved_and_every_claim_names_a_sentence_that_is_kept"
)
BROWSER = "tests/pages/"
"""Tests there are not asked: a browser a break would take hours, and none of them is a sentence's only proof."""
REHEARSED = "tests/rehearsals/test_rehearsals.py::test_the_rehearsal_holds"


@dataclass
class Kept:
    """One thing that keeps a sentence, the tests that are to notice its breaks, and what came of each."""

    clause: str
    reference: Reference
    tests: tuple[str, ...]
    seen: list[tuple[Guard, bool]] = field(default_factory=list)

    @property
    def survivors(self) -> list[Guard]:
        missed = [guard for guard, noticed in self.seen if not noticed]
        return [] if self.reference.kind == "code" and len(missed) < len(self.seen) else missed


def all_kept(only: str = "", also: Sequence[str] = ()) -> list[Kept]:
    """Everything that keeps a sentence, in the order of the register."""
    return [
        Kept(id_, reference, (*tests_of(stands, reference), *also))
        for id_, stands in coverage().items()
        if stands.state == "kept"
        for reference in stands.references
        if only in f"{id_} {reference.path}"
    ]


def tests_of(stands: Covered, reference: Reference) -> tuple[str, ...]:
    """The tests that claim a sentence as pytest names them; for a field also what says that no mark is unproved."""
    tests = [_named(proof) for proof in stands.proofs if not proof.path.startswith(BROWSER)]
    return (*dict.fromkeys(tests), *([REGISTER] if reference.kind == "field" else ()))


def _named(proof: Proof) -> str:
    return proof.path if proof.kind == "test" else f"{REHEARSED}[{Path(proof.path).stem}]"


def hunt(found: Sequence[Kept], *, jobs: int, limit: float) -> None:
    """Break each in turn and write down what came of it. Raises SystemExit for tests that fail unbroken."""
    with tempfile.TemporaryDirectory(prefix="guanjia-clauses-") as place:
        trees: Queue[Tree] = Queue()
        for no in range(jobs):
            trees.put(Tree(Path(place) / str(no)))

        def broken(kept: Kept) -> Kept:
            for guard in breaks(kept.reference):
                tree = trees.get()
                try:
                    noticed = bool(kept.tests) and tree.run(guard, kept.tests, limit=limit, clause=kept.clause) != 0
                finally:
                    trees.put(tree)
                kept.seen.append((guard, noticed))
                if noticed and kept.reference.kind == "code":
                    break
            return kept

        if wrong := _failing(trees.queue[0], found, limit=limit):
            raise SystemExit(f"these fail with nothing broken: {', '.join(wrong)}")
        with ThreadPoolExecutor(jobs) as pool:
            for no, kept in enumerate(pool.map(broken, found), start=1):
                said = f"{no}/{len(found)} {kept.clause}: {kept.reference.kind} {kept.reference.path}"
                if not kept.survivors:
                    print(f"{said}: {'noticed' if kept.seen else 'nothing else can be read there'}", flush=True)
                for guard in kept.survivors:
                    print(f"{said}: survived: {guard.what}", flush=True)


def _failing(tree: Tree, found: Iterable[Kept], *, limit: float) -> list[str]:
    """The tests that fail with nothing broken: all in one run, one by one only where that fails."""
    tests = list(dict.fromkeys(test for kept in found for test in kept.tests))
    if not tests or not tree.run(None, tests, limit=limit * 10):
        return []
    return [test for test in tests if tree.run(None, [test], limit=limit)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.clause_mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="sentences or what keeps them that hold this")
    parser.add_argument("--list", action="store_true", help="name every break and run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=180, help="seconds for the tests of one break")
    parser.add_argument("--also", nargs="+", default=(), help="these tests besides, whatever they claim")
    given = parser.parse_args(arguments)
    found = all_kept(given.only, given.also)
    if given.list:
        for kept in found:
            for guard in breaks(kept.reference):
                print(f"{kept.clause}: {kept.reference.kind} {kept.reference.path}: {guard.what}")
        return 0
    warm_up()
    began = time.perf_counter()
    hunt(found, jobs=given.jobs, limit=given.limit)
    tried = sum(len(kept.seen) for kept in found)
    hollow = list(dict.fromkeys(kept.clause for kept in found if kept.survivors))
    print(f"{tried} breaks in {time.perf_counter() - began:.0f} s")
    sentences = len({kept.clause for kept in found})
    print(f"{sentences - len(hollow)} of {sentences} sentences missed whenever what keeps them was broken")
    return 1 if hollow else 0


if __name__ == "__main__":
    sys.exit(main())
