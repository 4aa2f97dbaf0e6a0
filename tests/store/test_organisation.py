"""The register of grids and absences as the store keeps them."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event, select

from domain.calendars import CHINA
from domain.organisation import Grid, Holder, appointed, departures
from domain.refusals import Refused
from policies.packs import load_pack
from store import organisation
from store.database import Database
from store.organisation import Absence, Duty
from store.people import Person, add_person, person
from store.tables import organisation_log

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
DAY = timedelta(days=1)


@pytest.fixture
def peopled(database: Database) -> Database:
    """Three in grids of their own, one in the whole utility, and a contractor."""
    with database.write() as connection:
        for id in ("wang", "li", "sun"):
            add_person(connection, Person(id=id, name=id, roles=("representative",), grid=f"grid of {id}"))
        add_person(connection, Person(id="everywhere", name="everywhere", roles=("representative",)))
        add_person(connection, Person(id="outside", name="outside", roles=("contractor",)))
        organisation.add_grid(connection, Grid(name="1", kind="team-area"), by="supervisor", at=AT)
    return database


def proposed(who: str) -> Holder:
    return Holder(grid="1", post="A", person=who, roles=("representative",), since=date(2026, 3, 11))


@pytest.mark.clause("changchun.organisation.leading-group-selects")
def test_a_proposal_at_changchun_is_in_force_once_the_leading_group_has_said_so(peopled: Database) -> None:
    policy = load_pack("changchun").organisation
    assert policy is not None
    with peopled.write() as connection:
        grids, holders = organisation.register(connection)
        stands = appointed(proposed("wang"), grids=grids, holders=holders, by=("supervisor",), policy=policy)
        organisation.appoint(connection, stands, by="supervisor", at=AT)
    with peopled.read() as connection:
        assert [each.key for each in departures(*organisation.register(connection), policy)] == ["vacant", "proposed"]
    with peopled.write() as connection:
        organisation.approve(connection, "1", "A", by="leading-group", at=AT)
    with peopled.read() as connection:
        assert departures(*organisation.register(connection), policy) == []
    with pytest.raises(Refused, match="no proposal"), peopled.write() as connection:
        organisation.approve(connection, "1", "A", by="leading-group", at=AT)


def test_a_post_is_left_once_and_each_change_is_on_record(peopled: Database) -> None:
    with peopled.write() as connection:
        organisation.appoint(connection, proposed("wang"), by="supervisor", at=AT)
        left = organisation.leave(connection, "1", "A", on=AT.date(), handed=["accounts"], by="supervisor", at=AT)
        organisation.appoint(connection, proposed("li"), by="supervisor", at=AT)
    assert left.person == "wang"
    with peopled.read() as connection:
        assert [holder.person for holder in organisation.register(connection)[1]] == ["li"]
        told = connection.execute(select(organisation_log).order_by(organisation_log.c.id)).all()
    assert [(row.action, row.about) for row in told] == [
        ("grid", "1"),
        ("appoint", "1"),
        ("leave", "1"),
        ("appoint", "1"),
    ]
    assert told[2].body["handed"] == ["accounts"]


def absent(who: str, stand_in: str, *, starts_at: datetime = AT, days: int = 5) -> Absence:
    return Absence(
        id=0, person=who, stand_in=stand_in, starts_at=starts_at, ends_at=starts_at + days * DAY, reason="年休假"
    )


def test_a_stand_in_covers_the_parts_of_those_who_are_away_now_and_of_nobody_else(peopled: Database) -> None:
    with peopled.write() as connection:
        organisation.be_absent(connection, absent("wang", "sun"), by="wang", at=AT)
        organisation.be_absent(connection, absent("li", "sun", starts_at=AT + 2 * DAY), by="li", at=AT)

    def seen(at: datetime) -> tuple[tuple[str, ...], object]:
        with peopled.read() as connection:
            who = person(connection, "sun", at=at)
        assert who is not None
        return who.stands_for, who.parts

    own, first, second = (("grid", f"grid of {id}") for id in ("sun", "wang", "li"))
    assert seen(AT - DAY) == ((), (own,))
    assert seen(AT) == (("wang",), (own, first))
    assert seen(AT + 3 * DAY) == (("wang", "li"), (own, first, second))
    assert seen(AT + 5 * DAY) == (("li",), (own, second))
    assert seen(AT + 7 * DAY) == ((), (own,))


def test_whoever_stands_in_for_one_of_the_whole_utility_sees_it_and_a_contractor_stands_in_for_nobody(
    peopled: Database,
) -> None:
    with peopled.write() as connection:
        organisation.be_absent(connection, absent("everywhere", "sun"), by="supervisor", at=AT)
        with pytest.raises(Refused, match="none of the roles"):
            organisation.be_absent(connection, absent("wang", "outside"), by="wang", at=AT)
    with peopled.read() as connection:
        who = person(connection, "sun", at=AT)
    assert who is not None
    assert who.parts is None


def test_who_somebody_is_with_all_that_they_cover_is_one_statement(peopled: Database) -> None:
    with peopled.write() as connection:
        for away in ("wang", "li"):
            organisation.be_absent(connection, absent(away, "sun"), by=away, at=AT)
        for office in ("城东营业所", "城西营业所"):
            duty = Duty(id=0, person="sun", part="office", name=office, starts_at=AT, ends_at=AT + DAY)
            organisation.be_on_duty(connection, duty, by="supervisor", at=AT)
    said: list[str] = []
    with peopled.read() as connection:
        connection.begin()
        event.listen(connection, "before_cursor_execute", lambda *given: said.append(given[2]))
        who = person(connection, "sun", at=AT)
    assert who is not None
    assert who.stands_for == ("wang", "li")
    parts = [("grid", f"grid of {id}") for id in ("sun", "wang", "li")]
    assert who.parts == (*parts, ("office", "城东营业所"), ("office", "城西营业所"))
    assert len(said) == 1


def test_whoever_is_on_duty_sees_their_part_meanwhile_and_is_named_for_its_work(peopled: Database) -> None:
    duty = Duty(id=0, person="sun", part="office", name="城东营业所", starts_at=AT, ends_at=AT + 3 * DAY)
    place = {"grid": "东1-01", "section": "城东1管区", "office": "城东营业所"}
    with peopled.write() as connection:
        number = organisation.be_on_duty(connection, duty, by="supervisor", at=AT)
        whole = duty.model_copy(update={"person": "everywhere", "part": None, "name": None})
        organisation.be_on_duty(connection, whole, by="supervisor", at=AT)
        with pytest.raises(Refused, match="go together"):
            organisation.be_on_duty(connection, duty.model_copy(update={"name": None}), by="supervisor", at=AT)
        with pytest.raises(Refused, match="before the start"):
            organisation.be_on_duty(connection, duty.model_copy(update={"ends_at": AT}), by="supervisor", at=AT)
    with peopled.read() as connection:
        assert organisation.on_duty(connection, place, "representative", at=AT) == ["sun", "everywhere"]
        assert organisation.on_duty(connection, place, "engineer", at=AT) == []
        assert organisation.on_duty(connection, {"office": "城西营业所"}, "representative", at=AT) == ["everywhere"]
        assert organisation.on_duty(connection, place, "representative", at=AT + 3 * DAY) == []
        who, later = (person(connection, "sun", at=at) for at in (AT, AT + 3 * DAY))
    assert who is not None
    assert later is not None
    assert (who.parts, who.stands_for) == ((("grid", "grid of sun"), ("office", "城东营业所")), ())
    assert later.parts == (("grid", "grid of sun"),)
    with peopled.write() as connection:
        organisation.off_duty(connection, number, by="supervisor", at=AT + DAY)
    with peopled.read() as connection:
        assert organisation.on_duty(connection, place, "representative", at=AT + DAY) == ["everywhere"]
