"""What may be declared of a project, and what stands against deciding a task because of the works."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.calendars import Calendar, local
from domain.case import TaskDecided
from domain.clauses import keeps
from domain.commands import refuse_unless_acting
from domain.connection.facts import ProjectFacts
from domain.connection.forms import Contract, NodeInspected, WaterTested, WorksRegistered
from domain.connection.phases import designer, reviewed, supply_until
from domain.connection.policy import ConnectionPolicy
from domain.connection.works import Declared
from domain.connection.works_forms import (
    DECLARATIONS,
    ChangeNeeded,
    Excavated,
    ServiceGiven,
    SiteInspected,
    SiteVisitCalled,
    StepAccompanied,
    TermSet,
    WorksFinished,
)
from domain.money import yuan
from domain.people import Actor
from domain.refusals import Refused
from domain.tasks import Form, typed
from domain.terms import due_at

ON_SITE = ("excavated", "works-finished", "site-visit")
STOPPED = ("connection.inspect-node", "connection.install-meters", "connection.accept")


def declared(
    what: str,
    raw: Mapping[str, object],
    facts: ProjectFacts,
    policy: ConnectionPolicy,
    calendar: Calendar,
    *,
    by: Actor,
    at: datetime,
) -> Declared:
    """What is said of a declaration. Raises `Refused` when it may not be made, or not now."""
    kind = DECLARATIONS.get(what)
    if kind is None:
        raise Refused(
            "unknown",
            f"nothing is declared as {what}: write one of {', '.join(DECLARATIONS)}",
            zh="没有这种登记事项，请从列表里选。",
        )
    refuse_unless_acting(by, *kind.roles)
    form = typed(kind.form, what, raw)
    if what in ON_SITE and not facts.is_done("register-works"):
        raise Refused("not-open", "the works are not registered yet", zh="还没有施工备案。")
    _refuse_unfit(form, facts, policy, calendar, at=at)
    return Declared(at=at, by=by.id, what=what, form=form.model_dump(mode="json", exclude_none=True))


def _refuse_unfit(
    form: Form, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, *, at: datetime
) -> None:
    match form:
        case ChangeNeeded(node=node):
            if not (facts.is_done("design") or facts.is_done("submit-drawings")):
                raise Refused("not-open", "there is no drawing yet that could change", zh="还没有施工图，谈不上变更。")
            if node is not None and node not in facts.nodes:
                raise Refused("form-invalid", f"node: no node is called {node}", zh="没有这个查验节点，请核对。")
        case SiteVisitCalled() if not policy.works.checklist(facts.project.kind, local(at).month):
            raise Refused("not-open", "this pack has no checklist for a site", zh="本单位的制度没有现场检查清单。")
        case ServiceGiven(service=service) if service not in policy.works.services.value:
            _refuse_other("service", service, policy.works.services.value)
        case StepAccompanied(step=step) if step not in policy.works.accompanied_steps.value:
            _refuse_other("step", step, policy.works.accompanied_steps.value)
        case Excavated(excavated_at=happened) | WorksFinished(finished_at=happened) if happened is not None:
            _refuse_another_time(happened, facts, at=at)
        case TermSet():
            _refuse_term(form, facts, policy, calendar, at=at)
        case _:
            pass


def _refuse_another_time(happened: datetime, facts: ProjectFacts, *, at: datetime) -> None:
    if not facts.opened_at <= happened <= at:
        raise Refused(
            "form-invalid",
            "the time lies before the project or in the future: say when it really was",
            zh="时间要在立项之后，不能晚于现在。",
        )


def _refuse_other(name: str, given: str, known: Iterable[str]) -> None:
    raise Refused(
        "form-invalid",
        f"{name}: {given} is none of this utility's: {', '.join(known) or 'there are none'}",
        zh="本单位的制度里没有这一项，请从列表里选。",
    )


def _refuse_term(
    form: TermSet, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, *, at: datetime
) -> None:
    if facts.project.kind != "temporary" or facts.is_done("remove-temporary"):
        raise Refused("not-open", "only a temporary supply that is not over has a term", zh="不是在用的临时用水。")
    if form.ends_on < local(at).date():
        raise Refused("form-invalid", "ends_on: lies in the past", zh="截止日不能早于今天。")
    last = due_at(term=policy.works.longest_supply.value, started_at=at, calendar=calendar)
    if last.last_day is not None and form.ends_on > last.last_day:
        raise Refused(
            "form-invalid",
            f"ends_on: at most until {last.last_day.isoformat()}; renew it before then",
            zh=f"最长到{last.last_day.isoformat()}，到期前可以再续。",
        )
    before = supply_until(facts)
    if before is not None and not form.reason:
        raise Refused("form-invalid", "reason: say why the term changes", zh="改期限要写明原因。")


def refuse_for_the_works(form: Form, decided: TaskDecided, facts: ProjectFacts, policy: ConnectionPolicy) -> None:
    """What the works have against a decision. Raises `Refused`; never where nothing was declared."""
    subject = facts.tasks[decided.task_id].subject
    _refuse_while_stopped(decided.key, subject, facts, policy)
    match form:
        case NodeInspected(outcome="passed") if subject in facts.works.backfill:
            _refuse_unsurveyed(form)
        case WorksRegistered():
            _refuse_foreign_nodes(form)
        case WaterTested(passed_at=passed_at) if passed_at is not None:
            _refuse_another_time(passed_at, facts, at=decided.at)
        case SiteInspected():
            _refuse_unseen(form, facts, policy, at=form.done_at or decided.at)
        case Contract() if facts.project.kind == "temporary" and form.deposit is not None:
            least = policy.works.deposit.value
            if form.deposit < least:
                raise Refused(
                    "form-invalid",
                    f"deposit: a temporary supply deposits {yuan(least)}",
                    zh=f"临时用水押金为{yuan(least)}元。",
                )
        case _:
            pass


def _refuse_while_stopped(key: str, node: str | None, facts: ProjectFacts, policy: ConnectionPolicy) -> None:
    if key not in STOPPED:
        return
    no = facts.works.stopped_by(node, reviewed=designer(facts.project, policy) in reviewed(policy))
    if no is not None:
        raise Refused(
            "gate",
            f"the works stand still until design change {no} is settled",
            zh=f"第{no}号设计变更办结前停工。",
        )


@keeps("jinan.construction.survey-before-backfill", "jinan.construction.gis-quality")
def _refuse_unsurveyed(form: NodeInspected) -> None:
    if not (form.as_built_survey and form.result_map and form.gis_ready):
        raise Refused(
            "gate",
            "the trench is filled once the as-built survey is there: as_built_survey, result_map, gis_ready",
            zh="覆土前要先完成竣工测量：成果图号和 GIS 数据核对。",
        )


def _refuse_foreign_nodes(form: WorksRegistered) -> None:
    for name, nodes in (("road_nodes", form.road_nodes), ("backfill", form.backfill)):
        if foreign := [node for node in nodes if node not in form.nodes]:
            raise Refused(
                "form-invalid",
                f"{name}: {', '.join(foreign)}: name nodes of this registration",
                zh="占掘路和覆土的节点要从查验节点里选。",
            )


@keeps("jinan.construction.barrier-1.2m", "jinan.construction.barrier-1.8m")
def _refuse_unseen(form: SiteInspected, facts: ProjectFacts, policy: ConnectionPolicy, *, at: datetime) -> None:
    """What was measured or seen and is not in order has to stand among what failed."""
    kind, works = facts.project.kind, policy.works
    items = works.checklist(kind, local(at).month)
    if foreign := [name for name in form.failed if name not in items]:
        raise Refused(
            "form-invalid",
            f"failed: {', '.join(foreign)}: the checklist here is {', '.join(items)}",
            zh="有的项目不在本单位的检查清单里，请核对。",
        )
    least = works.barrier_cm.get(kind)
    if least and form.barrier_cm is not None and form.barrier_cm < least.value and "barriers" not in form.failed:
        raise Refused(
            "form-invalid",
            f"barrier_cm: {form.barrier_cm} cm is below {least.value} cm; name barriers as failed",
            zh=f"围挡低于 {least.value} 厘米：请把围挡写成不合格。",
        )
    if _at_night(form, policy, at) and "night-machinery" not in form.failed:
        raise Refused(
            "form-invalid",
            "heavy_machinery: at work by night among homes; name night-machinery as failed",
            zh="居民区夜间有大型机械作业：请把夜间施工写成不合格。",
        )


@keeps("jinan.construction.night-no-heavy-machinery")
def _at_night(form: SiteInspected, policy: ConnectionPolicy, at: datetime) -> bool:
    quiet = policy.works.quiet_machinery
    return bool(form.heavy_machinery and form.residential and quiet and quiet.value.contains(at))
