"""报装: application, survey, design, inspection, activation; each phase calls for its tasks, several at once."""

from collections.abc import Sequence

from temporalio import workflow

from activities.casebook import Casebook, LedgerQuestion
from domain.account import standing
from domain.case import Event, PackMoved, TaskDecided
from domain.commands import DecideTask
from domain.connection import commands, moves
from domain.connection.commands import ConnectionCommand
from domain.connection.facts import ProjectFacts
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.phases import has_gate, next_moment, next_step
from domain.connection.policy import ConnectionPolicy
from domain.money import yuan
from domain.pack_moves import MovePack
from domain.refusals import Refused
from domain.steps import StandStill, Step
from store.casebook import Snapshot
from workflows.case import LOCAL, Case, once_a_change, refuse
from workflows.messages import Answer, ProjectOpened, workflow_id


@workflow.defn
class ConnectionProject(Case[ProjectFacts]):
    """报装. What is called for is `next_step`, the five phases as pure functions of the facts and the pack."""

    kinds = CONNECTION_TASKS

    @workflow.init
    def __init__(self, opened: ProjectOpened) -> None:
        super().__init__(opened)
        self.opened: ProjectOpened = opened
        self.policy = opened.policy
        self.facts = ProjectFacts.model_validate(opened.carried.facts) if opened.carried else first_facts(opened)

    @workflow.run
    async def run(self, opened: ProjectOpened) -> str:
        self.begin(process="connection", subject=opened.case_no, about=opened.project.model_dump(mode="json"))
        return await self.walk()

    @workflow.update
    async def instruct(self, command: ConnectionCommand) -> Answer:
        """Pause, resume, reassign, urge, withdraw, report occupancy."""
        return await self.carry_out(
            command, lambda: commands.events_of(command, self.facts, self.policy, self.calendar)
        )

    @instruct.validator
    def _check_instruction(self, command: ConnectionCommand) -> None:
        self.check(lambda: commands.events_of(command, self.facts, self.policy, self.calendar))

    def decision(self, command: DecideTask) -> TaskDecided:
        return commands.decide(command, self.facts, self.policy)

    async def before_decision(self, command: DecideTask) -> None:
        """Whoever owes for water that they have gets no more of it turned on, where the pack says so."""
        no = self.facts.project.account
        if command.key != "connection.activate" or no is None or not self.waits_for_arrears:
            return
        question = LedgerQuestion(account_no=no, after=0)
        answer = await workflow.execute_local_activity_method(Casebook.read_ledger, question, **LOCAL)
        owed = standing(facts=[fact for _, fact in answer.facts], as_of=command.at).own
        if owed > 0:
            refuse(
                Refused(
                    "gate",
                    f"the water is turned on once the applicant owes nothing: {yuan(owed)} of account {no} is overdue",
                    zh=f"申请人户号{no}欠费{yuan(owed)}元，缴清后才能通水。",
                )
            )

    @property
    def waits_for_arrears(self) -> bool:
        return has_gate("arrears", self.facts.project, self.policy)

    def move(self, command: MovePack) -> tuple[PackMoved, ConnectionPolicy]:
        policy = ConnectionPolicy.model_validate(command.policy)
        return moves.moved(command, self.facts, self.policy, policy, self.calendar), policy

    def applied(self, event: Event) -> tuple[ProjectFacts, Sequence[Event]]:
        return commands.say(self.facts, event, self.policy, self.calendar)  # type: ignore[arg-type]

    @once_a_change
    def next_step(self) -> Step | None:
        return next_step(self.facts, self.policy, self.calendar)

    @once_a_change
    def next_moment(self) -> Event | None:
        return next_moment(self.facts, self.policy, self.calendar)

    def snapshot(self) -> Snapshot:
        step = self.next_step()
        return Snapshot(
            process="connection",
            subject=self.opened.case_no,
            workflow_id=workflow_id("connection", self.opened.case_no),
            pack=self.opened.pack,
            stage=self.facts.stage,
            outcome=self.facts.outcome,
            standing=step.because if isinstance(step, StandStill) else None,
            amount_fen=0,
            opened_at=self.opened.opened_at,
            closed_at=self.facts.as_of if self.facts.outcome else None,
            next_wake=self.projected_wake,
            ledger_position=0,
            facts=self.facts.model_dump(mode="json"),
        )


def first_facts(opened: ProjectOpened) -> ProjectFacts:
    """A new project: what was applied for, and nothing said yet."""
    return ProjectFacts(
        case_no=opened.case_no,
        pack=opened.pack,
        opened_at=opened.opened_at,
        as_of=opened.opened_at,
        project=opened.project,
        papers=opened.papers,
    )
