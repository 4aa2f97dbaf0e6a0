"""The processes there are, and every human task of theirs."""

from domain.arrears.forms import ARREARS_TASKS
from domain.connection.forms import CONNECTION_TASKS
from domain.tasks import TaskKind

TASKS: dict[str, TaskKind] = {**ARREARS_TASKS, **CONNECTION_TASKS}
