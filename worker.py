"""What runs where: the worker with every workflow and activity, and its main."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.aliyun_sms import AliyunSms
from activities.casebook import Casebook
from activities.channels import ByChannel, JournalChannel, NoProvider
from activities.notices import Channel, Notices
from policies.packs import also_in, load_pack
from runtime.relay import Relay
from runtime.wall_clock import now
from settings import Settings
from store.database import Database
from workflows.arrears_case import ArrearsCase
from workflows.connection_project import ConnectionProject
from workflows.payloads import data_converter

WORKFLOWS: list[type] = [ArrearsCase, ConnectionProject]
# Pure, or watched elsewhere (import-linter, ruff): to load them once a case would cost memory and time. The processes
# themselves are not among them, and import what is as any module does.
PASSED_THROUGH = (
    "domain",
    "activities",
    "store",
    "workflows.messages",
    "pydantic",
    "pydantic_core",
    "sqlalchemy",
    "annotated_types",
)


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox: what a process asks of the machine fails its task, not its replay months later (ADR 0035)."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def message_text(pack: str, template: str) -> str:
    """The words of a message as the case's own pack version has them."""
    arrears = load_pack(pack).arrears
    if arrears is None or template not in arrears.messages:
        raise ValueError(f"pack {pack} has no words for message {template}")
    return arrears.messages[template].value


def channels(settings: Settings) -> Channel:
    """The provider of each channel, as the settings have it."""
    journal = JournalChannel(settings.data / "messages")
    providers: dict[str, Channel] = {"sms": journal, "wechat": journal}
    if settings.sms == "aliyun":
        # Beside a real provider a journal would say "sent" of what reached nobody.
        providers["wechat"] = NoProvider()
        providers["sms"] = AliyunSms(
            url=settings.sms_url,
            key_id=settings.sms_key_id or "",
            secret=settings.sms_key_secret.get_secret_value() if settings.sms_key_secret else "",
            sign_name=settings.sms_sign_name or "",
            templates=settings.sms_templates,
            clock=now,
        )
    return ByChannel(providers)


def build_worker(
    client: Client,
    database: Database,
    channel: Channel,
    *,
    task_queue: str,
    max_cached_workflows: int = 2000,
    threads: int = 16,
) -> Worker:
    """A worker for every process. Activities are given what they need here and nowhere else."""
    casebook = Casebook(database)
    notices = Notices(database, channel, message_text, clock=now)
    activities: list[Callable[..., Any]] = [
        casebook.record,
        casebook.read_ledger,
        casebook.ask_interlock,
        notices.send,
    ]
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=activities,
        activity_executor=ThreadPoolExecutor(max_workers=threads, thread_name_prefix="activity"),
        max_concurrent_activities=threads,
        max_concurrent_local_activities=threads,
        max_cached_workflows=max_cached_workflows,
        workflow_runner=workflow_runner(),
    )


async def connect(settings: Settings) -> Client:
    """A client that speaks this installation's encrypted payloads."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        api_key=settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None,
        tls=settings.temporal_tls,
        data_converter=data_converter(settings.encryption_keys()),
    )


async def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; work in hand is finished first. Relay and reconciler live beside the worker."""
    from runtime.reconciler import reconcile_for_ever

    if settings.packs is not None:
        also_in(settings.packs)
    database = Database(settings.database)
    client = await connect(settings)
    channel = channels(settings)
    relay = Relay(client, database, task_queue=settings.task_queue)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with build_worker(client, database, channel, task_queue=settings.task_queue):
        looking = reconcile_for_ever(database, now, pack_on=lambda at: load_pack(settings.pack, on=at.date()).name)
        beside = [asyncio.create_task(relay.run(now)), asyncio.create_task(looking)]
        await asyncio.wait([asyncio.create_task(stop.wait()), *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            task.cancel()
    database.close()
