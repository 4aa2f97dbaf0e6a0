"""The templates that papers are printed with: files in Typst, `papers/<name>.typ`, read as a pack has them.

A template defines `paper(d)`, whose `d` is the paper's values. What all utilities share is in `policies/papers/`; a
utility's own stand in `<utility>/papers/`, and take the place of the shared one of their name. The folder of
GUANJIA_PACKS is laid out the same, and what is in it goes before what comes with Guanjia.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from policies.packs import PackError, folders, load_pack, pack_versions

PAPERS = "papers"


def templates(pack: str) -> dict[str, str]:
    """The text of every template that a pack prints with, by its file's name. Raises PackError."""
    utility = pack.partition("@")[0]
    found: dict[str, Path] = {}
    for within in (PAPERS, f"{utility}/{PAPERS}"):
        for folder in folders():
            found |= {path.name: path for path in sorted((folder / within).glob("*.typ"))}
    return {name: _text(path) for name, path in found.items()}


def check_templates(faults_of: Callable[[Mapping[str, str]], Iterable[str]]) -> list[str]:
    """Every fault of every template, as each utility has it; `faults_of` is asked what the press says of the files."""
    faults: list[str] = []
    for utility in sorted({name.partition("@")[0] for name in pack_versions()}):
        try:
            files = templates(utility)
            faults += [f"{utility}: {fault}" for fault in faults_of(files)]
            for name in (name for name in pack_versions() if name.partition("@")[0] == utility):
                arrears = load_pack(name).arrears
                used = {words.template.value for words in arrears.notices.values()} if arrears is not None else set()
                faults += [
                    f"{name}: {template}.typ is in no folder of papers: write it, or name another"
                    for template in sorted(used)
                    if f"{template}.typ" not in files
                ]
        except PackError as wrong:
            faults += wrong.faults
    return faults


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise PackError([f"{path}:1:1: file: cannot be read as UTF-8 text: {type(wrong).__name__}"]) from None
    for line, words in enumerate(text.splitlines(), start=1):
        if '"@' in words:
            column = words.index('"@') + 1
            raise PackError([f"{path}:{line}:{column}: file: takes a package from elsewhere: write out what it needs"])
    return text
