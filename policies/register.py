"""The clause register: every sentence of the utilities' rules, and how its file is read at once."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.policy import Strict

Line = Annotated[str, Field(min_length=1)]
Enforce = Literal["timer", "gate", "form-field", "template", "schedule", "score", "report", "assignment", "none"]
Kind = Literal[
    "assignment",
    "checklist",
    "conduct",
    "gate",
    "hours",
    "kpi",
    "notice",
    "record",
    "role",
    "schedule",
    "score",
    "sequence",
    "threshold",
    "time-limit",
    "waiting-period",
]
Process = Literal[
    "acceptance",
    "account-opening",
    "arrears",
    "assessment",
    "billing",
    "complaint",
    "conduct",
    "connection",
    "construction",
    "counter",
    "customer-data",
    "customer-service",
    "design",
    "emergency-repair",
    "escalation",
    "follow-up",
    "home-visit",
    "hotline",
    "meter-reading",
    "meter-service",
    "notification",
    "organisation",
    "outreach",
    "patrol",
    "pressure",
    "privacy",
    "secondary-supply",
    "training",
    "violation",
    "vulnerable-customer",
    "water-quality",
    "work-order",
]


NotSoftware = Literal["manners", "mind", "craft", "kit", "aim", "free", "document", "house", "elsewhere"]
NOT_SOFTWARE: dict[NotSoftware, tuple[str, str]] = {
    "manners": (
        "是人的言行仪表，系统看不见，也不该打分",
        "how a person speaks, dresses and behaves: no record shows it",
    ),
    "mind": (
        "是人的知识和心态，靠学习，不靠系统",
        "what a person knows and how they feel about it: learned, not recorded",
    ),
    "craft": ("是手上的功夫，做得好不好要看现场", "how work is done by hand: seen on site only"),
    "kit": ("是随身带的东西，出门前自己检查", "what a person carries: looked over before leaving"),
    "aim": ("是方向和目标，没有说做什么、做到什么程度", "an aim: it names no act and no measure"),
    "free": ("是可以做，不是必须做，不做也不违反", "allowed or encouraged: nothing is broken when it is not done"),
    "document": (
        "是文件对自己的说明：适用范围、解释权、生效",
        "the document about itself: scope, interpretation, effect",
    ),
    "house": ("是公司怎样设机构、配人、出钱，不在案件里发生", "how the company staffs and pays: it happens in no case"),
    "elsewhere": ("由别的系统或别的制度管，这里不做第二份", "kept by another system or rule: no second copy here"),
}
"""Why a sentence is not for software to keep, in Chinese and English."""


class Sentence(Strict):
    """A sentence as the register writes it.

    `value` is what it gives: an ISO 8601 duration where it can be one, else words. `enforce` is the main way to keep
    it. `ambiguous` and the codes of `conflicts` say that it can be read in more than one way, `not_software` why no
    software can keep it.
    """

    section: Line
    text: Line
    gloss_zh: Line
    gloss_en: Line
    process: Process
    kind: Kind
    actor_zh: Line
    actor_en: Line
    enforce: Enforce
    value: Line | None = None
    ambiguous: bool = False
    conflicts: tuple[Line, ...] = ()
    not_software: NotSoftware | None = None


class Register(Strict):
    document: Line
    clauses: dict[str, Sentence]


class Clause(Sentence):
    """One sentence of a utility's own rules: the span that is the norm, word for word, and what it means, in ours."""

    id: str
    document: str

    @property
    def utility(self) -> str:
        return self.id.partition(".")[0]


_ID = re.compile(r"  ([a-z0-9.-]+):")
_FIELD = re.compile(r"    ([a-z_]+): (.+)")
_CODES = re.compile(r"\[([A-Z0-9]+(?:, [A-Z0-9]+)*)\]")
# What no plain scalar begins with, and what inside one would end it.
_NOT_PLAIN = re.compile(r"[-!&*?:,\[\]{}#|>@`\"'%=<\s]|.*(?:: | #|:$|\s$)")
_WORD = re.compile(r"true|false|null|~|[-+]?[0-9]+(?:\.[0-9]+)?")


def at_a_glance(text: str) -> dict[str, Any] | None:
    """What a register written plainly says: one field a line, strings plain or in double quotes.

    Three hundred times as fast as the strict reader and of the same mind; None for anything but the plainest writing,
    which the strict reader then judges.
    """
    document, found = None, {}  # type: str | None, dict[str, dict[str, Any]]
    here: dict[str, Any] | None = None
    for line in text.splitlines():
        if not line or line.startswith("#") or line == "clauses:":
            continue
        if line.startswith("document: ") and document is None:
            document = _scalar(line.removeprefix("document: "))
        elif (field := _FIELD.fullmatch(line)) and here is not None and field[1] not in here:
            value = _scalar(field[2])
            if value is None:
                return None
            here[field[1]] = value
        elif (id_ := _ID.fullmatch(line)) and id_[1] not in found:
            here = found[id_[1]] = {}
        else:
            return None
    return {"document": document, "clauses": found} if document is not None and found else None


def _scalar(written: str) -> Any:
    """The value of a plain writing; None when it is not plain."""
    if codes := _CODES.fullmatch(written):
        return codes[1].split(", ")
    if written == "true":
        return True
    if written.startswith('"'):
        try:
            quoted = json.loads(written)
        except ValueError:
            return None
        return quoted if isinstance(quoted, str) else None
    return None if _NOT_PLAIN.match(written) or _WORD.fullmatch(written) else written
