"""Refusals and faults in words for people: a headline by code, faults of forms in Chinese."""

from api.pages.words import Language

HEADLINES: dict[str, tuple[str, str]] = {
    "not-open": ("现在办不了。", "This cannot be done now."),
    "wrong-role": ("这不归您办。", "This is not yours to do."),
    "four-eyes": ("需要第二个人来办。", "This needs a second person."),
    "form-invalid": ("填写有误。", "Something in the form is wrong."),
    "gate": ("还有条件没有满足。", "A condition is not met yet."),
    "interlock": ("联锁不允许限压。", "The interlock does not allow a limit."),
    "duplicate": ("重复了。", "This was there already."),
    "unknown": ("没有找到，或者不在您的范围内。", "There is no such thing, or not for you."),
    "unavailable": (
        "系统暂时没有响应，什么都没有丢，请稍后再试。",
        "The system does not answer; nothing is lost, try again.",
    ),
    "too-large": ("文件太大了。", "The file is too large."),
    "unexpected": ("出了意外的问题。", "Something went wrong that should not."),
}

FAULTS: tuple[tuple[str, str], ...] = (
    # The beginning of a fault as the rules say it, and the same in Chinese.
    ("served needs proof", "已送达要有凭证：请上传照片或填写回执。"),
    ("refuse needs a reason", "不同意要写明理由。"),
    ("defer needs until", "暂缓要写明到哪一天再提请。"),
    ("done needs", "已完成要填齐：限压前后压力、照片、铅封号。"),
    ("unable needs a reason", "无法执行要写明原因。"),
    ("missing needs the names", "有缺要写出资料名称，一次说全。"),
    ("missing: papers are named", "选了齐全，却写了缺少的资料。"),
    ("signed: no signature", "没有客户签字不能办结，请与客户一起再来。"),
    ("customer_sheet and fees_told", "客户情况调查表和收费告知都要完成。"),
    ("return needs the reason", "退回要写明理由，以便修改。"),
    ("nodes: name each node once", "每个节点只写一次。"),
    ("defects needs the reason", "有问题要写明要改什么。"),
    ("an acceptance is decided once", "起度签字、图纸相符、资料齐全之后才能办结验收。"),
    ("failed: give a reason", "每个不合格项都要写明原因。"),
    ("the test is decided when", "冲洗并水样合格后才能办结，请重新冲洗取样。"),
    ("data_checked_on_site", "现场核对资料之后才能立户。"),
    ("readings_signed", "切换要与客户一起抄表签字。"),
    ("Field required", "请填写。"),
    ("String should have at most", "太长了，请写短一些。"),
    ("String should have at least", "请填写。"),
    ("Input should be a valid decimal", "请填数字。"),
    ("Input should be a valid integer", "请填整数。"),
    ("Input should be greater than or equal to", "太小了，请核对。"),
    ("Input should be less than or equal to", "太大了，请核对。"),
    ("Input should be", "请从给出的选项里选。"),
    ("lies outside the years", "日期不对，请核对年份。"),
    ("Tuple should have at least", "至少写一项。"),
    ("Tuple should have at most", "项目太多了。"),
)


def headline(code: str, language: Language) -> str:
    return HEADLINES.get(code, HEADLINES["unexpected"])[0 if language == "zh" else 1]


def said_fault(words: str, language: Language) -> str:
    """A fault as the rules say it, in the reader's language."""
    if language == "zh":
        return next((zh for begins, zh in FAULTS if words.startswith(begins)), words)
    return "Please fill this in." if words == "Field required" else words[:1].upper() + words[1:]
