"""A file that is no ledger: what is wrong, where, and what the person who sent it can do."""


class UnreadableLedger(Exception):
    """The file is not a ledger at all. `where` names the file, sheet and row as far as they are known."""

    def __init__(self, what: str, what_zh: str, *, where: str, mend: str, mend_zh: str) -> None:
        super().__init__(f"{what} ({where}). {mend}")
        self.what, self.what_zh, self.where, self.mend, self.mend_zh = what, what_zh, where, mend, mend_zh


def wrong_type(name: str, what: str) -> UnreadableLedger:
    return UnreadableLedger(
        f"not a spreadsheet: {what}",
        "不是电子表格文件",
        where=name,
        mend="Open it in Excel or WPS and save it as .xlsx or .csv.",
        mend_zh="请用 Excel 或 WPS 打开，另存为 .xlsx 或 .csv。",
    )


def damaged(name: str, where: str, why: object) -> UnreadableLedger:
    return UnreadableLedger(
        f"the file cannot be read: {why}",
        "文件无法读取，可能已损坏",
        where=f"{name}, {where}",
        mend="Open it in Excel or WPS, save it again as .xlsx and send that.",
        mend_zh="请用 Excel 或 WPS 打开，另存为 .xlsx 后重新发送。",
    )


def empty(name: str) -> UnreadableLedger:
    return UnreadableLedger(
        "the file is empty",
        "文件是空的",
        where=f"{name}, every visible sheet",
        mend="Send the sheet that lists the overdue bills, not a hidden one.",
        mend_zh="请发送列有欠费账单的工作表，且不要隐藏。",
    )


def encrypted(name: str) -> UnreadableLedger:
    return UnreadableLedger(
        "the workbook is encrypted",
        "工作簿已加密",
        where=name,
        mend="Take the password off and send it again.",
        mend_zh="请取消密码后重新发送。",
    )
