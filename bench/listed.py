"""Cases, tasks and their owners as lists meet them, in bulk: invented, spread over a utility, without a history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert

from domain.processes import TASKS
from store import search
from store.database import Database
from store.pressing import NO_TERM, NOTHING_OPEN, WITH_OTHERS
from store.tables import accounts, cases, found_by, openings, projects, tasks

AT_ONCE = 2000
OFFICES = ("城东", "城西", "城南")
SECTIONS, GRIDS = 4, 9
STAGES = {
    "reminded": "arrears.serve-dunning-notice",
    "grace": None,
    "notified": "arrears.serve-limit-notice",
    "limit-notified": "arrears.approve-limit",
    "limited": "arrears.restore",
}
WEIGHTS = (45, 30, 12, 11, 2)
PHASES = {
    "application": ("connection.check-papers", "connection.supply-papers"),
    "survey": ("connection.arrange-survey", "connection.survey"),
    "design": ("connection.draft-scheme", "connection.approve-scheme", "connection.review-drawings"),
    "inspection": ("connection.install-meters", "connection.accept", "connection.rectify"),
    "activation": ("connection.open-account", "connection.activate"),
}
KINDS = ("single", "single", "single", "estate", "linear", "temporary")
ESTATES = ("明湖", "泉城", "锦绣", "东风", "和平", "滨河", "翠屏", "玉函", "舜耕", "历山", "长清", "章丘")


@dataclass(frozen=True)
class Listed:
    """The rows of one case, by table."""

    opening: dict[str, Any]
    case: dict[str, Any]
    owner: dict[str, Any]
    tasks: list[dict[str, Any]]


def arrears_cases(count: int, *, at: datetime, seed: int = 1) -> Iterator[Listed]:
    chance = Random(seed)
    for no in range(1, count + 1):
        case_no, account_no = f"QF-20260311-{no:07d}", f"{no:09d}"
        part, opened_at = _part(chance), at - timedelta(minutes=chance.randrange(60 * 24 * 40))
        (stage,) = chance.choices(tuple(STAGES), WEIGHTS)
        key, amount = STAGES[stage], chance.randint(5_000, 400_000)
        due_on = opened_at.date() - timedelta(days=chance.randint(1, 45))
        open_now = [_task(chance, case_no, 1, key, opened_at, at, part)] if key else []
        yield Listed(
            opening=_opening(case_no, "arrears", account_no, opened_at),
            case=_case(case_no, "arrears", account_no, stage, amount, opened_at, open_now, part)
            | {
                "kind": "organisation" if no % 8 == 0 else "resident",
                "oldest_due_on": due_on,
                "limited_at": opened_at if stage == "limited" else None,
                "standing": "grace" if stage == "grace" else None,
                "proof_missing": key is not None and key.startswith("arrears.serve-"),
                "glance": _arrears_glance(chance, stage, opened_at),
            },
            owner={
                "account_no": account_no,
                "customer_class": "resident",
                "estate": "gated",
                "name": f"{chance.choice('王李张刘陈杨赵黄周吴')}某某",
                "address": f"{chance.choice(ESTATES)}家园{chance.randint(1, 60)}号楼{chance.randint(1, 6)}-"
                f"{chance.randint(101, 1804)}室",
                "protected": [],
                "updated_at": opened_at,
                **part,
            },
            tasks=open_now,
        )


def connection_projects(count: int, *, at: datetime, seed: int = 2) -> Iterator[Listed]:
    chance = Random(seed)
    for no in range(1, count + 1):
        case_no = f"BZ-20260311-{no:07d}"
        part, opened_at = _part(chance), at - timedelta(minutes=chance.randrange(60 * 24 * 200))
        phase, kind = chance.choice(tuple(PHASES)), chance.choice(KINDS)
        keys = chance.sample(PHASES[phase], k=1 if chance.random() < 0.8 else 2)
        open_now = [_task(chance, case_no, at_no, key, opened_at, at, part) for at_no, key in enumerate(keys, 1)]
        responsible = f"rep-{chance.randint(1, 40)}"
        yield Listed(
            opening=_opening(case_no, "connection", case_no, opened_at),
            case=_case(case_no, "connection", case_no, phase, 0, opened_at, open_now, part)
            | {"kind": kind, "responsible": responsible, "glance": {"meters": 1, "assigned_to": "representative"}},
            owner={
                "case_no": case_no,
                "reference": f"R{no}",
                "name": f"{chance.choice(ESTATES)}{chance.choice(ESTATES)}{no % 97}期",
                "address": f"{chance.choice(ESTATES)}路{chance.randint(1, 300)}号",
                "district": part["office"],
                "responsible": responsible,
                "body": {},
                "papers": [],
                "at": opened_at,
                **part,
            },
            tasks=open_now,
        )


def put(database: Database, listed: Iterator[Listed]) -> int:
    """Write cases in bulk; returns how many."""
    done = 0
    while chunk := [each for _, each in zip(range(AT_ONCE), listed, strict=False)]:
        owners = accounts if "account_no" in chunk[0].owner else projects
        process = "arrears" if owners is accounts else "connection"
        with database.write() as connection:
            connection.execute(insert(openings), [each.opening for each in chunk])
            connection.execute(insert(owners), [each.owner for each in chunk])
            connection.execute(insert(cases), [each.case for each in chunk])
            connection.execute(insert(tasks), [task for each in chunk for task in each.tasks])
            terms = [
                {"process": process, "subject": each.opening["subject"], "term": term}
                for each in chunk
                for term in search.terms(
                    name=each.owner["name"], address=each.owner["address"], numbers=(each.opening["subject"],)
                )
            ]
            connection.execute(insert(found_by), terms)
        done += len(chunk)
    # What a database knows of so many new rows is otherwise a matter of when it last looked: a plan made for twelve
    # rows took five minutes on five thousand.
    database.analyse()
    return done


def _part(chance: Random) -> dict[str, str]:
    office, section = chance.choice(OFFICES), chance.randint(1, SECTIONS)
    return {
        "office": f"{office}营业所",
        "section": f"{office}{section}管区",
        "grid": f"{office[1]}{section}-{chance.randint(1, GRIDS):02d}",
    }


def _opening(case_no: str, process: str, subject: str, at: datetime) -> dict[str, Any]:
    return {"case_no": case_no, "process": process, "subject": subject, "open_subject": subject, "pack": "p", "at": at}


def _case(
    case_no: str,
    process: str,
    subject: str,
    stage: str,
    amount: int,
    opened_at: datetime,
    open_now: list[dict[str, Any]],
    part: dict[str, str],
) -> dict[str, Any]:
    parties = [task["party"] for task in open_now]
    return {
        "case_no": case_no,
        "process": process,
        "subject": subject,
        "workflow_id": f"{process}/{subject}",
        "pack": "p",
        "stage": stage,
        "status": "open",
        "standing": None,
        "amount_fen": amount,
        "opened_at": opened_at,
        "next_wake": opened_at + timedelta(days=30),
        "sequence": 3,
        "run": 1,
        "history": 9,
        "ledger_position": 0,
        "chain_hash": "",
        "facts": {},
        "presses_at": min((task["presses_at"] for task in open_now), default=NOTHING_OPEN),
        "party": "utility" if "utility" in parties else next(iter(parties), None),
        **part,
    }


def _task(
    chance: Random, case_no: str, no: int, key: str, opened_at: datetime, at: datetime, part: dict[str, str]
) -> dict[str, Any]:
    kind = TASKS[key]
    party = {"customer": "customer", "contractor": "contractor"}.get(kind.role, "utility")
    if party == "utility" and chance.random() < 0.05:
        party = "customer"
    due_at = None if chance.random() < 0.03 else at + timedelta(minutes=chance.randint(-3 * 1440, 20 * 1440))
    late = party == "utility" and due_at is not None and due_at < at
    risen = chance.choice(("section", "office", "centre")) if late and chance.random() < 0.5 else kind.level
    return {
        "task_id": f"{case_no}-{no:02d}",
        "case_no": case_no,
        "process": key.partition(".")[0],
        "key": key,
        "role": kind.role,
        "level": risen,
        "status": "open",
        "opened_at": opened_at,
        "due_at": due_at,
        "presses_at": WITH_OTHERS if party != "utility" else due_at or NO_TERM,
        "party": party,
        "paused": party != "utility",
        "holder": f"holder-{chance.randint(1, 400)}" if chance.random() < 0.05 else None,
        "assignee": None,
        "sequence": 2,
        "body": {"id": f"{case_no}-{no:02d}", "key": key, "role": kind.role},
        **part,
    }


def _arrears_glance(chance: Random, stage: str, opened_at: datetime) -> dict[str, Any]:
    served = {"task": "arrears.serve-dunning-notice", "at": opened_at.isoformat(), "method": "posted"}
    contact = {"at": opened_at.isoformat(), "method": "phone", "reached": chance.random() < 0.6}
    return {
        "bills": 1 + (chance.random() < 0.2),
        "disputed_fen": 0,
        "holds": [],
        "protected": [],
        "served": [] if stage == "reminded" else [served],
        "attempts": int(chance.random() < 0.1),
        "proof": "photo",
        **({"contact": contact} if chance.random() < 0.5 else {}),
    }
