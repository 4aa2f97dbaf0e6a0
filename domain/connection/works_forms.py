"""What the works bring about besides the tasks of the phases: side tasks, and what people declare of a project."""

from datetime import date
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from domain.clauses import asked_by, keeps
from domain.people import Role
from domain.tasks import PICTURE, TICKED, Form, TaskKind, required_when

Text = str | None
Unit = Literal[
    "design-unit",
    "construction-unit",
    "supervision-unit",
    "works-management",
    "dispatch",
    "network-centre",
    "metering-centre",
    "customer-service",
    "branch",
]
Step = Literal[
    "drawing", "budget", "contract", "settlement", "briefing", "start", "completion", "change", "inspection-report"
]
Service = Literal[
    "policy",
    "advice",
    "guidance",
    "escort",
    "chasing",
    "emergency",
    "complaint-service",
    "coordination",
    "extension",
]
Short = Annotated[str, Field(min_length=1, max_length=100)]


class _Seen(Form):
    """What somebody on site adds: a photo, where and when."""

    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")


# Side tasks.


class DesignChanged(_Seen):
    """技术处理: somebody of the design is on site the same day; what changes a drawing gives it a new number."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("redrawn", "drawing")]})

    outcome: Literal["on-site", "redrawn"] = Field(
        examples=["on-site"], title="处理 How: settled on site, or the drawing changed"
    )
    treatment: str = Field(
        min_length=1,
        max_length=2000,
        examples=["现场调整管位，避让电缆"],
        title="现场技术处理 What was settled on site",
        json_schema_extra=asked_by("jinan.design.design-change-same-day"),
    )
    drawing: Text = Field(None, max_length=200, examples=["D-0001-B1"], title="变更图号 No. of the changed drawing")

    @model_validator(mode="after")
    def _names_the_drawing(self) -> Self:
        if self.outcome == "redrawn" and not self.drawing:
            raise ValueError("drawing: a changed drawing has a number of its own")
        return self


class ChangeReviewed(Form):
    """Another person's look at a changed drawing."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("return", "reason")]})

    outcome: Literal["approve", "return"] = Field(examples=["approve"], title="决定 Decision")
    reason: Text = Field(None, max_length=2000, examples=["符合要求"], title="理由 Reason")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.outcome == "return" and not self.reason:
            raise ValueError("return needs the reason, so that it can be mended")
        return self


class PermitObtained(Form):
    """占掘路许可: the authority's answer, with its paper."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [required_when("granted", "permit_no"), required_when("refused", "reason")]}
    )

    outcome: Literal["granted", "refused"] = Field(examples=["granted"], title="审批结果 The authority's answer")
    permit_no: Text = Field(None, max_length=100, examples=["ZJL-0001"], title="许可证号 Permit no.")
    valid_until: date | None = Field(None, title="有效期至 Valid until")
    reason: Text = Field(None, max_length=1000, examples=["需补交通组织方案"], title="原因 Reason")
    photo: Text = Field(None, max_length=200, title="许可证照片 Photo of the permit", json_schema_extra=PICTURE)

    @model_validator(mode="after")
    def _has_its_evidence(self) -> Self:
        if self.outcome == "granted" and not self.permit_no:
            raise ValueError("permit_no: granted is what a permit with a number shows")
        if self.outcome == "refused" and not self.reason:
            raise ValueError("reason: refused needs what the authority asks for")
        return self


class SiteInspected(_Seen):
    """现场检查: every item of the pack's checklist that is not named here is in order."""

    failed: dict[str, str] = Field(default_factory=dict, title="不合格项 Items not in order, each with what is wrong")
    barrier_cm: int | None = Field(
        None, ge=0, le=1000, examples=[180], title="围挡高度（cm） Height of the barrier (cm)"
    )
    heavy_machinery: bool | None = Field(None, title="大型机械作业中 Heavy machinery at work")
    residential: bool | None = Field(None, title="居民区 In a residential area")
    board: Text = Field(None, max_length=200, title="公示牌照片 Photo of the site board", json_schema_extra=PICTURE)

    @model_validator(mode="after")
    def _says_what_is_wrong(self) -> Self:
        if any(not why.strip() for why in self.failed.values()):
            raise ValueError("failed: say of each item what is wrong")
        return self


class SiteMended(_Seen):
    remark: str = Field(min_length=1, max_length=1000, examples=["已整改"], title="整改情况 What was mended")


class SecondLook(_Seen):
    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("defects", "reason")]})

    outcome: Literal["passed", "defects"] = Field(examples=["passed"], title="复查结果 Second look")
    reason: Text = Field(None, max_length=1000, examples=["仍未整改"], title="问题 What is still wrong")

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.outcome == "defects" and not self.reason:
            raise ValueError("defects needs the reason: what is to be mended")
        return self


class RoadRestored(_Seen):
    """恢复路面; where that cannot be done yet, what keeps people safe until then."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("made-safe", "reason", "measures")]})

    outcome: Literal["restored", "made-safe"] = Field(
        examples=["restored"], title="结果 Restored, or protected for now"
    )
    reason: Text = Field(None, max_length=1000, examples=["冬季无法铺油"], title="特殊原因 Why it cannot be restored")
    measures: Text = Field(
        None,
        max_length=1000,
        examples=["钢板覆盖，围挡，警示灯"],
        title="安全防护措施 Safety measures",
        json_schema_extra=asked_by("jinan.construction.else-safety-measures"),
    )

    @model_validator(mode="after")
    def _keeps_people_safe(self) -> Self:
        if self.outcome == "made-safe" and not (self.reason and self.measures):
            raise ValueError("made-safe needs the reason and the measures that keep people safe")
        return self


class SpoilRemoved(_Seen):
    """渣土清运: the spoil is gone, and the site is left clean."""

    covered: bool = Field(
        examples=[True],
        title="堆放、清运已遮盖或洒水降尘 Heaps and loads covered or watered",
        json_schema_extra=asked_by("jinan.construction.spoil-covered-clean-site") | TICKED,
    )
    site_clean: bool = Field(
        examples=[True],
        title="工完、料尽、现场清 Works done, materials gone, site clean",
        json_schema_extra=asked_by("jinan.construction.spoil-covered-clean-site") | TICKED,
    )

    @model_validator(mode="after")
    def _is_clean(self) -> Self:
        if not (self.covered and self.site_clean):
            raise ValueError("covered and site_clean: the spoil is removed once the site is clean")
        return self


class ValveNotified(Form):
    """通知开启阀门送水: who was told, after the sample had passed."""

    told: Short = Field(examples=["调度值班"], title="通知了谁 Who was told to open the valve")
    told_at: AwareDatetime | None = Field(None, title="通知时间 Told at")


class ProblemSolved(Form):
    result: str = Field(min_length=1, max_length=2000, examples=["已协调解决"], title="解决结果 Result")


class LineHandedOver(Form):
    """移交: a line without meters goes to whoever runs the network, with its map, instead of getting accounts."""

    record_no: str = Field(min_length=1, max_length=100, examples=["YJ-0001"], title="移交单号 Handover record no.")
    result_map: str = Field(min_length=1, max_length=100, examples=["CGT-0001"], title="竣工测量成果图号 As-built map")
    received_by: Short = Field(examples=["管网中心"], title="接收单位 Taken over by")
    gis_entered: bool = Field(examples=[True], title="管线数据已入库 Data entered in the GIS", json_schema_extra=TICKED)

    @model_validator(mode="after")
    def _is_entered(self) -> Self:
        if not self.gis_entered:
            raise ValueError("gis_entered: a line is handed over once its data is in the GIS")
        return self


class TemporaryRemoved(_Seen):
    """临时用水到期: the meter comes out, the last bill goes out, the deposit goes back."""

    final_reading: int = Field(ge=0, le=10**8, examples=[0], title="止码 Final reading")
    final_bill: str = Field(min_length=1, max_length=100, examples=["ZD-0001"], title="末次账单号 Final bill no.")
    meter_removed: bool = Field(examples=[True], title="水表已拆除 Meter removed", json_schema_extra=TICKED)
    deposit_returned: bool = Field(examples=[True], title="押金已结清 Deposit settled", json_schema_extra=TICKED)
    signature: Text = Field(
        None, max_length=200, title="止码客户签字 Signature for the final reading", json_schema_extra=PICTURE
    )

    @model_validator(mode="after")
    def _is_over(self) -> Self:
        if not (self.meter_removed and self.deposit_returned):
            raise ValueError("meter_removed and deposit_returned: both belong to the end of a temporary supply")
        return self


def _task(
    key: str, zh: str, en: str, role: Role, form: type[Form], clauses: tuple[str, ...] = ()
) -> tuple[str, TaskKind]:
    key = f"connection.{key}"
    return key, TaskKind(key=key, title_zh=zh, title_en=en, role=role, form=form, clauses=clauses)


WORKS_TASKS: dict[str, TaskKind] = dict(
    (
        _task("change-design", "设计变更现场处理", "Settle a design change on site", "designer", DesignChanged),
        _task("review-change", "变更图审查", "Review a changed drawing", "designer", ChangeReviewed),
        _task("obtain-permit", "办理占掘路许可", "Obtain the road-opening permit", "representative", PermitObtained),
        _task("inspect-site", "施工现场检查", "Look at the site", "engineer", SiteInspected),
        _task("mend-site", "现场整改", "Mend what is wrong on site", "contractor", SiteMended),
        _task("look-again", "现场复查", "Look at the site again", "engineer", SecondLook),
        _task("restore-road", "恢复路面", "Restore the road", "contractor", RoadRestored),
        _task("remove-spoil", "渣土清运", "Remove the spoil", "contractor", SpoilRemoved),
        _task("notify-valve", "通知开阀送水", "Tell them to open the valve", "inspector", ValveNotified),
        _task("solve-problem", "解决客户问题", "Solve a customer's problem", "representative", ProblemSolved),
        _task("hand-over", "管线移交", "Hand the line over", "engineer", LineHandedOver),
        _task("remove-temporary", "临时用水拆表结算", "End the temporary supply", "meter-technician", TemporaryRemoved),
    )
)
"""Tasks that only something declared, or a project of a special kind, brings about."""


# What people declare.


class ChangeNeeded(Form):
    """设计变更: why, seen on a photo; `stops` holds the nodes and the meters until it is settled."""

    reason: str = Field(min_length=1, max_length=1000, examples=["地下电缆占位"], title="变更原因 Reason")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    node: Text = Field(None, max_length=100, title="涉及节点 Node concerned")
    stops: bool = Field(False, title="处理前停工 The works stop until it is settled")


class PartyNamed(Form):
    """参建单位: who represents a unit in this project. `account`: their account id, if they have one here."""

    unit: Unit = Field(examples=["construction-unit"], title="单位类别 Kind of unit")
    organisation: Text = Field(None, max_length=100, examples=["市政一公司"], title="单位名称 Organisation")
    representative: Short = Field(examples=["施工单位客户代表"], title="客户代表 Representative")
    contact: Text = Field(None, max_length=100, title="联系方式 How to reach them")
    account: Text = Field(None, max_length=100, title="系统账号 Account id")
    reason: Text = Field(None, max_length=500, title="变更原因 Why it changes")


class StepAccompanied(Form):
    """全程跟踪: a unit's representative was with the customer at one of the nine steps."""

    step: Step = Field(examples=["briefing"], title="环节 Step")
    unit: Unit = Field(examples=["construction-unit"], title="单位类别 Kind of unit")
    note: Text = Field(None, max_length=500, examples=["已完成技术交底"], title="情况 What was done")


@keeps("changchun.connection.rep-seven-services")
class ServiceGiven(Form):
    """服务台账: what whoever serves the project did for the customer."""

    service: Service = Field(examples=["advice"], title="服务 Service")
    note: str = Field(min_length=1, max_length=500, examples=["解答报装流程"], title="情况 What was done")


class ProblemRaised(Form):
    """客户遇到的实际困难和问题."""

    problem: str = Field(min_length=1, max_length=1000, examples=["施工占用小区出入口"], title="问题 Problem")


class SiteVisitCalled(Form):
    """安排现场检查: somebody is to look at the site."""

    note: Text = Field(None, max_length=500, title="说明 Remark")


class Excavated(Form):
    """今日开挖: the spoil goes the same day."""

    excavated_at: AwareDatetime | None = Field(None, title="开挖时间 Excavated at")
    where: Text = Field(None, max_length=200, title="位置 Where")


class WorksFinished(Form):
    """施工完毕: the road and the spoil, from when the works were done."""

    finished_at: AwareDatetime | None = Field(None, title="完工时间 Finished at")
    road: bool = Field(True, title="破坏了路面 The road was opened")
    spoil: bool = Field(True, title="有剩余渣土 Spoil is left")


class Liaised(Form):
    """沟通协调: spoken with a design unit, a contractor or whoever watches over the works."""

    unit: Unit = Field(examples=["design-unit"], title="单位类别 Kind of unit")
    note: str = Field(min_length=1, max_length=1000, examples=["核对图纸进度"], title="情况 What was settled")


class TermSet(Form):
    """临时用水期限: the last day of a temporary supply, first named or put off."""

    ends_on: date = Field(title="用水截止日 Last day")
    reason: Text = Field(None, max_length=500, title="续期原因 Why it is put off")


class DeclarationKind(NamedTuple):
    """One thing that people declare: what it is called, who may, and the form that door, page and rehearsal take."""

    title_zh: str
    title_en: str
    roles: tuple[Role, ...]
    form: type[Form]


WORKS: tuple[Role, ...] = ("engineer", "inspector", "representative", "service-manager", "supervisor")
SERVING: tuple[Role, ...] = ("representative", "service-manager", "engineer", "supervisor")
DECLARATIONS: dict[str, DeclarationKind] = {
    "design-change": DeclarationKind(
        "设计变更", "Design change", (*WORKS, "designer", "contractor", "customer"), ChangeNeeded
    ),
    "party": DeclarationKind("参建单位代表", "Representative of a unit", (*SERVING, "leading-group"), PartyNamed),
    "accompanied": DeclarationKind(
        "环节陪办", "Step accompanied", (*SERVING, "designer", "contractor"), StepAccompanied
    ),
    "service": DeclarationKind("服务记录", "Service given", SERVING, ServiceGiven),
    "problem": DeclarationKind("客户问题", "Problem of the customer", (*WORKS, "clerk", "customer"), ProblemRaised),
    "site-visit": DeclarationKind("安排现场检查", "Call for a look at the site", WORKS, SiteVisitCalled),
    "excavated": DeclarationKind("今日开挖", "Excavated today", (*WORKS, "contractor"), Excavated),
    "works-finished": DeclarationKind("施工完毕", "Works finished", (*WORKS, "contractor"), WorksFinished),
    "liaised": DeclarationKind("沟通协调", "Spoken with a unit", (*SERVING, "designer"), Liaised),
    "term": DeclarationKind("临时用水期限", "Term of a temporary supply", (*SERVING, "clerk"), TermSet),
}
"""What people tell a project beside its tasks, by name."""
