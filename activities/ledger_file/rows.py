"""What a row of a ledger comes to: one overdue bill, or every reason why not."""

from datetime import date

from pydantic import BaseModel

from domain.account import CustomerClass, Estate, Protection


class OverdueRow(BaseModel, frozen=True):
    """One overdue bill that passed every check; `row` is its row in the sheet, amounts are fen.

    `bill_no` is `<account>-<period>` where the file has none: the same file read again names the bill the same.
    `phone` is digits only (with `-` before an extension); of several in a cell the first mobile, else the first.
    `model_fields_set` are the fields of which the row says something.
    """

    row: int
    account_no: str
    customer_class: CustomerClass
    estate: Estate = "open"
    phone: str | None = None
    protected: tuple[Protection, ...] = ()
    bill_no: str
    period: str
    amount_fen: int
    due_on: date
    late_fee_fen: int = 0
    name: str | None = None
    address: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


class RowError(BaseModel, frozen=True):
    """What keeps one row from being a bill: `column` as headed in the file, `value` with personal data masked."""

    row: int
    column: str | None
    value: str
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str
