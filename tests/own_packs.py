"""Packs of a utility's own, written for a test: another version of jinan with a few values changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policies.packs import FOLDER, also_in

JINAN = "jinan@2020-01-29"
GRACE = "resident: {value: {term: P30D, roll: true}, clause: jinan.dunning.resident-wait-30-days}"
SHORTER = (GRACE, "resident: {value: {term: P20D, roll: true}, chosen: true, reason: Shorter for a test.}")
LONGER = (GRACE, "resident: {value: {term: P40D, roll: true}, chosen: true, reason: Longer for a test.}")
DESIGN = (
    "design_single: {value: 2WD, clause: jinan.design.single-meter-1-2wd}",
    "design_single: {value: 5WD, chosen: true, reason: Longer for a test.}",
)
WITHOUT_GRACE = ("      enters: grace\n", "      enters: notified\n")


def write_pack(folder: Path, day: str, *changes: tuple[str, str]) -> str:
    """A version of jinan that takes force on `day`; returns its full name."""
    text = (FOLDER / "jinan" / "2020-01-29.yaml").read_text(encoding="utf-8")
    for old, new in (("from: 2020-01-29", f"from: {day}"), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "jinan" / f"{day}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return f"jinan@{day}"


@contextmanager
def looked_up_in(folder: Path) -> Iterator[Path]:
    """The folder's packs are known as long as the block lasts."""
    also_in(folder)
    try:
        yield folder
    finally:
        also_in(None)
