"""The register: sentences word for word, and glosses in both languages."""

import os
import re
from pathlib import Path

import pytest

from policies.packs import Clause, clauses

SEEDS = os.environ.get("GUANJIA_SEEDS")


def without_space(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("clause", clauses().values(), ids=lambda clause: clause.id)
def test_a_clause_is_short_and_glossed_in_both_languages(clause: Clause) -> None:
    assert clause.id in clauses()
    assert len(clause.text) <= 60
    assert clause.gloss_en.isascii()
    assert not clause.gloss_zh.isascii()
    assert clause.text not in clause.gloss_zh


@pytest.mark.skipif(SEEDS is None, reason="GUANJIA_SEEDS does not say where the regulations' texts are")
def test_every_clause_is_word_for_word_in_its_regulation() -> None:
    utilities = {id_.partition(".")[0] for id_ in clauses()}
    texts = {name: without_space(Path(str(SEEDS), f"{name}.txt").read_text(encoding="utf-8")) for name in utilities}
    assert [c.id for c in clauses().values() if without_space(c.text) not in texts[c.id.partition(".")[0]]] == []
