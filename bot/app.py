"""The composition root: builds everything from the settings, runs it in one task group, stops it cleanly.

Nothing else reads settings, and nothing here decides anything. The command line is `bot.__main__`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from slack_bolt.async_app import AsyncApp

from bot.commands.runner import CommandRunner
from bot.commands.user_config import load_diagnosis_config, load_reader, load_rules
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP, PURGE_LOOP, CheckResult
from bot.errors import AuthFailed, ConfigError, NotSupported, ProviderError
from bot.providers.base import settings_prefix
from bot.providers.registry import Registry, build_registry
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.settings import Settings, provider_config
from bot.slack.client import create_client
from bot.slack.connection import SocketConnection, create_app, serve_http
from bot.slack.listeners import register
from bot.slack.notifier import SlackNotifier
from bot.slack.setup_check import check_slack
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from bot.watcher.schedule import PurgeJob, Worker, run_loop

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every frontend needs."""

    settings: Settings
    registry: Registry
    redactor: Redactor
    runner: CommandRunner
    store: Store
    diagnosis_config: Callable[[], DiagnosisConfig]
    """Read from the installation's own files when it is first asked for."""


def utc_now() -> datetime:
    """The clock of the running program."""
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Parts]:
    """Build what commands need, and close it again. Does not touch the database before something asks for it."""
    diagnosis_config = functools.cache(
        lambda: load_diagnosis_config(settings.trainwatch_signatures, settings.trainwatch_rules)
    )
    registry = build_registry(provider_config())
    redactor = Redactor(settings.secrets)
    store = await open_store(settings.database_url.get_secret_value())
    runner = CommandRunner(registry, store, utc_now, redactor, diagnosis_config)
    try:
        yield Parts(settings, registry, redactor, runner, store, diagnosis_config)
    finally:
        await store.aclose()
        await registry.aclose()


async def serve(settings: Settings) -> None:
    """Run the bot until SIGINT or SIGTERM.

    Raises:
        ConfigError: Slack's tokens are missing or refused, the database cannot be used, or a file of the
            installation's own is wrong.
    """
    require_slack(settings)
    configure_logging(settings)
    await upgrade(settings.database_url.get_secret_value())
    async with assemble(settings) as parts:
        parts.diagnosis_config()
        for name, problem in parts.registry.problems.items():
            log.warning("platform is not set up", extra={"platform": name, "reason": problem.public})
        running = asyncio.create_task(_run(parts))
        loop = asyncio.get_running_loop()
        for stop in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(stop, running.cancel)
        collect_garbage_seldom()
        log.info(
            "trainwatch started",
            extra={"mode": settings.trainwatch_slack_mode, "platforms": list(parts.registry.names)},
        )
        with contextlib.suppress(asyncio.CancelledError):
            await running
        log.info("trainwatch stopped")


def collect_garbage_seldom() -> None:
    """Let the collector pass over what is there for good, and wait for more garbage: it took a quarter of a poll's CPU.

    What is not in a cycle is freed at once all the same. Measured: docs/adr/0015-a-quiet-look-costs-little.md.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _run(parts: Parts) -> None:
    settings = parts.settings
    assert settings.slack_bot_token is not None
    secret = settings.slack_signing_secret
    app = create_app(
        settings.slack_bot_token.get_secret_value(),
        api_url=settings.slack_api_url,
        signing_secret=secret.get_secret_value() if secret else None,
    )
    poller = Poller(
        parts.registry, parts.store, utc_now, parts.redactor, parts.diagnosis_config(), poll_settings(settings)
    )
    deliverer = Deliverer(
        parts.store, SlackNotifier(app.client), utc_now, DeliverySettings(lease=settings.trainwatch_lease)
    )
    tasks = register(app, parts.runner, parts.store, utc_now, resume_channel=deliverer.resume_channel)
    loops: dict[str, Worker] = {POLL_LOOP: poller, DELIVERY_LOOP: deliverer, PURGE_LOOP: PurgeJob(parts.store, utc_now)}
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_listen(app, settings), name="slack")
            for name, worker in loops.items():
                group.create_task(run_loop(name, worker, parts.store, utc_now), name=name)
    except* ConfigError as problems:
        raise problems.exceptions[0] from None
    finally:
        await tasks.drain()


async def _listen(app: AsyncApp, settings: Settings) -> None:
    if settings.trainwatch_slack_mode == "http":
        await serve_http(app, host=settings.trainwatch_http_host, port=settings.trainwatch_http_port)
    else:
        assert settings.slack_app_token is not None
        await SocketConnection(app, settings.slack_app_token.get_secret_value()).run()


def require_slack(settings: Settings) -> None:
    """Say at once which of Slack's tokens are missing.

    Raises:
        ConfigError: names each, where it is found, and that the demo needs none.
    """
    http = settings.trainwatch_slack_mode == "http"
    wanted = {
        "SLACK_BOT_TOKEN": (settings.slack_bot_token, "OAuth & Permissions, Bot User OAuth Token (xoxb-)"),
        **(
            {"SLACK_SIGNING_SECRET": (settings.slack_signing_secret, "Basic Information, App Credentials")}
            if http
            else {"SLACK_APP_TOKEN": (settings.slack_app_token, "Basic Information, App-Level Tokens (xapp-)")}
        ),
    }
    missing = [f"  {name}: {where}" for name, (value, where) in wanted.items() if value is None]
    if missing:
        lines = "\n".join(missing)
        raise ConfigError(
            f"Not set, so Slack cannot be reached; find them at https://api.slack.com/apps, in your app:\n{lines}\n"
            "docs/slack.md goes through it step by step. To try trainwatch without any account: make demo"
        )


def poll_settings(settings: Settings) -> PollSettings:
    """How to poll, from the settings."""
    interval = settings.trainwatch_poll_interval
    return PollSettings(
        pace=PollIntervals(running=interval, waiting=interval * 4, longest=max(timedelta(minutes=10), interval)),
        concurrency=settings.trainwatch_poll_concurrency,
        lease=settings.trainwatch_lease,
        lookback=settings.trainwatch_lookback,
        overlap=settings.trainwatch_overlap,
        drain=settings.trainwatch_drain,
    )


async def check(settings: Settings) -> list[CheckResult]:
    """Look at everything that can be set up wrong: Slack, the database, every platform."""
    results = []
    try:
        require_slack(settings)
    except ConfigError as problem:
        results.append(CheckResult("Slack tokens", False, "missing", problem.public))
    if settings.slack_bot_token is not None:
        client = create_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        socket = settings.trainwatch_slack_mode == "socket" and settings.slack_app_token
        results += await check_slack(client, socket.get_secret_value() if socket else None)
    results += _check_files(settings)
    async with assemble(settings) as parts:
        results += await parts.store.check()
        results += await asyncio.gather(*(_check_platform(parts.registry, name) for name in parts.registry.names))
        results += _check_unusable(parts.registry)
    return results


def _check_unusable(registry: Registry) -> list[CheckResult]:
    """The platforms that cannot be used: wrong only where something of them is set, or where there is no other."""
    config = provider_config()
    results = []
    for name, problem in registry.problems.items():
        prefix = settings_prefix(name)
        is_unused = bool(registry.names) and not any(key.startswith(f"{prefix}_") for key in config)
        results.append(CheckResult(name, is_unused, "not in use" if is_unused else "not set up", problem.public))
    return results


def _check_files(settings: Settings) -> list[CheckResult]:
    """The installation's own files, those that it has."""
    results = []
    files = (
        ("Own signatures", settings.trainwatch_signatures, load_reader),
        ("Own rule settings", settings.trainwatch_rules, load_rules),
    )
    for subject, path, load in files:
        if path is None:
            continue
        try:
            load(path)
        except ConfigError as problem:
            results.append(CheckResult(subject, False, problem.public, "Mend the file, or unset the variable."))
        else:
            results.append(CheckResult(subject, True, f"{path} is read"))
    return results


async def _check_platform(registry: Registry, name: str) -> CheckResult:
    prefix = settings_prefix(name).upper()
    try:
        jobs = await registry.get(name).list_jobs(limit=1)
    except NotSupported as error:
        return CheckResult(name, True, error.public)
    except AuthFailed as error:
        return CheckResult(name, False, error.public, f"Set {prefix}_API_KEY to a key that is valid for this platform.")
    except ProviderError as error:
        return CheckResult(name, False, error.public, f"Check the network and {prefix}_BASE_URL, then try again.")
    return CheckResult(name, True, "reached, key accepted" if jobs else "reached, key accepted, no jobs")


def configure_logging(settings: Settings) -> None:
    """Log to standard error, redacted, as JSON lines or in colour. Modules log with `logging`; structlog formats."""
    level = logging.getLevelNamesMapping()[settings.trainwatch_log_level.upper()]
    pretty = settings.trainwatch_log_format == "console" or (
        settings.trainwatch_log_format == "auto" and sys.stderr.isatty()
    )
    redactor = Redactor(settings.secrets)
    first: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if pretty
        else structlog.processors.JSONRenderer()
    )

    def redact_lines(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {name: redactor.redact(value)[0] if isinstance(value, str) else value for name, value in event.items()}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_lines, last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
