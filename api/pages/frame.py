"""What every page is drawn with: who looks, in which language, and the templates."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.access import SignedIn
from api.arithmetic import said_term
from api.browser import policy
from api.errands import Errands
from api.errors import NotSignedIn
from api.house import Here, House
from api.labels import CLAUSE_PROCESSES, COVERAGE, LABELS, PAPER_STATES, UTILITIES
from api.once import Once
from api.pages import clocks, shapes
from api.pages.assets import asset, first_style
from api.pages.places import place_of, places_for
from api.pages.words import Language, in_language, language_of, reasons, translations
from domain.processes import TASKS
from policies.packs import clauses
from policies.register import Clause
from store import people
from store.people import Person

FOLDER = Path(__file__).parent
THEME_COOKIE = "theme"
STYLE_COOKIE = "style"  # the style that this browser has kept, by its hash
A_MONTH = 30 * 24 * 3600
NO_KEY = Once(None, "")


@lru_cache
def environment(language: Language) -> Environment:
    """The templates, speaking one language. Everything put into them is escaped; what is missing is an error."""
    env = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    words = translations(language)
    env.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.filters["money"] = shapes.money
    env.filters["both"] = lambda both: in_language(both, language)
    env.filters["task_title"] = lambda key: task_title(key, language)
    env.filters["item"] = lambda word: item_title(word, language)
    env.filters["label"] = lambda word: label(word, language)
    place = 0 if language == "zh" else 1
    env.filters["coverage"] = lambda word: COVERAGE[word][place]
    env.filters["paper_state"] = lambda word: PAPER_STATES[word][place]
    env.filters["clause_process"] = lambda word: {**LABELS, **CLAUSE_PROCESSES}.get(word, (word, word))[place]
    env.globals["utility"] = lambda word: UTILITIES.get(word, (word, word))[place]
    env.filters["party"] = lambda party: clocks.PARTIES[party][0 if language == "zh" else 1]
    env.filters["seconds"] = lambda seconds: shapes.stretch(timedelta(seconds=seconds), language=language)
    env.globals["asset"] = asset
    env.globals["language"] = language
    env.globals["tags_of"] = lambda ids: tags_of(ids, language)
    env.filters["pack_name"] = lambda name: pack_name(name, language)
    env.filters["why"] = lambda reason: reasons().gettext(reason) if reason and language == "zh" else reason or ""
    env.filters["iso"] = lambda written: shapes.iso(written, language=language)
    env.filters["term"] = lambda term: said_term(term)[0 if language == "zh" else 1]
    return env


def task_title(key: str, language: Language) -> str:
    """What a task is called."""
    kind = TASKS[key]
    return kind.title_zh if language == "zh" else kind.title_en


def item_title(word: str, language: Language) -> str:
    """What a task is about, where it is one of the points looked at on a site; anything else as it is."""
    return label(f"item-{word}", language) if f"item-{word}" in LABELS else word


def tags_of(ids: Iterable[str], language: Language) -> list[tuple[str, list[tuple[str, Clause | None]]]]:
    """Clauses under the tags that open them: those of one section stand under one, in the order of their first."""
    sections: dict[str, list[tuple[str, Clause | None]]] = {}
    for id in dict.fromkeys(ids):
        found = clauses().get(id)
        sections.setdefault(f"{found.utility} {found.section}" if found else id, []).append((id, found))
    told = []
    for found_there in sections.values():
        tag = tag_of(*found_there[0], language)
        more = f" +{len(found_there) - 1}" if language == "en" and len(found_there) > 1 else ""
        told.append((f"{tag}{more}", found_there))
    return told


def pack_name(name: str, language: Language) -> str:
    """A pack as people say it: whose it is, and of which day."""
    utility, _, since = name.partition("@")
    whose = UTILITIES.get(utility, (utility, utility))[0 if language == "zh" else 1]
    try:
        on = shapes.day(date.fromisoformat(since), language=language, today=date.min)
    except ValueError:
        return name
    return f"{whose}（{on}）" if language == "zh" else f"{whose}, {on}"


def tag_of(id: str, found: Clause | None, language: Language) -> str:
    """A clause's short name: whose it is, and where it stands; in English the end of its id."""
    utility, _, rest = id.partition(".")
    if found is None or language == "en":
        return rest.rpartition(".")[2].replace("-", " ") or id
    place = found.section.replace("・", "·").rpartition("·")[2].strip()
    return f"{UTILITIES.get(utility, (utility,))[0]} {place[:14]}"


def label(word: str | None, language: Language) -> str:
    """A word of the vocabulary as people say it; one that is nobody's vocabulary is shown as it is."""
    if word is None:
        return "—"
    pair = LABELS.get(word)
    return pair[0 if language == "zh" else 1] if pair else word


class Viewer:
    """Somebody looking at a page."""

    def __init__(self, request: Request, house: House, person: Person | None) -> None:
        self.request = request
        self.house = house
        self.guest = person is None
        self._person = person
        self.language = language_of(request)
        self.now = house.clock()
        self.style: str | None = None

    @property
    def person(self) -> Person:
        if self._person is None:
            raise NotSignedIn
        return self._person

    @property
    def by_htmx(self) -> bool:
        """Whether a fragment is wanted in the page that stands, not a page."""
        return self.request.headers.get("HX-Request") == "true"

    @property
    def by_queue(self) -> bool:
        """Whether a phone asks that sends what it kept without a network: it is told in JSON, not in a page."""
        return self.request.headers.get("Accept") == "application/json"

    def errands(self, once: Once = NO_KEY) -> Errands:
        """What this person has to tell cases; a page that may be sent twice gives what makes it the same."""
        return Errands(self.person, self.house, once, Response())

    def names(self, ids: Iterable[str | None]) -> dict[str, str]:
        """What people are called, by their accounts; those that are nobody's are not in it."""
        with self.house.database.read() as connection:
            return people.names(connection, {id for id in ids if id})

    def say(self, zh: str, en: str) -> str:
        """The one of two wordings that fits."""
        return zh if self.language == "zh" else en

    def text(self, template: str, **facts: Any) -> str:
        """A template, drawn."""
        today: date = self.now.date()
        language = self.language

        def about_time(shape: Callable[..., str]) -> Callable[[Any], str]:
            return lambda value: "—" if value is None else shape(value, language=language, today=today)

        return (
            environment(language)
            .get_template(template)
            .render(
                me=self._person,
                here=place_of(self.request.url.path),
                places=places_for(self._person) if self._person else (),
                path=self.request.url.path,
                address=self.address,
                filters=self.filters,
                theme=self.request.cookies.get(THEME_COOKIE, "auto"),
                now=self.now,
                style=self.style,
                instant=about_time(shapes.instant),
                due=about_time(shapes.due),
                day=about_time(shapes.day),
                month_name=lambda month: shapes.month(month, language=language),
                hours=lambda starts_at, ends_at: shapes.hours(starts_at, ends_at, language=language, today=today),
                chip_of=lambda row: clocks.chip(row, now=self.now, language=language),
                chip_of_task=lambda task: clocks.of_task(task, now=self.now, language=language),
                **facts,
            )
        )

    def show(
        self, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **facts: Any
    ) -> Response:
        """A page or a fragment."""
        first = not self.by_htmx and self.request.cookies.get(STYLE_COOKIE) != first_style()[1]
        self.style = first_style()[0] if first else None
        answer = HTMLResponse(self.text(template, **facts), status_code=status, headers=headers)
        if first:
            answer.headers["Content-Security-Policy"] = policy(styles=f"'self' 'sha256-{first_style()[1]}'")
            answer.set_cookie(STYLE_COOKIE, first_style()[1], max_age=A_MONTH, samesite="lax", httponly=True)
        return answer

    def address(self, **changes: Any) -> str:
        """This page's address with some of its filters changed; None takes one out."""
        query = {name: value for name, value in self.request.query_params.multi_items() if name not in changes}
        query |= {name: value for name, value in changes.items() if value is not None}
        path = self.request.url.path.removesuffix("/rows")  # the rows of a list are no page of their own
        return f"{path}?{urlencode(query)}" if query else path

    def filters(self) -> str:
        """This page's filters, from the question mark on, for an address that takes the same; not where it stands."""
        query = [(name, value) for name, value in self.request.query_params.multi_items() if name != "after"]
        return f"?{urlencode(query)}" if query else ""

    def go(self, address: str) -> Response:
        """Elsewhere, after something was done."""
        if self.by_htmx:
            return Response(headers={"HX-Redirect": address})
        return RedirectResponse(address, status_code=303)


async def _viewer(request: Request, house: Here, person: SignedIn) -> Viewer:
    return Viewer(request, house, person)


Looking = Annotated[Viewer, Depends(_viewer)]


async def _guest(request: Request, house: Here) -> Viewer:
    return Viewer(request, house, None)


Guest = Annotated[Viewer, Depends(_guest)]
"""Somebody who need not have logged in."""
