"""What a played case begins with: people, packs, bills, and forms filled in the plain good way."""

from datetime import date, datetime, timedelta
from typing import Any

from domain.account import Bill
from domain.arrears.forms import ARREARS_TASKS
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import CHINA
from domain.money import fen
from domain.people import Actor
from policies.packs import load_pack

WANG = Actor(id="wang", roles=("collector",))
LI = Actor(id="li", roles=("supervisor",))
ZHAO = Actor(id="zhao", roles=("engineer",))
CHEN = Actor(id="chen", roles=("collector", "supervisor"))
QIAN = Actor(id="qian", roles=("supervisor",))
PEOPLE = {
    "collector": WANG,
    "supervisor": LI,
    "engineer": ZHAO,
    "clerk": Actor(id="sun", roles=("clerk",)),
    "administrator": Actor(id="zhou", roles=("administrator",)),
}

CASE_NO = "QF-20260311-0001"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DUNNING = "arrears.serve-dunning-notice"
REPORT = "arrears.report-nonpayer"
LIMIT_NOTICE = "arrears.serve-limit-notice"
APPROVE = "arrears.approve-limit"
LIMIT = "arrears.limit-pressure"
RESTORE = "arrears.restore"
REFER = "arrears.refer-legal"


def at(text: str) -> datetime:
    """`2026-03-11 09:00` as local time."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def policy_of(pack: str) -> ArrearsPolicy:
    arrears = load_pack(pack).arrears
    assert arrears is not None
    return arrears


def bill(no: str, amount: str, due_on: str, *, recorded_at: str = "2026-03-11 09:00", late_fee: str = "0") -> Bill:
    due, recorded = date.fromisoformat(due_on), at(recorded_at)
    return Bill(no=no, period=due_on[:7], amount_fen=fen(amount), due_on=due, late_fee_fen=fen(late_fee), at=recorded)


def plain(key: str, **form: Any) -> dict[str, Any]:
    """The form's own examples, the plain good outcome, with what a test says instead."""
    fields = ARREARS_TASKS[key].form.model_fields
    return {name: each.examples[0] for name, each in fields.items() if each.examples} | form
