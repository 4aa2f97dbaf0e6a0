"""Applications from another office's intake log, read as connection projects in their order of arrival.

The log is an event log in CSV, one line an event, with the columns of the public receipt-phase log: a case's channel,
department, responsible person, start and planned end. It knows nothing of meters or pipes: which kind of project an
application is, is chosen here, from its department.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from domain.calendars import local
from domain.connection.facts import Project
from store.projects import ProjectRecord

WANTED = (
    "case:concept:name",
    "case:startdate",
    "case:channel",
    "case:department",
    "case:responsible",
    "time:timestamp",
)
CHANNELS = {"Internet": "online", "Desk": "window", "Post": "post", "e-mail": "e-mail", "": "unknown"}
ESTATE_METERS = 40


class UnreadableApplications(Exception):
    """A file that is not such a log; the message says what, where and what to do."""


def read_applications(path: Path, *, checklist: dict[str, tuple[str, ...]]) -> list[ProjectRecord]:
    """Every application of the log once, earliest arrival first; papers are the kind's checklist.

    Raises `UnreadableApplications` naming the line for a missing column or an instant that cannot be read.
    """
    first: dict[str, tuple[datetime, int, dict[str, str]]] = {}
    for line, row in _rows(path):
        try:
            arrived_at = local(datetime.fromisoformat(row["case:startdate"]))
        except ValueError:
            raise UnreadableApplications(
                f"{path}, line {line}: case:startdate {row['case:startdate']!r} is not an instant; "
                "write it as 2011-10-11 13:42:22+02:00"
            ) from None
        reference = row["case:concept:name"]
        if reference not in first:
            first[reference] = (arrived_at, line, row)
    in_order = sorted(first.values(), key=lambda each: each[:2])
    return [_record(row, arrived_at, checklist) for arrived_at, _, row in in_order]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in WANTED if name not in (reader.fieldnames or ())]
            if missing:
                raise UnreadableApplications(f"{path}, line 1: the columns {', '.join(missing)} are missing")
            for row in reader:
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise UnreadableApplications(f"{path} cannot be read as a UTF-8 CSV file: {type(wrong).__name__}") from None


def _record(row: dict[str, str], arrived_at: datetime, checklist: dict[str, tuple[str, ...]]) -> ProjectRecord:
    estate = row["case:department"] == "Experts"
    project = Project(kind="estate", meters=ESTATE_METERS) if estate else Project(kind="single")
    planned = row.get("case:enddate_planned") or None
    return ProjectRecord(
        reference=row["case:concept:name"],
        name=f"申请 {row['case:concept:name']}",
        project=project,
        papers=checklist.get(project.kind, ()),
        channel=CHANNELS.get(row["case:channel"], row["case:channel"]),
        department=row["case:department"],
        responsible=row["case:responsible"],
        arrived_at=arrived_at,
        planned_end=local(datetime.fromisoformat(planned)) if planned else None,
    )
