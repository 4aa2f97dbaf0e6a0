"""What a case rests on, as one paper: for whoever approves, and for a court.

Made of the record alone, in words; each file by its hash and each entry by its place in the chain.
"""

from typing import Literal

from domain.papers import Paper, Picture
from domain.policy import Strict


class Part(Strict):
    """A part of the evidence: words, and a table. `lines` stand before it, `after` below it in small.

    `widths`: of its columns, in shares of the sheet.
    """

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    widths: tuple[int, ...] = ()
    after: tuple[str, ...] = ()


class Photo(Strict):
    """A photo of the case, shown where it is whole; `sha256` is of the file as it was sent."""

    sha256: str
    words: str
    picture: Picture | None


class EvidencePack(Paper):
    """`no` ends with the last entry that is in it, so that one number is one state of the record."""

    utility: str
    no: str
    case_no: str
    about: tuple[tuple[str, str | None], ...]
    parts: tuple[Part, ...]
    photos: tuple[Photo, ...]
    files: tuple[tuple[str, str, str], ...]
    chain: tuple[tuple[str, str, str, str], ...]
    chain_head: str
    chain_is: Literal["whole", "broken"]
