"""Composition root of the bot: build all components from the settings, run them, and shut down cleanly.

The command line is `bot.__main__`.
"""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta

from slack_bolt.async_app import AsyncApp

from bot.charts.painter import Painter
from bot.check import check_network, load_webhooks, require_slack_tokens
from bot.commands.channel_runner import ChannelRunner
from bot.commands.handlers.job_lookup import JobDirectory
from bot.commands.runner import CommandRunner
from bot.commands.user_config import load_access, load_diagnosis_config, load_secret_patterns
from bot.domain.access import AccessPolicy
from bot.domain.checks import (
    BOARD_LOOP,
    CLOCK_LOOP,
    DELIVERY_LOOP,
    DIGEST_LOOP,
    HOME_LOOP,
    LISTING_LOOP,
    POLL_LOOP,
    PURGE_LOOP,
    REMINDER_LOOP,
)
from bot.domain.destinations import webhook_name
from bot.domain.downtime import find_downtime
from bot.domain.grouping import Grouping
from bot.environment import provider_config
from bot.errors import ConfigError
from bot.health.canary import CANARY_CHANNEL, Canary, CanaryRoute
from bot.health.database_monitor import DatabaseMonitor
from bot.health.dead_man_switch import DeadManSwitch
from bot.health.exposition import Exposition
from bot.health.monitor import ClockReading, HealthMonitor
from bot.health.server import serve_health
from bot.health.slack_monitor import SlackMonitor
from bot.logging_config import configure_logging
from bot.notifiers.dispatch import ChannelNotifier, DispatchingNotifier
from bot.notifiers.http_post import WebhookClient
from bot.notifiers.webhooks import WebhookNotifier
from bot.providers.budget import EMPTY_READING_S, BudgetLimits
from bot.providers.registry import build_registry
from bot.redaction.redactor import Redactor
from bot.settings import Settings
from bot.slack.connection import SocketConnection, create_app
from bot.slack.contacts import Contacts
from bot.slack.copies import CopyCleaner, watch_copies
from bot.slack.find_posts import PostHistory
from bot.slack.gate import Gate
from bot.slack.home_refresh import HomeRefresher
from bot.slack.http_mode import RequestReceiver, serve_http
from bot.slack.listeners import Listeners, register
from bot.slack.notifier import SlackNotifier
from bot.slack.pictures import Pictures
from bot.slack.seen_once import SeenOnce
from bot.steady_clock import PROCESS_CLOCK, SteadyClock
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.boards import BoardJob
from bot.watcher.clock_sync import ClockSync, ClockSyncSettings
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.delivery_group import DeliveryGroup
from bot.watcher.digest import DigestJob
from bot.watcher.intervals import PollIntervals
from bot.watcher.listing import JobLister, ListingSettings
from bot.watcher.poll import Poller, PollSettings
from bot.watcher.reconcile import FollowUps, ReconcileSettings
from bot.watcher.remind import ReminderJob
from bot.watcher.schedule import LoopBeats, PurgeJob, Worker, run_loop

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run the bot until SIGINT or SIGTERM.

    Raises:
        ConfigError: a Slack token is missing or invalid, the database is unusable, or a configuration file is invalid.
    """
    require_slack_tokens(settings)
    patterns = load_secret_patterns(settings.trainwatch_secret_patterns)
    configure_logging(settings, patterns)
    database_url = settings.database_url.get_secret_value()
    await upgrade(database_url)
    async with contextlib.AsyncExitStack() as stack:
        registry = build_registry(provider_config())
        stack.push_async_callback(registry.aclose)
        store = await open_store(database_url)
        stack.push_async_callback(store.aclose)
        access = load_access(settings.trainwatch_access)
        clock = PROCESS_CLOCK
        webhooks = WebhookNotifier(load_webhooks(settings.trainwatch_webhooks), WebhookClient(), clock)
        stack.push_async_callback(webhooks.aclose)
        store.set_webhooks(webhooks.configured)
        config = load_diagnosis_config(settings.trainwatch_signatures, settings.trainwatch_rules)
        for name, problem in registry.problems.items():
            log.warning("platform is not set up", extra={"platform": name, "reason": problem.public})
        for result in check_network():
            log.warning("the network settings cannot be used", extra={"reason": result.found})
        reduce_garbage_collection()
        platforms = list(registry.names)
        log.info("trainwatch started", extra={"mode": settings.trainwatch_slack_mode, "platforms": platforms})
        directory, redactor = JobDirectory(store.known_jobs.save), Redactor(settings.secrets, patterns)
        runner = CommandRunner(registry, clock, redactor, lambda: config, directory=directory)
        await _run_until_signal(
            _run(
                settings,
                ChannelRunner(runner, store, poll_interval=settings.trainwatch_poll_interval),
                clock,
                access,
                webhooks,
            )
        )
        log.info("trainwatch stopped")


async def _run_until_signal(work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def reduce_garbage_collection() -> None:
    """Exempt startup objects from garbage collection, and collect less often.

    Collection took a quarter of the CPU time of a poll (ADR 15). Objects outside cycles are still freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _run(
    settings: Settings,
    channel_runner: ChannelRunner,
    clock: SteadyClock,
    access: AccessPolicy,
    webhooks: WebhookNotifier,
) -> None:
    runner, store, app = channel_runner.runner, channel_runner.store, _create_slack_app(settings)
    clock_sync = ClockSync(store, clock, clock_sync_settings(settings))
    await clock_sync.start()
    downtime = find_downtime(await store.last_heartbeat(POLL_LOOP), clock(), settings.trainwatch_poll_interval)
    if downtime is not None:
        log.warning("trainwatch was down", extra={"since": downtime.since.isoformat()})
    polling = replace(poll_settings(settings), downtime=downtime, share=lambda: clock_sync.state.share)
    poller = Poller(runner.registry, store, clock, runner.redactor, runner.diagnosis_config(), polling)
    canary, painter = Canary(store, clock, settings.trainwatch_canary_every), Painter()
    slack = _create_slack_notifier(app, store, clock, painter)
    notifier = CanaryRoute(slack, canary)
    deliverer, delivery = _deliverers(settings, store, notifier, webhooks, clock, slack.follow_ups)
    listeners = _create_listeners(settings, app, channel_runner, clock, access, deliverer)
    socket, database_monitor = _create_socket(app, settings), DatabaseMonitor(store)
    slack_monitor = SlackMonitor(notifier.ping, socket.silence_s if socket else None)
    loops: dict[str, Worker] = {
        CLOCK_LOOP: clock_sync,
        POLL_LOOP: poller,
        DELIVERY_LOOP: delivery,
        **_store_loops(runner, store, settings, clock),
        HOME_LOOP: HomeRefresher(listeners.home, app.client),
        "canary": canary,
        "slack": slack_monitor,
        "database": database_monitor,
    }
    beats = LoopBeats()
    monitor = HealthMonitor(
        database_monitor,
        beats.ages_s,
        tuple(loops),
        slack_monitor,
        poller.platforms,
        lambda: ClockReading(clock_sync.state.offset, clock_sync.state.jumps),
    )
    if settings.trainwatch_ping_url is not None:
        loops["ping"] = DeadManSwitch(settings.trainwatch_ping_url.get_secret_value(), monitor)
    exposition = Exposition(store, runner.registry, monitor, canary, clock)
    try:
        async with asyncio.TaskGroup() as group:
            events = _receive_events(app, socket, settings, listeners.gate, SeenOnce(store.seen, clock))
            group.create_task(events, name="slack")
            if settings.trainwatch_health_port:
                host, port = settings.trainwatch_health_host, settings.trainwatch_health_port
                group.create_task(serve_health(monitor, exposition, host, port), name="health")
            for name, worker in loops.items():
                group.create_task(run_loop(name, worker, store, clock, beats=beats), name=name)
    except* ConfigError as problems:
        raise problems.exceptions[0] from None
    finally:
        await listeners.tasks.drain()
        painter.close()
        listeners.painter.close()


def _store_loops(runner: CommandRunner, store: Store, settings: Settings, clock: SteadyClock) -> dict[str, Worker]:
    """Return the loops that need no Slack."""
    listing = ListingSettings(settings.trainwatch_poll_interval)
    return {
        LISTING_LOOP: JobLister(runner.registry, store, clock, runner.redactor, listing),
        REMINDER_LOOP: ReminderJob(store, clock),
        DIGEST_LOOP: DigestJob(store, clock, grouping(settings)),
        BOARD_LOOP: BoardJob(store, clock),
        PURGE_LOOP: PurgeJob(store, clock, audit_kept_for=settings.trainwatch_audit_keep),
    }


def _create_listeners(
    settings: Settings,
    app: AsyncApp,
    channel_runner: ChannelRunner,
    clock: SteadyClock,
    access: AccessPolicy,
    deliverer: Deliverer,
) -> Listeners:
    store, resume = channel_runner.store, deliverer.resume_channel
    command_s = settings.trainwatch_command_time.total_seconds()
    limits = BudgetLimits(settings.trainwatch_command_requests, command_s, EMPTY_READING_S)
    listeners = Listeners(channel_runner, store, clock, access=access, resume_channel=resume, limits=limits)
    register(app, listeners)
    watch_copies(app, CopyCleaner(store.copies, clock, listeners.tasks))
    return listeners


def _deliverers(
    settings: Settings,
    store: Store,
    slack: ChannelNotifier,
    webhooks: WebhookNotifier,
    clock: SteadyClock,
    follow_ups: FollowUps,
) -> tuple[Deliverer, Worker]:
    """Return what delivers to Slack, and what delivers to everything: an outage of Slack does not delay webhooks."""
    options = DeliverySettings(lease=settings.trainwatch_lease, local_channels=frozenset({CANARY_CHANNEL}))
    has_webhooks = bool(webhooks.configured)
    to_slack = Deliverer(
        store,
        DispatchingNotifier(slack, webhooks, pings=slack),
        clock,
        options,
        follow_ups=follow_ups,
        accepts=lambda channel: not has_webhooks or webhook_name(channel) is None,
    )
    if not has_webhooks:
        return to_slack, to_slack
    notifier = DispatchingNotifier(slack, webhooks, pings=webhooks)
    for_events = replace(options, reconcile=ReconcileSettings(enabled=False))
    events = Deliverer(store, notifier, clock, for_events, accepts=lambda channel: webhook_name(channel) is not None)
    return to_slack, DeliveryGroup(to_slack, events)


def _create_slack_notifier(app: AsyncApp, store: Store, clock: SteadyClock, painter: Painter) -> SlackNotifier:
    contacts = Contacts(app.client, store.preferences, clock)
    return SlackNotifier(app.client, contacts, PostHistory(app.client, clock), Pictures(app.client, painter))


def _create_slack_app(settings: Settings) -> AsyncApp:
    assert settings.slack_bot_token is not None
    secret = settings.slack_signing_secret
    return create_app(
        settings.slack_bot_token.get_secret_value(),
        api_url=settings.slack_api_url,
        signing_secret=secret.get_secret_value() if secret else None,
    )


def _create_socket(app: AsyncApp, settings: Settings) -> SocketConnection | None:
    """Return the connection of Socket Mode; None in HTTP mode."""
    if settings.trainwatch_slack_mode == "http":
        return None
    assert settings.slack_app_token is not None
    return SocketConnection(app, settings.slack_app_token.get_secret_value())


async def _receive_events(
    app: AsyncApp, socket: SocketConnection | None, settings: Settings, gate: Gate, seen: SeenOnce
) -> None:
    if socket is not None:
        await socket.run()
        return
    assert settings.slack_signing_secret is not None
    secret = settings.slack_signing_secret.get_secret_value()
    receiver = RequestReceiver(app, secret, seen, gate)
    await serve_http(receiver, host=settings.trainwatch_http_host, port=settings.trainwatch_http_port)


def poll_settings(settings: Settings) -> PollSettings:
    """Derive the poll settings."""
    interval = settings.trainwatch_poll_interval
    return PollSettings(
        intervals=PollIntervals(running=interval, waiting=interval * 4, longest=max(timedelta(minutes=10), interval)),
        concurrency=settings.trainwatch_poll_concurrency,
        lease=settings.trainwatch_lease,
        lookback=settings.trainwatch_lookback,
        overlap=settings.trainwatch_overlap,
        drain=settings.trainwatch_drain,
        grouping=grouping(settings),
    )


def grouping(settings: Settings) -> Grouping:
    """Derive how alerts are grouped."""
    return Grouping(
        group_wait=settings.trainwatch_group_wait,
        group_interval=settings.trainwatch_group_interval,
        storm_size=settings.trainwatch_storm_size,
        reopen_within=settings.trainwatch_reopen_within,
        most_firings=settings.trainwatch_flap_firings,
        flap_window=settings.trainwatch_flap_window,
        calm_after=settings.trainwatch_flap_calm,
    )


def clock_sync_settings(settings: Settings) -> ClockSyncSettings:
    """Derive how long a due time may be away: twice the longest wait, for jitter."""
    polls, deliveries = poll_settings(settings), DeliverySettings()
    longest_poll = max(polls.intervals.longest, polls.intervals.waiting, polls.intervals.running * 2, polls.lease)
    return ClockSyncSettings(
        lease=settings.trainwatch_lease,
        furthest_poll=longest_poll * 2,
        furthest_delivery=max(deliveries.longest_retry, settings.trainwatch_lease, timedelta(hours=1)) * 2,
    )
