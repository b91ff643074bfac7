"""Composition root of `trainwatch mcp`: build the server from the settings, and serve it."""

import contextlib
from importlib.metadata import version

from bot.agents.calls import Caller, ToolCalls
from bot.agents.server import build_server
from bot.agents.transports import read_http_options, serve_agent_by_stdio, serve_agents_by_http
from bot.commands.channel_runner import ChannelRunner
from bot.commands.handlers.job_lookup import JobDirectory
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.shell import McpCommand
from bot.commands.user_config import load_access, load_diagnosis_config, load_secret_patterns
from bot.environment import provider_config
from bot.errors import ConfigError
from bot.logging_config import configure_logging
from bot.providers.budget import EMPTY_READING_S, BudgetLimits
from bot.providers.registry import build_registry
from bot.redaction.redactor import Redactor
from bot.settings import Settings
from bot.slack.client import create_client
from bot.slack.gate import Gate
from bot.slack.shared_channels import SharedChannels
from bot.slack.user_groups import UserGroups
from bot.steady_clock import PROCESS_CLOCK
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store


async def serve_agents(settings: Settings, command: McpCommand) -> None:
    """Serve agents until the input ends or the process is asked to stop.

    Raises:
        UsageError: the address is invalid.
        ConfigError: a setting, a file or the database cannot be used.
    """
    token = settings.trainwatch_mcp_token
    http = None
    if command.http is not None:
        http = read_http_options(command.http, token.get_secret_value() if token else None, command.hosts)
    patterns = load_secret_patterns(settings.trainwatch_secret_patterns)
    configure_logging(settings, patterns)
    config = load_diagnosis_config(settings.trainwatch_signatures, settings.trainwatch_rules)
    async with contextlib.AsyncExitStack() as stack:
        store = await _open_database(settings.database_url.get_secret_value())
        stack.push_async_callback(store.aclose)
        registry = build_registry(provider_config())
        stack.push_async_callback(registry.aclose)
        redactor, directory = Redactor(settings.secrets, patterns), JobDirectory(store.known_jobs.save)
        user = settings.trainwatch_user
        runner = CommandRunner(registry, PROCESS_CLOCK, redactor, lambda: config, user, directory)
        calls = create_calls(
            settings, ChannelRunner(runner, store, poll_interval=settings.trainwatch_poll_interval), command
        )
        stack.push_async_callback(calls.drain)
        server = build_server(calls, version("trainwatch"))
        await (serve_agent_by_stdio(server) if http is None else serve_agents_by_http(server, http))


def create_calls(settings: Settings, runner: ChannelRunner, command: McpCommand) -> ToolCalls:
    """Return what answers the calls, with the roles of the person in whose name agents call."""
    store, clock, token = runner.store, runner.runner.clock, settings.slack_bot_token
    policy = load_access(settings.trainwatch_access).for_agents(is_named=bool(command.user))
    gate = Gate(
        policy,
        store.audit,
        runner.runner.redactor,
        clock,
        UserGroups(clock),
        SharedChannels(clock),
        store.known_jobs.find,
    )
    return ToolCalls(
        runner,
        gate,
        create_client(token.get_secret_value() if token else None, settings.slack_api_url),
        Caller(command.user, command.channel, settings.trainwatch_user),
        BudgetLimits(
            settings.trainwatch_command_requests, settings.trainwatch_command_time.total_seconds(), EMPTY_READING_S
        ),
        has_slack=token is not None,
    )


async def _open_database(url: str) -> Store:
    """Open the database, and create its tables if there are none. An older one is left to whoever runs the bot.

    Raises:
        ConfigError: it cannot be used.
    """
    store = await open_store(url)
    problem = next((one for one in await store.check(with_integrity=False) if not one.ok), None)
    if problem is not None:
        await store.aclose()
        raise ConfigError(f"{problem.subject}: {problem.found}. {problem.remedy or ''} Calls are recorded there.")
    await upgrade(url)
    return store
