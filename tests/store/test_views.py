"""Saved views: one's own, by name, and not without end."""

import pytest

from domain.refusals import Refused
from runtime.wall_clock import now
from store import views
from store.database import Database
from store.views import MOST, View


def test_a_view_is_kept_by_name_for_its_owner_alone(database: Database) -> None:
    with database.write() as connection:
        views.keep(connection, "collector", "arrears", View(name="东区", query="grid=东1-02"), at=now())
        views.keep(connection, "collector", "arrears", View(name="东区", query="grid=东1-03"), at=now())
        assert views.of(connection, "collector", "arrears") == [View(name="东区", query="grid=东1-03")]
        assert views.of(connection, "collector", "inbox") == []
        assert views.of(connection, "collector-2", "arrears") == []
        views.take_out(connection, "collector-2", "arrears", "东区")
        assert len(views.of(connection, "collector", "arrears")) == 1
        views.take_out(connection, "collector", "arrears", "东区")
        assert views.of(connection, "collector", "arrears") == []


def test_a_list_takes_so_many_views_and_no_more(database: Database) -> None:
    with database.write() as connection:
        for number in range(MOST):
            views.keep(connection, "clerk", "inbox", View(name=str(number), query=""), at=now())
        views.keep(connection, "clerk", "inbox", View(name="0", query="mine=true"), at=now())
        with pytest.raises(Refused) as refused:
            views.keep(connection, "clerk", "inbox", View(name="another", query=""), at=now())
    assert refused.value.code == "form-invalid"
