"""The `guanjia` command."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer
from rich.console import Console

from api.calendar_console import calendar_app
from api.console import add_to
from domain.people import ROLES, Level, Role
from settings import Settings

if TYPE_CHECKING:
    from policies.packs import Pack
    from store.database import Database

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Guanjia 水管家: promises of a water utility, kept.",
)
packs_app = typer.Typer(no_args_is_help=True, help="Policy packs: what a utility promised, and where it says so.")
app.add_typer(packs_app, name="packs")
app.add_typer(calendar_app, name="calendar")
people_app = typer.Typer(no_args_is_help=True, help="Accounts: who may come in, and as what.")
app.add_typer(people_app, name="people")
By = Annotated[str, typer.Option(help="account id for the record")]


def known_roles(said: list[str]) -> list[str]:
    """Roles that exist; another word is refused with all that do."""
    for word in said:
        if word not in ROLES:
            raise typer.BadParameter(f"{word} is no role: write {', '.join(ROLES)}")
    return said


Roles = Annotated[list[str], typer.Option("--role", callback=known_roles, help="may be given several times")]
add_to(app)


@app.callback()
def before_any_command() -> None:
    """Packs of the utility's own are known to every command."""
    if (own := Settings().packs) is not None:
        from policies.packs import also_in

        also_in(own)


@app.command()
def run(sample: Annotated[bool, typer.Option(help="sample people and a sample ledger, the first time")] = True) -> None:
    """Bring up engine, worker and API on this machine, until Ctrl-C."""
    from runtime.embedded import PortTaken, run
    from runtime.supervisor import AlreadyRunning
    from runtime.wall_clock import now

    try:
        asyncio.run(run(Settings(), sample=sample, clock=now))
    except (PortTaken, AlreadyRunning) as refusal:
        fail(str(refusal))


@app.command()
def worker() -> None:
    """Run a worker, with the relay and the reconciler beside it."""
    from worker import main

    asyncio.run(main(Settings()))


@app.command()
def api() -> None:
    """Serve the API."""
    import uvicorn

    from api.app import create_app

    settings = Settings()
    app = create_app(settings)
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
        access_log=False,
        proxy_headers=settings.trusted_proxies is not None,
        forwarded_allow_ips=settings.trusted_proxies,
    )


@app.command()
def migrate() -> None:
    """Bring the database to this release's tables."""
    from store.migrate import upgrade

    upgrade(Settings().database)


@app.command()
def rehearse(
    files: Annotated[list[Path] | None, typer.Argument(help="rehearsal files (YAML)")] = None,
    pack: Annotated[str | None, typer.Option(help="run under this pack instead of the file's")] = None,
    compare: Annotated[str | None, typer.Option(help="run under this pack too and show what changes")] = None,
    population: Annotated[
        Path | None, typer.Option(help="many cases: a log of fines or an intake log (CSV), or a list of cases (YAML)")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="so many of the population, drawn by the seed")] = None,
    seed: Annotated[int, typer.Option(help="draws the sample, and how long staff take")] = 1,
    charts: Annotated[Path | None, typer.Option(help="draw the comparison into this folder (SVG)")] = None,
    lang: Annotated[str, typer.Option(help="of table and charts: zh or en")] = "en",
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON: one object a file, and one more a comparison")
    ] = False,
) -> None:
    """Run cases through months in seconds, on the real workflows.

    Exit 0: everything expected holds; 1: something does not; 2: a file is wrong and nothing was run.
    """
    from rehearsal.command import rehearse as play
    from rehearsal.command import rehearse_population

    if population is not None:
        if files or pack is None or compare is None:
            fail("a population is lived under two packs: give --pack and --compare, and no rehearsal files", code=2)
        lived = rehearse_population(
            population,
            pack=pack,
            compare=compare,
            sample=sample,
            seed=seed,
            as_json=as_json,
            drawn_in=charts,
            lang=lang,
        )
        sys.exit(asyncio.run(lived))
    if not files:
        fail("name the rehearsal files to run, or a --population", code=2)
    sys.exit(asyncio.run(play(files, pack=pack, compare=compare, as_json=as_json)))


@app.command()
def forms(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Every human task: its key, titles, role and form."""
    from domain.processes import TASKS

    if as_json:
        shown = [
            {
                "key": kind.key,
                "title_zh": kind.title_zh,
                "title_en": kind.title_en,
                "role": kind.role,
                "level": kind.level,
                "clauses": kind.clauses,
                "schema": kind.form.model_json_schema(),
            }
            for kind in TASKS.values()
        ]
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for kind in TASKS.values():
        fields = ", ".join(kind.form.model_fields)
        print(f"{kind.key}  {kind.title_zh} / {kind.title_en}  ({kind.role}): {fields}")


@app.command()
def clauses(
    doc: Annotated[str | None, typer.Option(help="sentences of this utility only")] = None,
    process: Annotated[str | None, typer.Option(help="sentences of this process of the register only")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="only what is not kept yet")] = False,
    check: Annotated[bool, typer.Option(help="say only what does not hold together; exit 1 then")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Where each sentence of the regulations is kept, and what proves it; computed from packs, code and tests."""
    from policies import coverage

    if check:
        faults = coverage.faults()
        for fault in faults:
            print(fault, file=sys.stderr)
        sys.exit(1 if faults else 0)
    chosen = coverage.chosen(doc=doc, process=process, only_open=only_open)
    if as_json:
        print(json.dumps([each.model_dump(mode="json") for each in chosen], ensure_ascii=False, indent=2))
        return
    # Into a pipe a table is as wide as it needs to be: nothing of an id is cut.
    console = Console() if sys.stdout.isatty() else Console(width=400)
    if only_open or doc or process:
        console.print(coverage.table(chosen))
    console.print(coverage.counts(chosen))


@app.command("import")
def import_(file: Path, by: Annotated[str, typer.Option(help="account id for the record")] = "administrator") -> None:
    """Read an overdue ledger (.xlsx, .csv) straight into the store; a second time changes nothing."""
    from activities.ledger_file import UnreadableLedger
    from runtime.embedded import import_with_progress
    from runtime.wall_clock import now

    settings = Settings()
    try:
        import_with_progress(settings, store(settings), file, console=Console(), now=now(), by=by)
    except UnreadableLedger as unreadable:
        fail(str(unreadable), code=2)


@app.command()
def intake(file: Path) -> None:
    """Open the applications of an intake log (CSV) as connection projects on the running system, once each."""
    from activities.applications import UnreadableApplications
    from runtime.intake import take_in
    from runtime.wall_clock import now

    settings = Settings()
    try:
        taken = take_in(store(settings), file, pack=settings.pack, at=now(), console=Console())
    except (UnreadableApplications, TimeoutError, ValueError) as wrong:
        fail(str(wrong), code=2)
    print(f"{taken.applications} applications: {taken.opened} opened, {taken.known} known before, {taken.begun} begun")


@packs_app.command("check")
def packs_check(
    files: Annotated[list[Path] | None, typer.Argument(help="pack files; left out: all of this release")] = None,
) -> None:
    """Read packs strictly and name every fault with its line; with them the templates that their papers print with."""
    from policies.packs import check_packs, pack_files

    faults = check_packs(files or pack_files())
    if not files:
        from activities.papers import Press
        from policies.templates import check_templates, templates

        faults += check_templates(Press(templates).faults)
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


@packs_app.command("show")
def packs_show(
    name: Annotated[str, typer.Argument(help="jinan, or jinan@2020-01-29")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Every value of a pack with its titles, unit and source, and how it reads what can be read in several ways."""
    from policies import shown

    pack = pack_named(name)
    if as_json:
        print(json.dumps(shown.as_json(pack), ensure_ascii=False, indent=2))
        return
    for line in shown.lines(pack):
        print(line)


@packs_app.command("diff")
def packs_diff(
    a: Annotated[str, typer.Argument(help="one pack")],
    b: Annotated[str, typer.Argument(help="the other")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """What two packs have differently, side by side, with the sentences behind it."""
    from policies.shown import differences

    one, other = pack_named(a), pack_named(b)
    found = differences(one, other)
    if as_json:
        told = {"a": one.name, "b": other.name, "differences": [each.model_dump(mode="json") for each in found]}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for each in found:
        print(f"{each.name}  {each.title.zh} / {each.title.en}")
        for pack, value in ((one, each.a), (other, each.b)):
            print(f"  {pack.name}  {f'{value.written}  [{value.source}]' if value else '-'}")


@packs_app.command("move")
def packs_move(
    from_pack: Annotated[str, typer.Option("--from", help="the version cases run under now: jinan@2020-01-29")],
    to_pack: Annotated[str, typer.Option("--to", help="the version they are to run under: jinan@2026-12-01")],
    process: Annotated[str | None, typer.Option(help="arrears or connection; left out: both")] = None,
    case_no: Annotated[str | None, typer.Option("--case", help="this case only")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would change; change nothing")] = False,
    reason: Annotated[str, typer.Option(help="why, for the record of every case that moves")] = "",
    by: By = "administrator",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON: one object a case, the totals last")] = False,
) -> None:
    """Move running cases to another version of their pack; a second time changes nothing.

    Exit 0: every case moved, or could; 1: some did not; 2: nothing was begun.
    """
    from domain.processes import PROCESSES
    from domain.refusals import Refused
    from policies.packs import PackError
    from runtime.pack_moves import PackMove
    from runtime.pack_moves_shown import print_dry_run, print_move
    from runtime.wall_clock import now

    if process is not None and process not in PROCESSES:
        fail(f"{process} is no process: write {' or '.join(PROCESSES)}", code=2)
    if not dry_run and not reason.strip():
        fail("say why with --reason, or look first with --dry-run", code=2)
    settings = Settings()
    try:
        move = PackMove(
            store(settings),
            from_pack=from_pack,
            to_pack=to_pack,
            by=by,
            reason=reason.strip(),
            at=now(),
            process=process,
            case_no=case_no,
        )
    except (PackError, Refused) as wrong:
        fail(str(wrong), code=2)
    if dry_run:
        sys.exit(print_dry_run(move, as_json=as_json))
    sys.exit(asyncio.run(print_move(move, settings, as_json=as_json)))


def pack_named(name: str) -> "Pack":
    """The pack of that name; leaves with what is wrong with it, or which packs there are."""
    from policies.packs import PackError, load_pack

    try:
        return load_pack(name)
    except PackError as wrong:
        fail(str(wrong), code=2)


@people_app.command("add")
def people_add(
    id: Annotated[str, typer.Argument(help="account id: no name and no number of a person")],
    roles: Roles,
    name: Annotated[str | None, typer.Option(help="shown on the pages; left out: the id")] = None,
    level: Annotated[Level | None, typer.Option(help="of a supervisor")] = None,
    grid: str | None = None,
    section: str | None = None,
    office: str | None = None,
    by: By = "administrator",
) -> None:
    """Let somebody in. Prints their token, this once; `people password` gives them a password."""
    from runtime.wall_clock import now
    from store import access_log
    from store.people import Person, add_person

    person = Person(
        id=id,
        name=name or id,
        roles=cast(tuple[Role, ...], tuple(roles)),
        level=level,
        grid=grid,
        section=section,
        office=office,
    )
    with refusals_said(), store(Settings()).write() as connection:
        token = add_person(connection, person)
        access_log.note(connection, "added", person=id, by=by, at=now())
    print(token)


@people_app.command("list")
def people_list(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Every account: roles, part, and how it comes in."""
    from store.people import everybody

    with store(Settings()).read() as connection:
        rows = everybody(connection)
    if as_json:
        shown = [
            person.model_dump(mode="json") | {"active": active, "password": password}
            for person, active, password in rows
        ]
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for person, active, password in rows:
        part = "=".join(person.part) if person.part is not None else "all"
        ways = "shut out" if not active else "password" if password else "token only"
        print(f"{person.id}  {person.name}  ({', '.join(person.roles)})  {part}  {ways}")


@people_app.command("roles")
def people_roles(id: str, roles: Roles, by: By = "administrator") -> None:
    """Give somebody these roles and no others, from their next request on."""
    from runtime.wall_clock import now
    from store import access_log
    from store.people import set_roles

    with refusals_said(), store(Settings()).write() as connection:
        set_roles(connection, id, cast(tuple[Role, ...], tuple(roles)))
        access_log.note(connection, "roles", person=id, by=by, at=now())


@people_app.command("card")
def people_card(
    id: str,
    post: Annotated[str | None, typer.Option(help="as customers know it; left out: the role")] = None,
    work_phone: Annotated[str | None, typer.Option("--work-phone", help="a number at work; left out: none")] = None,
    by: By = "administrator",
) -> None:
    """What stands on somebody's service card besides their name: customers are told it, and nothing else of them."""
    from runtime.wall_clock import now
    from store import access_log
    from store.people import set_card

    with refusals_said(), store(Settings()).write() as connection:
        set_card(connection, id, post=post, work_phone=work_phone)
        access_log.note(connection, "card", person=id, by=by, at=now())


@people_app.command("password")
def people_password(
    id: str,
    generate: Annotated[bool, typer.Option("--generate", help="make one up and print it")] = False,
    by: By = "administrator",
) -> None:
    """Give somebody a password, asked for unseen; all their sessions end."""
    import secrets

    from runtime.wall_clock import now
    from store.sessions import set_password

    database = store(Settings())
    password = (
        secrets.token_urlsafe(12) if generate else typer.prompt("password", hide_input=True, confirmation_prompt=True)
    )
    with refusals_said(), database.write() as connection:
        set_password(connection, id, password, by=by, at=now())
    if generate:
        print(password)


@people_app.command("shut-out")
def people_shut_out(id: str, by: By = "administrator") -> None:
    """Let somebody in no more, from their next request on."""
    from runtime.wall_clock import now
    from store import access_log
    from store.people import shut_out

    with refusals_said(), store(Settings()).write() as connection:
        shut_out(connection, id)
        access_log.note(connection, "shut-out", person=id, by=by, at=now())


@contextmanager
def refusals_said() -> Iterator[None]:
    """What is refused is said with its code, and ends the command."""
    from domain.refusals import Refused

    try:
        yield
    except Refused as refused:
        fail(f"{refused.code}: {refused.message}")


@app.command()
def verify(case_no: Annotated[str | None, typer.Argument(help="one case; left out: all")] = None) -> None:
    """Check the hash chain of the record. Exit 1 when it is broken, naming the case and the entry."""
    from rich.status import Status

    from store.casebook import BrokenChain, verify, verify_all

    database = store(Settings())
    done, entries = 1 if case_no else 0, 0
    try:
        if case_no:
            with database.read() as connection:
                entries = verify(connection, case_no)
        else:
            with Status("") as status:
                for done, entries in verify_all(database):
                    status.update(f"{done} cases, {entries} entries")
    except BrokenChain as broken:
        fail(str(broken))
    print(f"{done} cases, {entries} entries: the chain holds")


@app.command()
def recovered() -> None:
    """Say that a backup was put back: nobody is limited until billing's list of today has been compared."""
    from runtime.wall_clock import now
    from store import recoveries

    with store(Settings()).write() as connection:
        recoveries.told(connection, at=now())
    print("limits are held back until billing's own list of today, or of a later day, has been compared")


def store(settings: Settings) -> "Database":
    """The database of this installation; leaves with a word when it has no tables yet."""
    from sqlalchemy import inspect

    from store.database import Database

    database = Database(settings.database)
    if not inspect(database.engine).has_table("cases"):
        fail("the database has no tables yet: start `guanjia run` once, or run `guanjia migrate`")
    return database


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and leave."""
    print(message, file=sys.stderr)
    sys.exit(code)


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
