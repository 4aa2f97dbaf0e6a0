"""The casebook as a case calls it: record what was said, read what the ledger has since."""

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from domain.account import LedgerFact
from store import casebook, ledger, orders
from store.casebook import Batch
from store.database import Database
from store.orders import LimitAnswer, LimitRequest


class LedgerQuestion(BaseModel):
    model_config = ConfigDict(frozen=True)

    account_no: str
    after: int


class LedgerFacts(BaseModel):
    """Ledger facts with their positions, oldest first."""

    model_config = ConfigDict(frozen=True)

    facts: tuple[tuple[int, LedgerFact], ...]


class Casebook:
    """Local activities: one transaction each, and the same answer when run again after a crash."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @activity.defn
    def record(self, batch: Batch) -> None:
        """Write what the case has said, and its snapshot."""
        casebook.record(self.database, batch)

    @activity.defn
    def read_ledger(self, question: LedgerQuestion) -> LedgerFacts:
        """The account's ledger facts after a position."""
        with self.database.read() as connection:
            return LedgerFacts(facts=tuple(ledger.facts_after(connection, question.account_no, question.after)))

    @activity.defn
    def ask_interlock(self, request: LimitRequest) -> LimitAnswer:
        """May this account be limited? At issue and at the valve the same transaction carries it out."""
        return orders.ask(self.database, request)
