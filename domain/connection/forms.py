"""The human tasks of a connection project: one declaration each."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from domain.clauses import asked_by
from domain.connection.works_forms import WORKS_TASKS
from domain.cosigning import cosign_kind
from domain.money import PositiveYuan
from domain.people import Level, Role
from domain.tasks import PICTURE, TICKED, Form, TaskKind, required_when

Text = str | None
FLUSHED_AND_PASSED = asked_by("jinan.construction.works-flush-and-quality")
SIX_ITEMS = asked_by("jinan.design.survey-items")
Yes = bool | None


class PapersChecked(Form):
    """资料核对: complete, or what is missing, told once and in full. `tolerated` (容缺) may follow later.

    A paper that is named as both is missing and tolerated: it holds up nothing but the water.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("missing", "missing")]})

    outcome: Literal["complete", "missing"] = Field(examples=["complete"], title="结果 Outcome")
    missing: tuple[str, ...] = Field(
        (),
        title="缺少的资料 Missing papers",
        json_schema_extra=asked_by(
            "qingdao.customer-service.tell-customer-of-defects", "changchun.connection.tell-once-guide-throughout"
        ),
    )
    tolerated: tuple[str, ...] = Field((), title="容缺资料 Papers that may follow")

    @model_validator(mode="after")
    def _says_what_is_missing(self) -> Self:
        if self.outcome == "missing" and not (self.missing or self.tolerated):
            raise ValueError("missing needs the names of the papers: tell all of them at once")
        if self.outcome == "complete" and self.missing:
            raise ValueError("missing: papers are named although the outcome is complete")
        return self

    @property
    def awaited(self) -> tuple[str, ...]:
        """The papers without which nothing goes on."""
        return tuple(paper for paper in self.missing if paper not in self.tolerated)


class PapersSupplied(Form):
    """The customer hands in what was asked for."""

    papers: tuple[str, ...] = Field((), title="补交的资料 Papers handed in")
    handed_in: Literal["counter", "online", "at-home"] | None = Field(
        None, examples=["online"], title="补件方式 How: at the counter, online, or fetched at home"
    )
    remark: Text = Field(None, max_length=500, title="说明 Remark")


class Assignment(Form):
    """The leading group decides who looks after the project."""

    to: Literal["representative", "service-manager", "engineer", "supervisor"] = Field(
        examples=["representative"], title="服务人员 Who serves"
    )
    reason: Text = Field(None, max_length=500, title="理由 Reason")


class Appointment(Form):
    """预约勘察: agreed with the customer on the day the project arrives."""

    appointment: AwareDatetime | None = Field(None, title="约定时间 Agreed time")
    until: AwareDatetime | None = Field(None, title="时段的结束 End of the hours agreed")
    contact: Text = Field(None, max_length=200, title="联系情况 How it was agreed")


class Survey(Form):
    """现场勘察: six items, the customer sheet, fees with their basis and the design term told, signed."""

    scope: str = Field(
        min_length=1,
        max_length=500,
        examples=["全户生活用水"],
        title="用水范围 Scope of use",
        json_schema_extra=SIX_ITEMS,
    )
    tapping_point: str = Field(
        min_length=1,
        max_length=200,
        examples=["门前支管"],
        title="拟开口位置 Tapping point",
        json_schema_extra=SIX_ITEMS,
    )
    diameter: int = Field(ge=15, le=2000, examples=[20], title="管径（mm） Diameter (mm)", json_schema_extra=SIX_ITEMS)
    depth_cm: int = Field(ge=10, le=500, examples=[80], title="埋深（cm） Depth (cm)", json_schema_extra=SIX_ITEMS)
    pressure: Decimal = Field(
        ge=0, le=3, examples=["0.28"], title="用水压力（MPa） Pressure (MPa)", json_schema_extra=SIX_ITEMS
    )
    secondary_supply: bool = Field(
        examples=[False], title="需要二次供水 Secondary supply needed", json_schema_extra=SIX_ITEMS
    )
    customer_sheet: bool = Field(
        examples=[True],
        title="客户情况调查表 Customer sheet filled in",
        json_schema_extra=asked_by("jinan.design.customer-survey-form") | TICKED,
    )
    fees_told: bool = Field(
        examples=[True],
        title="收费标准及依据、设计时限已告知 Fees, their basis and the design term told",
        json_schema_extra=asked_by("jinan.design.explain-papers-fees-limit", "jinan.design.show-fee-basis") | TICKED,
    )
    signed: bool = Field(
        examples=[True],
        title="客户签字 Signed by the customer",
        json_schema_extra=asked_by("qingdao.connection.survey-customer-signs") | TICKED,
    )
    signature: Text = Field(
        None, max_length=200, title="客户手写签名 The customer's signature", json_schema_extra=PICTURE
    )
    arrived_at: AwareDatetime | None = Field(None, title="到达时间 Arrived at")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if not self.signed:
            raise ValueError("signed: no signature, no decision; come back with the customer")
        if not (self.customer_sheet and self.fees_told):
            raise ValueError("customer_sheet and fees_told: both belong to the survey before it is decided")
        return self


class Scheme(Form):
    summary: str = Field(min_length=1, max_length=2000, examples=["接自门前支管，单表"], title="供水方案 Scheme")


class Review(Form):
    """Another person's look: approved, or sent back with reasons."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("return", "reason")]})

    outcome: Literal["approve", "return"] = Field(examples=["approve"], title="决定 Decision")
    reason: Text = Field(None, max_length=2000, examples=["符合要求"], title="理由 Reason")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.outcome == "return" and not self.reason:
            raise ValueError("return needs the reason, so that it can be mended")
        return self


class Design(Form):
    drawing: str = Field(min_length=1, max_length=200, examples=["D-0001"], title="图号 Drawing no.")
    unit_representative: Text = Field(
        None, max_length=100, examples=["设计单位客户代表"], title="设计单位客户代表 Representative of the design unit"
    )


class DrawingsSubmitted(Form):
    """Drawings of a designer the customer hired; the designer shows a qualification."""

    drawing: str = Field(min_length=1, max_length=200, examples=["D-0001"], title="图号 Drawing no.")
    qualification: str = Field(
        min_length=1,
        max_length=200,
        examples=["资质证书 A1"],
        title="设计资质 Qualification",
        json_schema_extra=asked_by("qingdao.design.customer-commissions-qualified-designer"),
    )


class Contract(Form):
    contract_no: str = Field(min_length=1, max_length=100, examples=["HT-0001"], title="供用水合同编号 Contract no.")
    deposit: PositiveYuan | None = Field(
        None, examples=["2000.00"], title="临时用水押金（元） Deposit of a temporary supply (yuan)"
    )
    document: Text = Field(None, max_length=200, title="合同文本（系统生成，自动填写） The contract made out here")
    signature: Text = Field(
        None, max_length=200, title="客户手写签名 The customer's signature", json_schema_extra=PICTURE
    )
    photo: Text = Field(None, max_length=200, title="签字页照片 Photo of the signed page", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="签订时间 Signed at")


class WorksRegistered(Form):
    """施工备案, with the nodes that will be inspected."""

    nodes: tuple[str, ...] = Field(
        min_length=1,
        max_length=50,
        examples=[["沟槽", "试压"]],
        title="查验节点 Nodes",
        json_schema_extra=asked_by("qingdao.construction.eng-rep-filing-and-inspection"),
    )
    contractor: Text = Field(None, max_length=200, examples=["市政一公司"], title="施工单位 Contractor")
    unit_representative: Text = Field(
        None, max_length=100, examples=["施工单位客户代表"], title="施工单位客户代表 Representative of the contractor"
    )
    customer_contact: Text = Field(
        None,
        max_length=500,
        examples=["已电话对接，约定开工时间"],
        title="开工前与客户对接 Spoken with the customer ahead of the works",
    )
    starts_on: date | None = Field(None, title="开工日期 Works start on")
    ends_on: date | None = Field(None, title="计划完工 Planned to be done on")
    road_nodes: tuple[str, ...] = Field((), max_length=50, title="需占掘路的节点 Nodes that open a road")
    backfill: tuple[str, ...] = Field((), max_length=50, title="覆土节点 Nodes that fill the trench")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.nodes)) != len(self.nodes):
            raise ValueError("nodes: name each node once")
        return self


class NodeInspected(Form):
    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("defects", "reason")]})
    unfinished = ("defects",)

    outcome: Literal["passed", "defects"] = Field(examples=["passed"], title="结果 Result")
    node: Text = Field(None, max_length=100, title="节点 Node (left out: the one this task is about)")
    reason: Text = Field(None, max_length=2000, examples=["按图施工"], title="问题 Defects, or remark")
    as_built_survey: bool = Field(True, title="覆土前竣工测量 As-built survey before backfill")
    result_map: Text = Field(
        None, max_length=100, examples=["CGT-0001"], title="竣工测量成果图号 No. of the as-built map"
    )
    gis_ready: Yes = Field(None, examples=[True], title="数据准确，达到入库要求 Data exact and fit for the GIS")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.outcome == "defects" and not self.reason:
            raise ValueError("defects needs the reason: what is to be mended")
        return self


class MetersInstalled(Form):
    order_no: str = Field(min_length=1, max_length=100, examples=["AZ-0001"], title="安装单号 Installation order no.")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")


class Acceptance(Form):
    """Item by item: items are the meters, numbered from 1. Every item not named as failed passes."""

    failed: dict[int, str] = Field(default_factory=dict, title="不合格项 Failed items, each with its reason")
    start_readings_signed: bool = Field(
        examples=[True],
        title="新表起度客户签字 Start readings signed by the customer",
        json_schema_extra=asked_by("jinan.acceptance.accept-start-reading-signed") | TICKED,
    )
    matches_drawings: bool = Field(
        examples=[True],
        title="与图纸相符 Works match the drawings",
        json_schema_extra=asked_by("jinan.acceptance.as-built-matches-design") | TICKED,
    )
    papers_complete: bool = Field(
        examples=[True],
        title="移交表、顺序表等齐全 Papers complete, tables match the doors",
        json_schema_extra=asked_by("kaifeng.acceptance.papers-complete") | TICKED,
    )
    works_finished: Yes = Field(None, examples=[True], title="给水工程全部完工 Works finished")
    surroundings_finished: Yes = Field(
        None, examples=[True], title="绿化、道路及周边设施完工 Greening, roads and surroundings finished"
    )
    tables_match_doors: Yes = Field(
        None, examples=[True], title="移交表、顺序表与房本、门牌一致 Tables match deeds and doors"
    )
    households_checked: Yes = Field(
        None,
        examples=[True],
        title="逐户核对移交表、铭牌号、表指、铅封、流向 Each household: table, nameplate, reading, seal, flow",
    )
    valves_closed: Yes = Field(None, examples=[True], title="表前自锁阀逐户关闭 Valve before every meter closed")
    valve_open: Yes = Field(None, examples=[True], title="表前阀开通 Valve before the meter open")
    masonry_sound: Yes = Field(None, examples=[True], title="井室砌筑合格 Pit masonry sound")
    covers_right: Yes = Field(None, examples=[True], title="井盖方向合格 Covers the right way round")
    space_right: Yes = Field(None, examples=[True], title="表组空间、位置合适 Space and layout of the meters right")
    place_right: Yes = Field(None, examples=[True], title="表井位置合理 Pit in a place that can be served")
    depth_least: int | None = Field(None, ge=0, le=500, examples=[38], title="合格表最浅埋深 Least depth passed (cm)")
    depth_most: int | None = Field(None, ge=0, le=500, examples=[42], title="合格表最大埋深 Greatest depth passed (cm)")
    minutes: Text = Field(None, max_length=100, examples=["YSJY-0001"], title="验收纪要编号 Acceptance minutes no.")
    report: Text = Field(None, max_length=100, examples=["YSBG-0001"], title="验收报告编号 Acceptance report no.")
    general_drawing: Yes = Field(
        None, examples=[True], title="符合《水表井通用图》 As the general drawing of meter pits has it"
    )
    invited: Yes = Field(None, examples=[True], title="已提前一天预约客户 Customer invited the day before")
    attendance: Literal["on-time", "late"] | None = Field(
        None, examples=["on-time"], title="到场情况 Arrived at the notified time"
    )
    arrived_at: AwareDatetime | None = Field(None, title="到场时间 Arrived at")
    attendants: tuple[str, ...] = Field((), max_length=20, title="参加验收的人员 Who took part")
    terms: Text = Field(None, max_length=1000, title="约定事项 What was agreed")
    water_used: Decimal | None = Field(
        None, ge=0, le=9_999_999, title="验收前用水量（立方米） Water used before (cubic metres)"
    )
    record: Text = Field(None, max_length=80, title="逐户记录 Record of the items")
    signature: Text = Field(
        None, max_length=200, title="起度签字 Signature for the start readings", json_schema_extra=PICTURE
    )
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    @model_validator(mode="after")
    def _can_be_accepted(self) -> Self:
        if not (self.start_readings_signed and self.matches_drawings and self.papers_complete):
            raise ValueError(
                "an acceptance is decided once readings are signed, drawings match and papers are complete"
            )
        if any(not reason.strip() for reason in self.failed.values()):
            raise ValueError("failed: give a reason for every failed item")
        return self


class Rectified(Form):
    remark: str = Field(min_length=1, max_length=1000, examples=["已整改"], title="整改情况 What was mended")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")


class WaterTested(Form):
    sample_no: str = Field(min_length=1, max_length=100, examples=["SY-0001"], title="水样编号 Sample no.")
    flushed: bool = Field(examples=[True], title="已冲洗 Flushed", json_schema_extra=FLUSHED_AND_PASSED | TICKED)
    passed: bool = Field(examples=[True], title="水质合格 Sample passed", json_schema_extra=FLUSHED_AND_PASSED | TICKED)
    passed_at: AwareDatetime | None = Field(
        None, title="合格时间，从此刻起通知开阀 Passed at: from then on the valve is due"
    )
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    @model_validator(mode="after")
    def _passed(self) -> Self:
        if not (self.flushed and self.passed):
            raise ValueError("the test is decided when the pipe is flushed and a sample passed: flush and sample again")
        return self


class FeeSettled(Form):
    reference: str = Field(min_length=1, max_length=100, examples=["JF-0001"], title="缴费凭证 Receipt")
    amount: Text = Field(None, max_length=20, title="实缴金额（元） Amount paid (yuan)")


class AccountOpened(Form):
    reading_book: str = Field(
        min_length=1,
        max_length=100,
        examples=["册 01"],
        title="抄表册 Reading book",
        json_schema_extra=asked_by("qingdao.account-opening.fix-book-and-cycle"),
    )
    data_checked_on_site: bool = Field(
        examples=[True],
        title="现场核对资料 Data checked on site",
        json_schema_extra=asked_by(
            "qingdao.account-opening.site-check-new-data", "qingdao.account-opening.complete-data-before-account"
        ),
    )
    handbook: Yes = Field(None, examples=[True], title="客户手册已发放 Handbook handed out")
    reading_cycle: Text = Field(None, max_length=50, examples=["每月"], title="抄表周期 Reading cycle")
    remote_reading_checked: Yes = Field(None, examples=[True], title="远传数据已校验 Remote reading validated")
    developer_data: Yes = Field(
        None, examples=[True], title="已联系开发建设单位完善客户信息 Customer data completed with the developer"
    )
    data_proofed: Yes = Field(None, examples=[True], title="客户详细资料已收集校对 Customer data collected and proofed")
    household_data: Yes = Field(
        None, examples=[True], title="户表客户信息已收集 Data of households collected with the handbook"
    )
    handbook_via: Literal["direct", "manager"] | None = Field(
        None, examples=["direct"], title="手册发放方式 Handbook handed out directly, or by the property manager"
    )
    publicised: Yes = Field(
        None, examples=[True], title="抄表缴费办法已宣传 Reading, time, queries and payment made known"
    )

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if not self.data_checked_on_site:
            raise ValueError("data_checked_on_site: an account opens once its data is checked on site")
        return self


class Activated(Form):
    """并网通水. A high-rise needs the certificate of its secondary supply; it may stay empty elsewhere."""

    secondary_supply_certificate: str = Field(
        "", max_length=100, examples=["HG-0001"], title="二次供水验收合格表 Certificate"
    )
    remark: Text = Field(None, max_length=500, title="说明 Remark")
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")


Score = Annotated[int, Field(ge=1, le=5)] | None


Satisfaction = Literal["satisfied", "neutral", "dissatisfied"]


class FollowedUp(Form):
    """回访: by telephone, at the customer's, in a meeting, or answered by the customer in a questionnaire."""

    satisfaction: Satisfaction = Field(
        examples=["satisfied"],
        title="满意度 Satisfaction",
        json_schema_extra=asked_by("kaifeng.follow-up.satisfaction-survey"),
    )
    method: Literal["phone", "visit", "meeting", "questionnaire"] | None = Field(
        None, examples=["phone"], title="回访方式 How"
    )
    speed: Score = Field(None, examples=[5], title="办理速度（1至5分） How fast (1 to 5)")
    manner: Score = Field(None, examples=[5], title="服务态度（1至5分） How friendly (1 to 5)")
    works: Score = Field(None, examples=[5], title="工程质量（1至5分） How good the works (1 to 5)")
    opinion: Text = Field(None, max_length=2000, examples=["没有意见"], title="意见 Opinion, or complaint")


class MetersSwitched(Form):
    readings_signed: bool = Field(
        examples=[True],
        title="总、户表起度客户签字 Readings signed",
        json_schema_extra=asked_by("jinan.meter-service.switch-readings-signed") | TICKED,
    )
    signature: Text = Field(
        None, max_length=200, title="客户手写签名 The customer's signature", json_schema_extra=PICTURE
    )
    photo: Text = Field(None, max_length=200, title="照片 Photo", json_schema_extra=PICTURE)
    place: Text = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    route: Text = Field(None, max_length=100, examples=["线 01"], title="所投抄表线 Reading route of the meters")

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if not self.readings_signed:
            raise ValueError("readings_signed: the switch is done with the customer, who signs both readings")
        return self


class DataCompleted(Form):
    """What was missing or wrong in the data of new customers has been put right."""

    remark: str = Field(min_length=1, max_length=1000, examples=["已补齐"], title="补充情况 What was completed")


def _kind(
    key: str, zh: str, en: str, role: Role, form: type[Form], level: Level | None = None, clauses: tuple[str, ...] = ()
) -> TaskKind:
    return TaskKind(
        key=f"connection.{key}", title_zh=zh, title_en=en, role=role, form=form, level=level, clauses=clauses
    )


CONNECTION_TASKS: dict[str, TaskKind] = {
    kind.key: kind
    for kind in (
        cosign_kind("connection"),
        _kind(
            "check-papers",
            "核对资料",
            "Check the papers",
            "clerk",
            PapersChecked,
            clauses=("jinan.design.check-received-papers", "qingdao.customer-service.preliminary-paper-review"),
        ),
        _kind("supply-papers", "补交资料", "Supply the papers", "customer", PapersSupplied),
        _kind(
            "assign",
            "指派服务人员",
            "Assign who serves",
            "leading-group",
            Assignment,
            clauses=("changchun.connection.leading-group-assigns",),
        ),
        _kind("arrange-survey", "预约勘察", "Arrange the survey", "representative", Appointment),
        _kind(
            "survey",
            "现场勘察",
            "Survey the site",
            "engineer",
            Survey,
            clauses=("qingdao.connection.survey-record",),
        ),
        _kind("draft-scheme", "编制供水方案", "Draft the scheme", "designer", Scheme),
        _kind("approve-scheme", "审批供水方案", "Approve the scheme", "supervisor", Review, "section"),
        _kind("design", "施工图设计", "Design", "designer", Design),
        _kind("submit-drawings", "提交图纸", "Submit the drawings", "customer", DrawingsSubmitted),
        _kind("review-drawings", "施工图审查", "Review the drawings", "designer", Review),
        _kind("sign-contract", "签订供用水合同", "Sign the supply contract", "representative", Contract),
        _kind("register-works", "施工备案", "Register the works", "engineer", WorksRegistered),
        _kind(
            "inspect-node",
            "节点查验",
            "Inspect a node",
            "engineer",
            NodeInspected,
            clauses=("qingdao.construction.inspect-each-node",),
        ),
        _kind("install-meters", "安装水表", "Install the meters", "meter-technician", MetersInstalled),
        _kind("accept", "竣工验收", "Accept item by item", "inspector", Acceptance),
        _kind("rectify", "整改", "Rectify a failed item", "contractor", Rectified),
        _kind("test-water", "冲洗及水质检验", "Flush and test the water", "inspector", WaterTested),
        _kind("settle-fee", "结清验收水费", "Settle the water used before acceptance", "customer", FeeSettled),
        _kind("open-account", "建账立户", "Open the account", "representative", AccountOpened),
        _kind("complete-data", "补齐客户资料", "Complete the data of new customers", "contractor", DataCompleted),
        _kind("activate", "并网通水", "Turn the water on", "engineer", Activated),
        _kind("follow-up", "回访", "Follow up", "follow-up", FollowedUp),
        _kind(
            "switch-meters",
            "总户表水量切换",
            "Switch from main to household meters",
            "meter-technician",
            MetersSwitched,
        ),
        *WORKS_TASKS.values(),
    )
}
