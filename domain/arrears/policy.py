"""What a pack says about arrears: the ladder and the values around it."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.account import CustomerClass, Estate, Protection
from domain.arrears.events import Ground
from domain.calendars import DailyHours, LimitWindow
from domain.case import EscalationPolicy
from domain.chain import Chain
from domain.money import Yuan
from domain.people import Role
from domain.policy import Sourced, Strict, Who
from domain.terms import Term

Stage = Literal["reminded", "notified", "grace", "limit-notified", "limited", "restored", "settled", "closed"]
Channel = Literal["sms", "wechat"]
Way = Literal["in-person", "posted", "registered", "sms", "phone"]


class NoticeWords(Strict):
    """A notice on paper: its title, what it asks for, what follows, on what it rests, and how it names the customer.

    `template` is a file of `papers/`. `names`: in full, by the first sign alone, or not at all where it is posted (an
    open estate) and in full elsewhere.
    """

    template: Sourced[str]
    title: Sourced[str]
    words: Sourced[str]
    follows: Sourced[str]
    basis: Sourced[tuple[str, ...]]
    names: Sourced[Literal["in-full", "starred", "not-where-posted"]]


class Remind(Strict):
    """A message on opening; no one needs to act. `notice`: the same on paper, for whoever is called on."""

    rung: Literal["remind"]
    message: Sourced[str]
    channel: Sourced[Channel]
    notice: Sourced[str] | None = None


class Contacts(Strict):
    """So many recorded contacts that reached the customer."""

    rung: Literal["contacts"]
    count: Sourced[int]
    enters: Stage


class Report(Strict):
    """A written report by the collector."""

    rung: Literal["report"]
    task: Literal["arrears.report-nonpayer"]
    term: Sourced[Term]


class Serve(Strict):
    """A notice served with proof; optionally a message at the same time. `notice`: which of the pack's it is.

    `sms_serves`: whether an SMS with its receipt is proof enough; left out, it is.
    `ways`: how it is to reach a customer in such an estate. Another way counts too, and is told apart on record.
    """

    rung: Literal["serve"]
    task: Literal["arrears.serve-dunning-notice", "arrears.serve-limit-notice"]
    term: Sourced[Term]
    enters: Stage
    message: Sourced[str] | None = None
    channel: Sourced[Channel] | None = None
    sms_serves: Sourced[bool] | None = None
    notice: Sourced[str] | None = None
    ways: dict[Estate, Sourced[tuple[Way, ...]]] = {}


class Dun(Strict):
    """The representative speaks to a customer who was reminded and still owes, and writes the record.

    `after`: so long after the reminder; `again`: so long after an attempt that did not reach the customer.
    """

    rung: Literal["dun"]
    task: Literal["arrears.dun-customer"]
    after: Sourced[Term]
    term: Sourced[Term]
    again: Sourced[Term]
    enters: Stage | None = None


class Publish(Strict):
    """Word of the coming limit in the estate's chat groups, naming nobody."""

    rung: Literal["publish"]
    task: Literal["arrears.publish-limit"]
    term: Sourced[Term]


class Wait(Strict):
    """A period that runs from the service of a notice, by class of customer."""

    rung: Literal["wait"]
    period: Literal["grace", "notice"]
    after: Literal["arrears.serve-dunning-notice", "arrears.serve-limit-notice"]
    resident: Sourced[Term]
    organisation: Sourced[Term]
    enters: Stage | None = None

    def term(self, customer_class: CustomerClass) -> Sourced[Term]:
        return self.resident if customer_class == "resident" else self.organisation


class Approve(Strict):
    """A second person's decision. `not_by`: whoever did these tasks may not decide it."""

    rung: Literal["approve"]
    task: Literal["arrears.approve-limit"]
    term: Sourced[Term]
    not_by: Sourced[tuple[str, ...]]
    ask_again: Sourced[Term]


class Limit(Strict):
    """The limit order and its execution at the valve.

    `retry`: a new order after one that was not possible; `recheck`: asking the interlock again after it said no.
    `tries`: after so many orders that were not possible a supervisor decides what follows.
    """

    rung: Literal["limit"]
    task: Literal["arrears.limit-pressure"]
    term: Sourced[Term]
    enters: Literal["limited"]
    window: Sourced[LimitWindow]
    retry: Sourced[Term]
    recheck: Sourced[Term]
    tries: Sourced[int] | None = None


class Refer(Strict):
    """The end of the ladder, so long after the limit; on a ladder without one, after the rung before it."""

    rung: Literal["refer"]
    task: Literal["arrears.refer-legal"]
    after: Sourced[Term]
    term: Sourced[Term]


Rung = Annotated[
    Remind | Contacts | Dun | Report | Serve | Wait | Publish | Approve | Limit | Refer, Field(discriminator="rung")
]


class HoldRule(Strict):
    """How long a ground may hold the ladder up, and what follows.

    `then`: the ladder goes on by itself, or a supervisor looks first. `evidence`: nothing stands still without it.
    """

    longest: Sourced[Term]
    then: Sourced[Literal["go-on", "look"]]
    evidence: Sourced[bool]


class LeftBehind(Strict):
    """What becomes of a predecessor's debt: the final settlement, its referral, and another look where it was kept."""

    settle: Sourced[Term]
    refer: Sourced[Term]
    again: Sourced[Term]


class Limitation(Strict):
    """The statute of limitations: how many years, how long before their end somebody is told, and their time for it."""

    years: Sourced[int]
    warn: Sourced[Term]
    answer: Sourced[Term]


class RecoveryGoals(Strict):
    """Shares of what was due that should be paid by the end of the month, and of the year; see `domain.recovery`."""

    month: Sourced[Decimal]
    year: Sourced[Decimal]

    @model_validator(mode="after")
    def _are_shares(self) -> Self:
        if not all(0 < goal.value <= 1 for goal in (self.month, self.year)):
            raise ValueError("recovery: a goal is a share of what was due, above 0 and at most 1: 0.97")
        return self


class ArrearsPolicy(Strict):
    """The arrears section of a pack, pinned into each case that opens under it.

    `channels`: what each message may go by, the first choice first; after one that failed it goes by the next.
    `differences_hold`: whether nobody is limited whose balance billing's own list has otherwise; left out, nobody asks.
    What a pack leaves out that has a default here, its cases do not know: no such hold, waiver, or watch is kept.
    """

    threshold: Sourced[Yuan]
    ladder: tuple[Rung, ...]
    restore: Sourced[Term]
    ledger_max_age: Sourced[Term]
    review_every: Sourced[Term]
    quiet_hours: Sourced[DailyHours]
    escalation: Sourced[EscalationPolicy]
    messages: dict[str, Sourced[str]]
    who: dict[str, Sourced[Who]] = {}
    chain: Chain | None = None
    recovery: RecoveryGoals | None = None
    cosign: Sourced[Term] | None = None
    notices: dict[str, NoticeWords] = {}
    pay_code: Sourced[str] | None = None
    contacted_by: Sourced[tuple[Role, ...]] | None = None
    holds: dict[Ground, HoldRule] = {}
    review_hold: Sourced[Term] | None = None
    left_behind: LeftBehind | None = None
    limitation: Limitation | None = None
    waiver: Sourced[Term] | None = None
    violation: Sourced[Term] | None = None
    decide_unable: Sourced[Term] | None = None
    refer_protected: Sourced[tuple[Protection, ...]] | None = None
    channels: dict[str, Sourced[tuple[Channel, ...]]] = {}
    differences_hold: Sourced[bool] | None = None

    def channel_after(self, template: str, failed: str) -> Sourced[Channel] | None:
        """By what a message goes that failed by a channel; None when the pack has nothing else for it."""
        order = self.channels.get(template)
        if order is None or failed not in order.value:
            return None
        after = order.value[order.value.index(failed) + 1 :]
        return Sourced(**order.model_dump(exclude={"value"}), value=after[0]) if after else None

    @model_validator(mode="after")
    def _channels_begin_where_the_rung_does(self) -> Self:
        for rung in self.ladder:
            if not isinstance(rung, Remind | Serve) or rung.message is None or rung.channel is None:
                continue
            order = self.channels.get(rung.message.value)
            if order is not None and (
                order.value[:1] != (rung.channel.value,) or len(set(order.value)) < len(order.value)
            ):
                raise ValueError(
                    f"channels.{rung.message.value}: begins with the channel of its rung, {rung.channel.value}, "
                    "and names each once"
                )
        return self

    @property
    def limits(self) -> bool:
        """Whether this utility limits the water of those who owe at all."""
        return any(isinstance(rung, Limit) for rung in self.ladder)

    @model_validator(mode="after")
    def _notices_are_there(self) -> Self:
        for rung in self.ladder:
            if isinstance(rung, Remind | Serve) and rung.notice is not None and rung.notice.value not in self.notices:
                written = ", ".join(self.notices) or "none"
                raise ValueError(f"ladder: notice {rung.notice.value} is not among the notices: {written}")
        return self

    @model_validator(mode="after")
    def _ladder_holds_together(self) -> Self:
        """A limit needs its notice, its waiting period and its approval below it, each rung once.

        A ladder may end without a limit: in a referral, or in the reviews of a case that stands still.
        """
        kinds = [rung.rung for rung in self.ladder]
        for once in ("remind", "contacts", "dun", "report", "publish", "approve", "limit", "refer"):
            if kinds.count(once) > 1:
                raise ValueError(f"ladder: rung {once} stands more than once")
        if "remind" not in kinds or kinds[0] != "remind":
            raise ValueError("ladder: the first rung is remind")
        served: set[str] = set()
        waited: set[str] = set()
        for rung in self.ladder:
            if isinstance(rung, Serve):
                served.add(rung.task)
            elif isinstance(rung, Wait):
                if rung.after not in served:
                    raise ValueError(
                        f"ladder: period {rung.period} runs from {rung.after}, which no rung before it serves"
                    )
                waited.add(rung.after)
            elif isinstance(rung, Approve) and "arrears.serve-limit-notice" not in waited:
                raise ValueError("ladder: approve comes after the limit notice is served and its period has run")
            elif isinstance(rung, Limit) and "approve" not in kinds[: kinds.index("limit")]:
                raise ValueError("ladder: limit comes after approve")
            elif isinstance(rung, Publish) and "limit" in kinds[: kinds.index("publish")]:
                raise ValueError("ladder: publish comes before limit")
            elif isinstance(rung, Refer) and self.limits and "limit" not in kinds[: kinds.index("refer")]:
                raise ValueError("ladder: refer comes after limit")
            elif isinstance(rung, Refer) and not {"dun", "serve", "limit"} & set(kinds[: kinds.index("refer")]):
                raise ValueError("ladder: refer comes after something was done that its term counts from")
        if not self.limits and {"approve", "publish"} & set(kinds):
            raise ValueError("ladder: approve and publish speak of a limit, and this ladder has none: take them out")
        return self
