"""The guides of a first hour: steps in both languages, each with the address where it is done."""
# ruff: noqa: E501 - a sentence a step reads best on one line

from typing import NamedTuple

from domain.people import Role


class Step(NamedTuple):
    path: str
    zh: str
    en: str


class Guide(NamedTuple):
    """`roles`: whose first hour it is."""

    key: str
    zh: str
    en: str
    roles: tuple[Role, ...]
    steps: tuple[Step, ...]


GUIDES: dict[str, Guide] = {
    guide.key: guide
    for guide in (
        Guide(
            "collector",
            "催缴员",
            "Collector",
            ("collector", "clerk"),
            (
                Step(
                    "/arrears?order=due",
                    "打开催缴清单：每户欠多少、欠了多久、到哪一步、缺不缺送达凭证，都在一行里。",
                    "Open the work list: what is owed, for how long, which step, and whether proof is missing, in one row.",
                ),
                Step(
                    "/arrears?proof_missing=true",
                    "点“办理”，就地送达一张通知单：选方式、传照片，提交。期限从送达时开始算。",
                    "Press Decide and serve a notice where it stands: choose how, add the photo, send. Periods run from service.",
                ),
                Step(
                    "/arrears",
                    "点户名，看催缴程序走到哪里、为什么现在不能限压，每一条都写明。",
                    "Open a customer: where the ladder stands and why the water may not be limited, each condition in words.",
                ),
                Step(
                    "/arrears",
                    "勾选几户，一起送达或一起记录沟通：每户各有结果，办不了的写明原因。",
                    "Tick several rows and serve or record a contact together: each has its own word, and a reason where not.",
                ),
                Step(
                    "/ledger",
                    "上传一份欠费台账：先看会发生什么、哪几行有错，再确认导入。",
                    "Upload a ledger: first see what would happen and which rows are wrong, then confirm.",
                ),
                Step(
                    "/field",
                    "在手机上打开“现场”：没有网络也能办，恢复后自动发送一次。",
                    "Open Field on a phone: it works without a network and sends once when there is one again.",
                ),
            ),
        ),
        Guide(
            "representative",
            "客户代表和客户服务经理",
            "Representative and service manager",
            ("representative", "service-manager", "leading-group", "follow-up", "auditor", "administrator"),
            (
                Step(
                    "/projects",
                    "看项目看板：五个阶段各有多少、哪些我方超时、哪些在等别人。",
                    "Look at the board: how many projects in each phase, which are late on our clock, which wait for others.",
                ),
                Step(
                    "/projects?late=true",
                    "只看我方超时的项目，点开一个：时间花在谁那里，一条横条说清。",
                    "See only those late on our own clock and open one: whose time it was, in one bar.",
                ),
                Step(
                    "/inbox",
                    "在“我的任务”里点时限，看这个截止日是怎样一天一天算出来的、依据哪一句规定。",
                    "In My tasks press a clock: how the deadline was counted day by day, and by which sentence.",
                ),
                Step(
                    "/inbox?process=connection",
                    "预约一次勘察，或者签一份供用水合同。",
                    "Arrange a survey, or sign a supply contract.",
                ),
            ),
        ),
        Guide(
            "engineer",
            "工程师、验收员、表务员",
            "Engineer, inspector, meter technician",
            ("engineer", "inspector", "meter-technician", "designer", "contractor"),
            (
                Step(
                    "/field",
                    "在手机上打开“现场”，点第一张卡片。",
                    "Open Field on a phone and press the first card.",
                ),
                Step(
                    "/field",
                    "勾检查项、拍照、请用户签名，提交；关掉网络再试一次，它会排队，恢复后发送一次。",
                    "Tick the checklist, take the photo, have the customer sign, send. Try it without a network: it waits and sends once.",
                ),
                Step("/projects", "在项目页看这一步之后轮到谁。", "On the project's page see whose turn it is next."),
            ),
        ),
        Guide(
            "supervisor",
            "主任",
            "Supervisor",
            ("supervisor",),
            (
                Step(
                    "/approvals",
                    "打开审批：每一件请示的凭证都在旁边，同意之前看清条件是否都满足。",
                    "Open Approvals: the evidence stands beside each; see that every condition is met before you say yes.",
                ),
                Step(
                    "/inbox?group=late",
                    "看超时的任务和升级到您这一级的任务，改派或催办。",
                    "See late tasks and those that have risen to your level; reassign or urge.",
                ),
                Step(
                    "/dashboard",
                    "看板：回收率对着目标、账龄、哪一步收回多少、哪一步超时；每个数字都点得开。",
                    "Dashboard: recovery against its goals, ages, what each step brought in, what is late; every figure opens.",
                ),
                Step(
                    "/projects?late=true",
                    "哪个项目晚了、晚在谁手上：看板上一眼看到。",
                    "Which project is late and in whose hands: one look at the board.",
                ),
                Step(
                    "/policy",
                    "查一句规定现在管着哪些案件。",
                    "Look up a sentence and the cases where it is running now.",
                ),
            ),
        ),
    )
}


def guide_for(roles: tuple[Role, ...]) -> Guide:
    """The guide that fits the first role that has one."""
    return next((guide for role in roles for guide in GUIDES.values() if role in guide.roles), GUIDES["representative"])
