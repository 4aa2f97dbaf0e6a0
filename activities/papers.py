"""The press: papers and their templates become PDF, in this process, one paper or a run of thousands.

What people wrote reaches a template as values and is never read as part of it. The same papers make the same bytes.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import manimgx_fonts_cjk
import segno
import typst

from domain.papers import Paper

FAMILY = "Noto Sans CJK SC"
PICTURES = "pictures"
_MAIN = """\
#import "{template}.typ": paper
#let papers = json(bytes(sys.inputs.papers))
#set document(title: papers.first().title, author: "Guanjia")
#for each in papers {{ paper(each) }}
"""
_DARK = re.compile(rb"\x01+")
_QUIET = 2
"""Modules of white around a code; the paper has more."""
_NAME = re.compile(r"[a-z][a-z0-9-]*")
# Control characters, and those that turn the direction of text: neither is printed, and both can mislead who reads.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Unprintable(Exception):
    """A template that is missing or does not print its paper. The message repeats nothing that is on the paper."""


class Press:
    """Prints with the templates of a pack. `fonts`: a folder of the utility's own, gone through before ours."""

    def __init__(self, templates: Callable[[str], Mapping[str, str]], *, fonts: Path | None = None) -> None:
        self._templates = templates
        self._own_fonts = fonts

    def printed(self, template: str, paper: Paper, *, pack: str, pictures: Mapping[str, Path] | None = None) -> bytes:
        """One paper as a PDF that a screen reader finds its way in. Raises `Unprintable`.

        `pictures`: the JPEG, PNG or WebP files of the paper's `Picture`s, by the hash that these carry.
        """
        return self._printed(template, [paper], pack, pictures or {}, alone=True)

    def print_run(self, template: str, papers: Sequence[Paper], *, pack: str) -> bytes:
        """Many papers as one PDF, in their order, each on a sheet of its own. Raises `Unprintable`."""
        return self._printed(template, papers, pack, {}, alone=False)

    def faults(self, files: Mapping[str, str]) -> list[str]:
        """What is wrong with templates in the words of the press, before any paper meets them."""
        found = []
        for name in files:
            with self._folder(files, {}) as folder:
                main = folder / "main.typ"
                main.write_text(f'#import "{name}"', encoding="utf-8")
                try:
                    self._compiled(main, papers="[]", alone=True, dated=0)
                except typst.TypstError as wrong:
                    found.append(f"{name}: {wrong.diagnostic}")
        return found

    def _printed(
        self, template: str, papers: Sequence[Paper], pack: str, pictures: Mapping[str, Path], *, alone: bool
    ) -> bytes:
        files = self._templates(pack)
        if not papers or not _NAME.fullmatch(template) or f"{template}.typ" not in files:
            raise Unprintable(f"{template}: {pack} has no such template, or there is nothing to print")
        dated = int(max(paper.dated_at for paper in papers).timestamp())
        with self._folder(files, pictures) as folder:
            main = folder / "main.typ"
            main.write_text(_MAIN.format(template=template), encoding="utf-8")
            try:
                return self._compiled(main, papers=_values(papers), alone=alone, dated=dated)
            except typst.TypstError:
                raise Unprintable(f"{template}: the template of {pack} does not print this paper") from None

    @contextmanager
    def _folder(self, files: Mapping[str, str], pictures: Mapping[str, Path]) -> Iterator[Path]:
        """All that a template can reach: the templates of its pack, and the pictures of its paper."""
        with TemporaryDirectory(prefix="guanjia-press-") as at:
            folder = Path(at)
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")
            (folder / PICTURES).mkdir()
            for sha256, picture in pictures.items():
                shutil.copyfile(picture, folder / PICTURES / sha256)
            yield folder

    def _compiled(self, main: Path, *, papers: str, alone: bool, dated: int) -> bytes:
        compiler = typst.Compiler(root=str(main.parent), font_paths=self._fonts, ignore_system_fonts=True)
        said = {"papers": papers, "fonts": json.dumps(self._families), "alone": "yes" if alone else "no"}
        made = compiler.compile(str(main), format="pdf", sys_inputs=said, timestamp=dated, pdf_tags=alone)
        return cast(bytes, made)

    @cached_property
    def _fonts(self) -> typst.Fonts:
        folders = [str(self._own_fonts)] if self._own_fonts else []
        packaged = str(Path(manimgx_fonts_cjk.__file__).parent)
        return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[*folders, packaged])

    @cached_property
    def _families(self) -> list[str]:
        """The fonts to set with, in order: a sign that the first one lacks is taken from the next."""
        if self._own_fonts is None:
            return [FAMILY]
        own = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(self._own_fonts)])
        return [*own.families(), FAMILY]


def _values(papers: Sequence[Paper]) -> str:
    return json.dumps(
        [_seen(paper.model_dump(mode="json", context={"draw": code_svg})) for paper in papers], ensure_ascii=False
    )


def _seen(value: Any) -> Any:
    match value:
        case str():
            return _UNSEEN.sub("", value)
        case list():
            return [_seen(each) for each in value]
        case dict():
            return {key: _seen(each) for key, each in value.items()}
        case _:
            return value


def code_svg(text: str) -> str:
    """A QR code as SVG. Its mask is given, not sought: a reader takes any, and seeking costs most of the time."""
    rows = segno.make(text, error="m", mask=4, micro=False, boost_error=False).matrix
    side = len(rows) + 2 * _QUIET
    dark = (
        f"M{run.start() + _QUIET} {at + _QUIET}.5h{run.end() - run.start()}"
        for at, row in enumerate(rows)
        for run in _DARK.finditer(row)
    )
    drawn = f'<path stroke="#000" d="{"".join(dark)}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">{drawn}</svg>'
