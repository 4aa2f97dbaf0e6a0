"""A print run of notices: `python -m bench.papers [1000]`. Cold, as in a process that has printed nothing yet.

Each notice has its own customer, debt and payment code; nothing is kept from one run to the next but the font.
"""

import argparse
import os
import time
from datetime import date, datetime, timedelta
from random import Random

from activities.papers import Press
from domain.account import Account, Bill
from domain.arrears.facts import ArrearsFacts
from domain.arrears.notices import Addressee, Notice, NoticeDue, notice
from domain.calendars import CHINA
from policies.packs import load_calendar, load_pack
from policies.templates import templates

PACK = "jinan@2020-01-29"
AT = datetime(2026, 3, 12, 10, tzinfo=CHINA)
DUE = NoticeDue(name="dunning-notice", task="arrears.serve-dunning-notice")


def notices(many: int, *, seed: int) -> list[Notice]:
    """Invented notices, each of one to four bills."""
    random, calendar, arrears = Random(seed), load_calendar(), load_pack(PACK).arrears
    assert arrears is not None
    made = []
    for at in range(many):
        due_on = date(2026, 3, 10)
        bills = [
            Bill(
                no=f"2026{at:06d}{no}",
                period=f"{due_on - timedelta(days=30 * no):%Y-%m}",
                amount_fen=random.randrange(6000, 400000),
                due_on=due_on - timedelta(days=30 * no),
                at=AT - timedelta(days=1),
            )
            for no in range(random.randrange(1, 5))
        ]
        account = Account(no=f"0410{at:06d}", customer_class=random.choice(("resident", "organisation")))
        facts = ArrearsFacts(
            case_no=f"QF-20260312-{at:04d}", pack=PACK, opened_at=AT, as_of=AT, account=account, ledger=tuple(bills)
        )
        to = Addressee(name=f"用户{at}", address=f"南京路{at}号{at % 30}单元", estate="gated")
        made.append(
            notice(due=DUE, facts=facts, policy=arrears, calendar=calendar, utility="供水公司", addressee=to, at=AT)
        )
    return made


def main(many: int) -> None:
    """Prints seconds to fill in and to print, cold and again, and the size of the file."""
    begun = time.perf_counter()
    papers = notices(many, seed=1)
    filled = time.perf_counter() - begun
    press = Press(templates)
    print(f"{many} notices filled in from facts and pack: {filled:.2f} s; load of the machine {os.getloadavg()[0]:.1f}")
    for name, run in (("cold", papers), ("again, other notices", notices(many, seed=2))):
        begun, used = time.perf_counter(), time.process_time()
        pdf = press.print_run("notice", run, pack=PACK)
        took, used = time.perf_counter() - begun, time.process_time() - used
        print(f"  printed as one PDF, {name}: {took:.2f} s ({used:.2f} s of CPU), {len(pdf) / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notices", type=int, nargs="?", default=1000)
    main(parser.parse_args().notices)
