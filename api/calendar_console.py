"""`guanjia calendar`: a year's days off shown, and published on the running system."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from api.console import As, Door, Json, console, refuse, show

calendar_app = typer.Typer(no_args_is_help=True, help="Days off and make-up days: shown, and published year by year.")
Days = Annotated[str, typer.Option(help="days: 2027-01-01,2027-02-05..2027-02-12")]


@calendar_app.command("show")
def show_calendar(
    year: Annotated[int | None, typer.Argument(help="one year; left out: the years around now")] = None,
    within: Annotated[int, typer.Option(help="warn of provisional deadlines this many days ahead")] = 30,
    who: As = "administrator",
    as_json: Json = False,
) -> None:
    """What is published, what is provisional, and where it comes from."""
    if year is not None:
        told = Door(who).get(f"/calendars/{year}")
        if as_json:
            show(told, as_json=True)
            return
        console.print(_source(told))
        for each in told["days"] or ():
            name = f"{each['zh'] or ''} {each['en'] or ''}".strip()
            console.print(f"{each['day']}  {'off' if each['off'] else 'worked'}  {name}")
        return
    told = Door(who).get("/calendars", within=within)
    if as_json:
        show(told, as_json=True)
    else:
        table = Table("year", "source", "days off", "make-up", "by", "at", "notice")
        for row in told["items"]:
            provisional = row["source"] == "none"
            source = "[yellow]provisional[/]" if provisional else row["source"]
            counts = ("", "") if provisional else (str(row["days_off"]), str(row["make_up"]))
            table.add_row(str(row["year"]), source, *counts, row["by"] or "", row["at"] or "", row["notice"] or "")
        console.print(table)
        if told["unheard"]:
            console.print(f"{told['unheard']} open cases have yet to hear of the last publication")
    for warning in told["warnings"]:
        console.print(f"[yellow]warning[/]: {warning}")


@calendar_app.command()
def publish(
    year: int,
    file: Annotated[Path | None, typer.Argument(help="YAML with days_off and make_up, alone or under the year")] = None,
    days_off: Days = "",
    make_up: Days = "",
    notice: Annotated[str | None, typer.Option(help="the notice that gives the days")] = None,
    because: Annotated[str | None, typer.Option(help="why days already lived through are corrected")] = None,
    who: As = "administrator",
    as_json: Json = False,
) -> None:
    """Publish a year; every open case hears of it and counts its deadlines again.

    With neither a file nor days: the days that came with this release.
    """
    body: dict[str, Any] = {"notice": notice, "because": because}
    if file is not None:
        body |= _of_file(file, year)
    elif days_off or make_up:
        body |= {"days_off": spelled_days(days_off), "make_up": spelled_days(make_up)}
    told = Door(who).post(f"/calendars/{year}", {name: value for name, value in body.items() if value is not None})
    if as_json:
        show(told, as_json=True)
        return
    if not told["changed"]:
        console.print(f"{year} is published with these days already: nothing changes")
        return
    console.print(f"{year} is published; {told['cases']} open cases hear of it")
    if told["changed_past"]:
        console.print(f"[yellow]warning[/]: lived through otherwise: {', '.join(told['changed_past'])}")


def spelled_days(text: str) -> list[str]:
    """Days and runs of days, as `2027-01-01,2027-02-05..2027-02-12` writes them."""
    days: list[date] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _, last = part.partition("..")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            refuse(f"{part!r} is no day: write 2027-01-01, or 2027-02-05..2027-02-12")
        if not timedelta() <= end - start <= timedelta(days=60):
            refuse(f"{part!r} is no run of days: write the first, two dots, and the last")
        days += [start + timedelta(days=ahead) for ahead in range((end - start).days + 1)]
    return [day.isoformat() for day in days]


def _of_file(file: Path, year: int) -> dict[str, list[str]]:
    try:
        read = YAML(typ="safe").load(file)
    except (OSError, YAMLError, UnicodeDecodeError) as wrong:
        refuse(f"{file} cannot be read: {wrong}")
    days = read.get(year, read) if isinstance(read, Mapping) else None
    if not isinstance(days, Mapping) or not set(days) <= {"days_off", "make_up"} or "days_off" not in days:
        refuse(f"{file}: write days_off: [...] and make_up: [...], alone or under {year}:")
    return {name: [str(day) for day in listed or ()] for name, listed in days.items()}


def _source(told: dict[str, Any]) -> str:
    match told["source"]:
        case "none":
            return f"{told['year']} is not published: only its weekends are known, and its dates are provisional"
        case "release":
            return f"{told['year']}, as it came with this release"
        case _:
            notice = f", {told['notice']}" if told["notice"] else ""
            return f"{told['year']}, published by {told['by']} at {told['at']}{notice}"
