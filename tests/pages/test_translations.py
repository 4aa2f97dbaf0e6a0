"""Every word of the pages in both languages: the texts of templates, the vocabulary, and what is wrong in a form."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from api.labels import EVENTS, LABELS
from api.pages.clocks import PARTIES
from api.pages.forms import fields_of
from api.pages.lists import STAGES
from api.pages.refusals import FAULTS, said_fault, said_refusal
from api.pages.words import CATALOGUE, in_language
from domain import case as shared
from domain.arrears import events as arrears
from domain.connection import events as connection
from domain.connection.phases import PHASES
from domain.people import ROLES, Level
from domain.processes import TASKS

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "api" / "pages" / "templates").glob("*.html"))
OPTIONS = {"trimmed": "true", "silent": "false"}
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
PLACES = re.compile(r"%\((\w+)\)s")


def texts() -> set[str]:
    """Everything in `_()`, in all templates."""
    return {
        str(message)
        for path in TEMPLATES
        for _, message, _, _ in extract_from_file(
            "jinja2.ext:babel_extract", str(path), keywords={"_": None}, options=OPTIONS
        )
    }


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as source:
        return {str(message.id): str(message.string) for message in read_po(source, locale="en") if message.id}


def test_each_text_of_a_template_has_an_english_entry_and_no_entry_is_stale() -> None:
    wanted, given = texts(), catalogue()
    assert len(wanted) > 150
    assert sorted(wanted - set(given)) == []
    assert sorted(set(given) - wanted) == []
    assert [text for text, english in given.items() if not english.strip() or CHINESE.search(english)] == []


def test_a_translation_fills_in_what_the_text_leaves_open() -> None:
    assert {text: english for text, english in catalogue().items() if places(text) != places(english)} == {}


def places(text: str) -> set[str]:
    return set(PLACES.findall(text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_in_chinese_outside_of_the_catalogue(path: Path) -> None:
    """But for the name of the language in itself, and for signs between words that both languages read."""
    bare = re.sub(
        r"\{#.*?#\}|_\('[^']*'[^)]*\)|_\(\"[^\"]*\"[^)]*\)|'中文'", "", path.read_text("utf-8"), flags=re.DOTALL
    )
    assert CHINESE.findall(bare) == []


def words_of(annotation: Any) -> Iterator[str]:
    """Every word of the literals in an annotation, however deep."""
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    elif get_origin(annotation) in (Union, UnionType, tuple, list, dict):
        for part in get_args(annotation):
            yield from words_of(part)


@pytest.mark.parametrize("key", TASKS)
def test_whatever_a_form_lets_choose_is_said_in_both_languages(key: str) -> None:
    form = TASKS[key].form
    words = {word for field in form.model_fields.values() for word in words_of(field.annotation)}
    assert words - set(LABELS) == set()
    for field in fields_of(form):
        zh, en = in_language(field.title, "zh"), in_language(field.title, "en")
        assert CHINESE.search(zh), field.title
        assert not CHINESE.search(en), field.title


def test_stages_roles_levels_and_parties_are_said_in_both_languages() -> None:
    words = {*PHASES, *STAGES, "restored", "settled", "closed", "withdrawn", *ROLES, *get_args(Level), *PARTIES}
    assert words - set(LABELS) == set()


def events() -> set[str]:
    """The name of every event there is."""
    return {
        str(kind.model_fields["event"].default)
        for module in (shared, arrears, connection)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, shared.Event) and "event" in kind.model_fields
    }


def test_every_event_has_a_name_on_the_timeline_in_both_languages() -> None:
    assert len(events()) > 50
    assert events() - set(EVENTS) == set()
    for zh, en in [*EVENTS.values(), *LABELS.values()]:
        assert CHINESE.search(zh) or zh.isascii()
        assert not CHINESE.search(en)


def beginnings(text: str) -> Iterator[str]:
    """What each ValueError of a module begins with, up to what is filled in at run time."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and ast.unparse(node.exc.func) == "ValueError"
        ):
            said = node.exc.args[0]
            part = said.values[0] if isinstance(said, ast.JoinedStr) else said
            assert isinstance(part, ast.Constant), ast.unparse(said)
            yield str(part.value)


@pytest.mark.parametrize("path", sorted(ROOT.glob("domain/*/forms.py")), ids=lambda path: path.parent.name)
def test_whatever_a_rule_finds_wrong_in_a_form_is_said_in_chinese(path: Path) -> None:
    for words in beginnings(path.read_text("utf-8")):
        assert CHINESE.search(said_fault(words, "zh")), words


def test_no_chinese_word_for_a_fault_is_hidden_behind_a_shorter_one() -> None:
    for at, (begins, _) in enumerate(FAULTS):
        assert [earlier for earlier, _ in FAULTS[:at] if begins.startswith(earlier)] == []


def refusals(text: str) -> Iterator[str]:
    """What each refusal without Chinese words of its own says, with a word for whatever is filled in at run time."""
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Refused"):
            continue
        if any(part.arg == "zh" for part in node.keywords) or len(node.args) < 2:
            continue
        said = node.args[1].left if isinstance(node.args[1], ast.BinOp) else node.args[1]
        parts = said.values if isinstance(said, ast.JoinedStr) else [said]
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)


@pytest.mark.parametrize("name", ["domain/commands.py", "domain/arrears/commands.py", "domain/connection/commands.py"])
def test_whatever_a_rule_refuses_is_said_in_chinese(name: str) -> None:
    found = list(refusals((ROOT / name).read_text("utf-8")))
    assert found
    assert [words for words in found if not CHINESE.search(said_refusal(words, "", "zh"))] == []
