"""The human tasks of an arrears case: one declaration each."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, model_validator

from domain.clauses import asked_by
from domain.cosigning import cosign_kind
from domain.tasks import PICTURE, Form, TaskKind, required_when

Method = Literal["in-person", "posted", "registered", "sms", "phone"]
_HYPHENED = BeforeValidator(lambda given: given.replace(" ", "-") if isinstance(given, str) else given)
"""Takes "valve untouched" as people write it, too."""


class Service(Form):
    """Proof that a notice was served, or the record of an attempt that failed."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("served", any_of=("photo", "receipt"))]})

    outcome: Literal["served", "failed"] = Field(examples=["served"], title="结果 Outcome")
    method: Method = Field(examples=["posted"], title="送达方式 Method")
    place: str | None = Field(None, max_length=200, title="地点 Place")
    photo: str | None = Field(
        None, max_length=200, examples=["notice.jpg"], title="照片 Photo", json_schema_extra=PICTURE
    )
    receipt: str | None = Field(
        None, max_length=200, title="回执 Receipt (signature, SMS receipt or registered mail no.)"
    )
    served_at: AwareDatetime | None = Field(None, title="送达时间 Served at (left out: now)")
    reason: str | None = Field(None, max_length=500, title="未送达原因 Why it failed")
    recipient: Literal["customer", "family", "property-manager", "other"] | None = Field(
        None, title="签收人 Who took it (left out: the customer; of a shared master meter the property manager)"
    )

    @model_validator(mode="after")
    def _served_needs_proof(self) -> Self:
        if self.outcome == "served" and not (self.photo or self.receipt):
            raise ValueError("served needs proof: give photo or receipt")
        return self


class NonpayerReport(Form):
    """The written report to the section head: why this customer has not paid."""

    reason: str = Field(min_length=1, max_length=2000, examples=["两次沟通后仍未缴费"], title="书面说明 Written reason")


class DunningRecord(Form):
    """催收记录: how the customer was spoken to, and what came of it."""

    outcome: Literal["reached", "not-reached"] = Field(examples=["reached"], title="结果 Outcome")
    method: Literal["in-person", "phone", "other"] = Field(examples=["phone"], title="催收方式 Method")
    record: str = Field(
        min_length=1,
        max_length=2000,
        examples=["已告知欠费，客户答应缴费"],
        title="催收记录 Record",
        json_schema_extra=asked_by("qingdao.dunning.old-arrears-collect-and-log"),
    )


class LimitPublication(Form):
    """欠费停水信息 posted in the estate's groups: where and when water is limited, never whose debt it is."""

    channel: Literal["owners-group", "grid-group", "property-manager"] = Field(
        examples=["owners-group"], title="发布渠道 Where (property manager: where the group is full or refuses)"
    )
    text: str = Field(
        min_length=1,
        max_length=1000,
        examples=["因欠费，本小区个别用户近日将限压停水，不影响其他用户。如有疑问请联系网格员。"],
        title="发布内容 What was posted, without name, account, door or amount",
    )
    screenshot: str = Field(min_length=1, max_length=200, examples=["group.png"], title="截图 Screenshot")


class LimitApproval(Form):
    """A second person's decision on limiting the pressure."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [required_when("refuse", "reason"), required_when("defer", "until")]}
    )

    outcome: Literal["approve", "refuse", "defer"] = Field(examples=["approve"], title="决定 Decision")
    until: AwareDatetime | date | None = Field(None, title="暂缓至 Defer until")
    reason: str | None = Field(None, max_length=1000, examples=["见案卷"], title="理由 Reason")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "refuse" and not self.reason:
            raise ValueError("refuse needs a reason")
        if self.outcome == "defer" and self.until is None:
            raise ValueError("defer needs until: the date or instant to ask again")
        return self


class LimitRecord(Form):
    """What was done at the valve, with pressures in MPa, a photo and the seal number."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                required_when("done", "pressure_before", "pressure_after", "photo", "seal"),
                required_when("unable", "reason"),
            ]
        }
    )

    outcome: Literal["done", "unable"] = Field(examples=["done"], title="结果 Outcome")
    pressure_before: Decimal | None = Field(None, ge=0, le=3, examples=["0.28"], title="限压前压力（MPa） Before (MPa)")
    pressure_after: Decimal | None = Field(None, ge=0, le=3, examples=["0.05"], title="限压后压力（MPa） After (MPa)")
    photo: str | None = Field(
        None, max_length=200, examples=["valve.jpg"], title="照片 Photo", json_schema_extra=PICTURE
    )
    seal: str | None = Field(None, max_length=50, examples=["S-0001"], title="铅封号 Seal no.")
    reason: str | None = Field(
        None, max_length=1000, examples=["到场记录"], title="说明 Remark, or why it was not possible"
    )
    cause: Literal["locked-door", "valve-not-found", "valve-broken", "refused-entry", "other"] | None = Field(
        None, title="受阻原因 What stood in the way"
    )
    place: str | None = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "done":
            wanted = ("pressure_before", "pressure_after", "photo", "seal")
            missing = [name for name in wanted if getattr(self, name) in (None, "")]
            if missing:
                raise ValueError(f"done needs {', '.join(missing)}")
        elif not self.reason:
            raise ValueError("unable needs a reason")
        return self


class RestoreRecord(Form):
    """Water restored, or a recalled order found with its valve untouched."""

    outcome: Annotated[Literal["restored", "valve-untouched"], _HYPHENED] = Field(
        examples=["restored"], title="结果 Outcome"
    )
    pressure_after: Decimal | None = Field(None, ge=0, le=3, examples=["0.28"], title="恢复后压力（MPa） After (MPa)")
    photo: str | None = Field(
        None, max_length=200, examples=["valve.jpg"], title="照片 Photo", json_schema_extra=PICTURE
    )
    reason: str | None = Field(None, max_length=1000, title="说明 Remark")
    place: str | None = Field(None, max_length=200, title="地点 Place")
    done_at: AwareDatetime | None = Field(None, title="现场时间 Done on site at")


class LegalReferral(Form):
    """The end of the ladder: refer the debt, or keep it here for another term."""

    outcome: Literal["refer", "keep"] = Field(examples=["refer"], title="决定 Decision")
    reason: str | None = Field(None, max_length=1000, title="理由 Reason")


class FinalSettlement(Form):
    """末次结算 with a customer who leaves: the last reading, and whether what is left is referred or asked for here."""

    outcome: Literal["refer", "keep"] = Field(examples=["refer"], title="余欠处理 What becomes of the rest")
    final_reading: Decimal | None = Field(None, ge=0, title="末次止码 Last reading (m³)")
    reason: str | None = Field(None, max_length=1000, title="说明 Remark, and where the one who left can be reached")


class WaiverDecision(Form):
    """A second person on late fees that are to be waived."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("refuse", "reason")]})

    outcome: Literal["approve", "refuse"] = Field(examples=["approve"], title="决定 Decision")
    reason: str | None = Field(None, max_length=1000, examples=["见案卷"], title="理由 Reason")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "refuse" and not self.reason:
            raise ValueError("refuse needs a reason")
        return self


class ViolationRecord(Form):
    """What was found at a valve that was opened without leave, and what was done there."""

    outcome: Literal["limited-again", "not-confirmed"] = Field(examples=["limited-again"], title="处理结果 Outcome")
    pressure_after: Decimal | None = Field(None, ge=0, le=3, title="限压后压力（MPa） After (MPa)")
    seal: str | None = Field(None, max_length=50, title="新铅封号 New seal no.")
    photo: str = Field(max_length=200, examples=["valve.jpg"], title="照片 Photo", json_schema_extra=PICTURE)
    statement: str | None = Field(None, max_length=1000, title="用户陈述 What the customer says")


class HoldReview(Form):
    """A hold that has come to its end: the ladder goes on, or stands still until another day."""

    model_config = ConfigDict(json_schema_extra={"allOf": [required_when("prolong", "until", "reason")]})

    outcome: Literal["end", "prolong"] = Field(examples=["end"], title="决定 Decision")
    until: date | None = Field(None, title="延长至 Until")
    reason: str | None = Field(None, max_length=1000, title="理由 Reason")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "prolong" and (self.until is None or not self.reason):
            raise ValueError("prolong needs until and a reason")
        return self


class UnableDecision(Form):
    """The limit could not be carried out as often as the pack allows: once more, or past it to the referral."""

    outcome: Literal["try-again", "refer"] = Field(examples=["try-again"], title="决定 Decision")
    until: date | None = Field(None, title="不早于 Not before (left out: the next hours for limiting)")
    reason: str | None = Field(None, max_length=1000, examples=["已联系物业配合"], title="理由 Reason")


class LimitationAnswer(Form):
    """The debt is soon out of time: the customer was asked for it again in a way that can be proved, or it lapses."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [required_when("asked-again", "method", "proof"), required_when("let-lapse", "reason")]
        }
    )

    outcome: Literal["asked-again", "let-lapse"] = Field(examples=["asked-again"], title="结果 Outcome")
    method: Method | None = Field(None, examples=["registered"], title="方式 How")
    proof: str | None = Field(
        None, max_length=200, examples=["letter.jpg"], title="凭证 Proof", json_schema_extra=PICTURE
    )
    reason: str | None = Field(None, max_length=1000, title="理由 Reason")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "asked-again" and not (self.method and self.proof):
            raise ValueError("asked-again needs method and proof")
        if self.outcome == "let-lapse" and not self.reason:
            raise ValueError("let-lapse needs a reason")
        return self


SERVE_DUNNING = TaskKind(
    key="arrears.serve-dunning-notice",
    title_zh="送达《水费催缴通知单》",
    title_en="Serve the dunning notice",
    role="collector",
    level="grid",
    form=Service,
)
DUN_CUSTOMER = TaskKind(
    key="arrears.dun-customer",
    title_zh="催缴并填写催收记录",
    title_en="Speak to the customer and write the dunning record",
    role="collector",
    level="grid",
    form=DunningRecord,
)
PUBLISH_LIMIT = TaskKind(
    key="arrears.publish-limit",
    title_zh="在业主群发布欠费停水信息",
    title_en="Make the coming limit known in the owners' group",
    role="collector",
    level="grid",
    form=LimitPublication,
)
REPORT_NONPAYER = TaskKind(
    key="arrears.report-nonpayer",
    title_zh="书面报告欠费用户",
    title_en="Report the non-payer in writing",
    role="collector",
    level="grid",
    form=NonpayerReport,
)
SERVE_LIMIT = TaskKind(
    key="arrears.serve-limit-notice",
    title_zh="送达《限压停水通知单》",
    title_en="Serve the limit notice",
    role="collector",
    level="grid",
    form=Service,
)
APPROVE_LIMIT = TaskKind(
    key="arrears.approve-limit",
    title_zh="审批限压",
    title_en="Approve the pressure limit",
    role="supervisor",
    level="section",
    form=LimitApproval,
)
LIMIT_PRESSURE = TaskKind(
    key="arrears.limit-pressure",
    title_zh="执行限压",
    title_en="Limit the pressure",
    role="engineer",
    level="grid",
    form=LimitRecord,
)
RESTORE = TaskKind(
    key="arrears.restore",
    title_zh="恢复供水",
    title_en="Restore the water",
    role="engineer",
    level="grid",
    form=RestoreRecord,
)
REFER_LEGAL = TaskKind(
    key="arrears.refer-legal",
    title_zh="移交法律程序",
    title_en="Refer to legal recovery",
    role="supervisor",
    level="section",
    form=LegalReferral,
)

SETTLE_FINAL = TaskKind(
    key="arrears.settle-final",
    title_zh="与离开的用户末次结算",
    title_en="Settle with the customer who left",
    role="clerk",
    form=FinalSettlement,
)
APPROVE_WAIVER = TaskKind(
    key="arrears.approve-waiver",
    title_zh="审批减免违约金",
    title_en="Approve the waiver of late fees",
    role="supervisor",
    level="section",
    form=WaiverDecision,
)
HANDLE_VIOLATION = TaskKind(
    key="arrears.handle-violation",
    title_zh="处理私自开阀",
    title_en="Handle a valve opened without leave",
    role="engineer",
    level="grid",
    form=ViolationRecord,
)
REVIEW_HOLD = TaskKind(
    key="arrears.review-hold",
    title_zh="复核到期的暂缓",
    title_en="Look at a hold that has come to its end",
    role="supervisor",
    level="section",
    form=HoldReview,
)
DECIDE_UNABLE = TaskKind(
    key="arrears.decide-unable",
    title_zh="多次无法限压，决定后续处理",
    title_en="Decide what follows a limit that is not possible",
    role="supervisor",
    level="section",
    form=UnableDecision,
)
WATCH_LIMITATION = TaskKind(
    key="arrears.watch-limitation",
    title_zh="诉讼时效将届满，再次催告",
    title_en="Ask again before the debt is out of time",
    role="collector",
    level="grid",
    form=LimitationAnswer,
)

ARREARS_TASKS: dict[str, TaskKind] = {
    kind.key: kind
    for kind in (
        cosign_kind("arrears"),
        SERVE_DUNNING,
        DUN_CUSTOMER,
        REPORT_NONPAYER,
        SERVE_LIMIT,
        PUBLISH_LIMIT,
        APPROVE_LIMIT,
        LIMIT_PRESSURE,
        RESTORE,
        REFER_LEGAL,
        SETTLE_FINAL,
        APPROVE_WAIVER,
        HANDLE_VIOLATION,
        REVIEW_HOLD,
        DECIDE_UNABLE,
        WATCH_LIMITATION,
    )
}
