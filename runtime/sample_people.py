"""Somebody of each role for a first look, and a second where four eyes need one. Nobody here exists."""

from domain.people import Role
from store.people import Person

DOES: dict[Role, str] = {
    "clerk": "takes applications in at the counter, books payments",
    "representative": "serves a general connection project from application to water",
    "service-manager": "serves a large connection project",
    "designer": "surveys the site and draws up the scheme",
    "engineer": "checks what is built, node by node",
    "inspector": "accepts the finished works",
    "meter-technician": "sets the meter and switches the water on",
    "collector": "serves notices, talks to those who owe",
    "supervisor": "approves limits, hears what is late",
    "dispatcher": "sends people out, minutes counted",
    "leading-group": "decides what nobody below may decide",
    "contractor": "builds what is given into their hands",
    "follow-up": "asks customers afterwards how it went",
    "auditor": "reads everything, decides nothing",
    "administrator": "runs the system, reports for billing",
}

SAMPLE_PEOPLE: tuple[Person, ...] = (
    Person(id="collector", name="王守信", roles=("collector",)),
    Person(id="collector-2", name="李清源", roles=("collector",), section="城东1管区"),
    Person(id="supervisor", name="张明远", roles=("supervisor",)),
    Person(id="supervisor-2", name="赵静波", roles=("supervisor",), level="office", office="城东营业所"),
    Person(id="clerk", name="陈晓雨", roles=("clerk",)),
    Person(id="representative", name="刘思源", roles=("representative",)),
    Person(id="service-manager", name="杨润泽", roles=("service-manager",)),
    Person(id="designer", name="周绘川", roles=("designer",)),
    Person(id="designer-2", name="吴量之", roles=("designer",)),
    Person(id="engineer", name="孙筑安", roles=("engineer",)),
    Person(id="engineer-2", name="马砥平", roles=("engineer",)),
    Person(id="inspector", name="胡慎行", roles=("inspector",)),
    Person(id="meter-technician", name="郭知微", roles=("meter-technician",)),
    Person(id="dispatcher", name="何时雨", roles=("dispatcher",)),
    Person(id="leading-group", name="高若谷", roles=("leading-group",)),
    Person(id="contractor", name="林开渠", roles=("contractor",)),
    Person(id="follow-up", name="罗问泉", roles=("follow-up",)),
    Person(id="auditor", name="梁鉴水", roles=("auditor",)),
    Person(id="administrator", name="宋掌门", roles=("administrator",)),
)
"""The id of one of each role is the role; that one serves the whole utility."""
