"""Refusals and faults in words for people: a headline by code, faults of forms in Chinese."""

import re

from api.labels import LABELS
from api.pages.words import Language
from domain.processes import TASKS

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
    ("prolong needs until", "延长要写明到哪一天和理由。"),
    ("asked-again needs", "已再次催告要写明方式并上传凭证。"),
    ("let-lapse needs a reason", "不再追缴要写明理由。"),
    ("return needs the reason", "退回要写明理由，以便修改。"),
    ("nodes: name each node once", "每个节点只写一次。"),
    ("defects needs the reason", "有问题要写明要改什么。"),
    ("an acceptance is decided once", "起度签字、图纸相符、资料齐全之后才能办结验收。"),
    ("failed: give a reason", "每个不合格项都要写明原因。"),
    ("the test is decided when", "冲洗并水样合格后才能办结，请重新冲洗取样。"),
    ("data_checked_on_site", "现场核对资料之后才能立户。"),
    ("readings_signed", "切换要与客户一起抄表签字。"),
    ("promised needs amount and by", "承诺付款要写明金额和日期。"),
    ("drawing: a changed drawing", "改了图要写明变更图号。"),
    ("permit_no: granted", "准予许可要写许可证号。"),
    ("reason: refused needs", "未予许可要写明还要补什么。"),
    ("failed: say of each item", "每个不合格项都要写明问题。"),
    ("made-safe needs the reason", "暂不能恢复要写明原因和安全防护措施。"),
    ("covered and site_clean", "清运要遮盖降尘，做到工完、料尽、现场清。"),
    ("gis_entered: a line", "管线数据入库之后才能移交。"),
    ("meter_removed and deposit_returned", "拆表和押金结清之后才能办结。"),
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


REFUSED: tuple[tuple[str, str], ...] = (
    # What doors and rules say when they refuse, and the same in Chinese; `{0}` is the first part in brackets.
    (r"\S+ is decided by an? (\S+) of level (\S+) or above;.*", "要由{0}（{1}及以上）来办。"),
    (r"this is for (?:an? )?(.+?);.*", "要由{0}来办。"),
    (r"\S+ is decided by an? (.+?);.*", "要由{0}来办。"),
    (r"all: this is for.*", "只有主任、督查和系统管理员能看所有人的任务。"),
    (r"\S+ is held by (.+?): ask them.*", "现在在{0}手上：请对方放回，或请主任改派。"),
    (r"\S+ is held by (.+?): they or.*", "现在在{0}手上：只有本人或主任能放回。"),
    (r"\S+ is in nobody's hands.*", "现在没有人领取，不用放回。"),
    (r"there is nothing at this address", "这个地址上没有内容，请从上面的栏目进入。"),
    (r"\S+ is not for this address", "这个地址不能这样打开，请从上面的栏目进入。"),
    (r"the body is larger than .*", "内容太大，请分几次提交。"),
    (r"something went wrong that should not; .* reference (\S+)", "请把编号 {0} 告诉系统管理员。"),
    (r"the request could not be read", "没有读懂这次请求，请返回再试。"),
    (r"there is no (?:task|such task|such case|person|such chart|such file).*", "请到列表里核对。"),
    (r"no task .*", "没有这项任务，请到列表里核对。"),
    (r"task \S+ is .*, not .*", "这是另一项任务，请从列表里打开。"),
    (r".* is not paused in this case.*", "计时没有暂停，不用恢复。"),
    (r".* is paused already, for the (.+?):.*", "计时已经暂停，时间在{0}那里：请先恢复。"),
    (r"party: a pause names.*", "要写明现在时间在哪一方，不能写我方。"),
    (r".* is not open in this case", "这项任务已经不在办理中。"),
    (r".*: the order was recalled.*", "限压单已经召回，阀门不要动。"),
    (r"case .* (?:has ended|is not open).*", "案件已经结案。"),
    (r".*this utility's rules ask for it.*", "本单位的制度还要求填写其他项，请补齐。"),
    (r"text: names the account.*", "发布内容里写出了户号：群里的人不应知道是谁欠费。"),
    (r"outcome: the pressure was limited here.*", "这里已经限压，必须恢复阀门。"),
    (r"every part is due in the future.*", "每一期的日期都要晚于今天。"),
    (r"bills: no bill (.+?) in this case.*", "没有账单 {0}，请核对。"),
    (r"served_at: lies in the future.*", "送达时间不能晚于现在。"),
    (r"served_at: lies before.*", "送达时间早于这张通知单开出的时间，请重新送达。"),
    (r"until: lies in the past.*", "日期已经过去，请写暂缓到哪一天。"),
    (r"no hold, plan or promise stands.*", "没有暂缓、分期或承诺，不用解除。"),
    (r"failed: items .* are not in this round.*", "有的编号不在这一轮验收里，请核对。"),
    (r"tolerated: here only complete papers.*", "这里要资料齐全才能往下办：请把缺的写成有缺。"),
    (r"node: this task is about (.+?), not .*", "这项任务查验的是{0}，请核对。"),
    (r".* cm is not within (\d+) to (\d+) cm.*", "埋深要在 {0} 到 {1} 厘米之间：不符的表写成不合格。"),
    (r"the water is turned on once.*", "还有手续没有办完，暂时不能通水。"),
    (r"the project is suspended already.*", "项目已经暂停，请先恢复。"),
    (r"the project is not suspended.*", "项目没有暂停，不用恢复。"),
    (r"not met or unknown: .*", "限压的条件没有齐全，见案件页“能不能限压”。"),
)


def said_refusal(message: str, zh: str, language: Language) -> str:
    """What a refusal says, in the reader's language; as the rule said it, where nobody has put it in Chinese."""
    if language == "en":
        return _in_english(message)
    if zh:
        return zh
    for pattern, words in REFUSED:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return words.format(*(_in_chinese(part) for part in found.groups()))
    return message


def _in_english(message: str) -> str:
    """A message of the doors with tasks by their titles; whose account it was refused to is no news to them."""
    titled = re.sub(r"[a-z]+\.[a-z][a-z.-]*[a-z]", lambda key: _quoted(key[0]), message)
    said = re.sub(r"; \S+ holds \S+$", "", titled)
    return said[:1].upper() + said[1:]


def _quoted(key: str) -> str:
    return f"“{TASKS[key].title_en}”" if key in TASKS else key


def _in_chinese(part: str) -> str:
    """Roles and parties of a list, as people say them."""
    words = re.split(r" or |, ", part)
    return "或".join(TASKS[word].title_zh if word in TASKS else LABELS.get(word, (word, ""))[0] for word in words)


def headline(code: str, language: Language) -> str:
    return HEADLINES.get(code, HEADLINES["unexpected"])[0 if language == "zh" else 1]


def said_fault(words: str, language: Language) -> str:
    """A fault as the rules say it, in the reader's language."""
    if language == "zh":
        return next((zh for begins, zh in FAULTS if words.startswith(begins)), words)
    return "Please fill this in." if words == "Field required" else words[:1].upper() + words[1:]
