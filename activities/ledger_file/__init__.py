"""An overdue ledger (欠费台账) out of an `.xlsx` or `.csv` file, as checked rows: no database, no network."""

from activities.ledger_file.problems import UnreadableLedger
from activities.ledger_file.reading import LedgerFile, read_ledger
from activities.ledger_file.rows import OverdueRow, RowError

__all__ = ["LedgerFile", "OverdueRow", "RowError", "UnreadableLedger", "read_ledger"]
