# ruff: noqa: PLC0415 - each command imports only what it needs
"""Entry point of the command line: run one command and exit with its exit code.

Each command imports only what it needs, to keep `--help` fast. `bot.commands.subcommands` defines the commands.
"""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands import shell
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.audit import AuditCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.table import HelpCommand, SharedCommand, ShellCommand
from bot.errors import BotError, ConfigError, UsageError
from bot.terminal.colour_option import take_colour_option
from bot.terminal.exit_codes import ExitCode
from bot.terminal.system_zone import SystemZone

if TYPE_CHECKING:
    from bot.commands.runner import CommandRunner
    from bot.redaction.user_patterns import UserPattern
    from bot.rules.diagnosis_config import DiagnosisConfig

_PIPE_WIDTH = 80
"""The width of help in a pipe or a file."""
_GC_THRESHOLD = 20_000


def main() -> None:
    """Run the command in `sys.argv`."""
    gc.set_threshold(_GC_THRESHOLD)  # imports make no garbage, so most collections would find none
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        words, colour = take_colour_option(argv)
        if colour in ("always", "never"):
            from bot.environment import choose_colour

            choose_colour(colour)
        code = _dispatch(parse_argv(words, InputContext(datetime.now(UTC), SystemZone())))
        sys.stdout.flush()
        return code
    except BotError as problem:  # `public` never contains secrets
        usage = f"\nUsage: {problem.usage}" if isinstance(problem, UsageError) and problem.usage else ""
        sys.stderr.write(f"trainwatch: {problem.public}{usage}\n")
        return ExitCode.USAGE if isinstance(problem, UsageError | ConfigError) else ExitCode.FAILED
    except BrokenPipeError:
        # The reader closed the pipe. Redirect stdout, because Python flushes it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _dispatch(command: ShellCommand) -> int:
    match command:
        case HelpCommand():
            return _help(command)
        case shell.VersionCommand():
            return _version()
        case shell.InitCommand():
            return _init()
        case shell.ServeCommand():
            return _serve()
        case shell.McpCommand():
            return _mcp(command)
        case shell.CheckCommand():
            return _check(command)
        case shell.UpgradeCommand():
            return _upgrade()
        case shell.ScanCommand():
            return _scan(command)
        case shell.CompletionCommand():
            return _completion(command)
        case AuditCommand():
            return _audit(command)
        case shell.TopCommand():
            return _top(command)
        case _:
            import asyncio

            return asyncio.run(_run_session(command))


def _help(command: HelpCommand) -> int:
    from bot.environment import process_variables
    from bot.terminal.help import help_page
    from bot.terminal.width import terminal_width

    width = terminal_width(process_variables(), sys.stdout, sys.stderr) or _PIPE_WIDTH
    sys.stdout.write(help_page(command, width))
    return ExitCode.OK


def _version() -> int:
    from importlib.metadata import version

    sys.stdout.write(f"trainwatch {version('trainwatch')}\n")
    return ExitCode.OK


def _completion(command: shell.CompletionCommand) -> int:
    from bot.terminal.completion import completion_script

    sys.stdout.write(completion_script(command.shell))
    return ExitCode.OK


def _init() -> int:
    from pathlib import Path

    from bot.guided_setup.dialog import run_setup, standard_prompter

    return ExitCode.OK if run_setup(standard_prompter(), Path.cwd()) else ExitCode.FAILED


def _serve() -> int:
    import asyncio

    from bot import app
    from bot.settings import load_settings

    asyncio.run(app.serve(load_settings()))
    return ExitCode.OK


def _mcp(command: shell.McpCommand) -> int:
    import asyncio
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise ConfigError("`trainwatch mcp` needs a package. From the checkout: uv tool install --force '.[mcp]'")
    from bot.agent_server import serve_agents
    from bot.settings import load_settings

    asyncio.run(serve_agents(load_settings(), command))
    return ExitCode.OK


def _check(command: shell.CheckCommand) -> int:
    import asyncio

    from bot.environment import provider_config
    from bot.settings import load_settings
    from bot.terminal.output import standard_output

    settings = load_settings()
    if command.health:  # runs every 30 s in a container, so import little
        from bot.terminal.health import HealthAddress, check_health

        address = HealthAddress(settings.trainwatch_health_host, settings.trainwatch_health_port)
        database_url = settings.database_url.get_secret_value()
        results = asyncio.run(check_health(database_url, datetime.now(UTC), address))
    else:
        from bot.check import check_setup

        results = asyncio.run(check_setup(settings))
    output = standard_output(provider_config())
    if command.json:
        from bot.terminal.json_output import checks_json

        output.write(checks_json(results))
    else:
        from bot.terminal.render.answers import render_checks

        output.write(render_checks(results, output.screen))
    return ExitCode.OK if all(result.ok for result in results) else ExitCode.FAILED


def _scan(command: shell.ScanCommand) -> int:
    from dataclasses import replace
    from pathlib import Path

    from bot.commands.user_config import load_scanner
    from bot.environment import provider_config
    from bot.redaction.redactor import Redactor
    from bot.terminal.output import standard_output
    from bot.terminal.scan import scan
    from bot.terminal.scan_follow import follow_log

    variables = provider_config()
    signatures = variables.get("trainwatch_signatures")
    path = Path(signatures) if signatures else None
    scanner = load_scanner(path)
    output = replace(standard_output(variables), show_progress=sys.stderr.isatty())
    redactor = Redactor((), _secret_patterns(variables))
    if command.report:
        from bot.terminal.scan_copy import write_copy

        return write_copy(command, scanner, output, redactor)
    if command.follow:
        return follow_log(command, scanner, output, redactor)
    return scan(command, scanner, output, redactor, path)


def _audit(command: AuditCommand) -> int:
    import asyncio

    from bot.environment import provider_config
    from bot.settings import load_settings
    from bot.terminal.audit import audit_text
    from bot.terminal.output import standard_output

    output, url = standard_output(provider_config()), load_settings().database_url.get_secret_value()
    output.write(asyncio.run(audit_text(command, url, output.screen)))
    return ExitCode.OK


def _upgrade() -> int:
    import asyncio

    from bot.settings import load_settings
    from bot.store.migrate import upgrade

    asyncio.run(upgrade(load_settings().database_url.get_secret_value()))
    sys.stderr.write("The database is up to date.\n")
    return ExitCode.OK


def _top(command: shell.TopCommand) -> int:
    import asyncio

    from bot.environment import provider_config
    from bot.settings import load_settings
    from bot.terminal.output import standard_output
    from bot.terminal.top.alerts import connect_alerts
    from bot.terminal.top.run import run_top

    variables = provider_config()
    output, url = standard_output(variables), load_settings().database_url.get_secret_value()
    is_terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    is_live = is_terminal and variables.get("term") not in ("dumb", "unknown")

    async def run() -> int:
        runner = _create_runner(variables)
        try:
            async with connect_alerts(url) as alerts:
                return await run_top(command, runner, output, alerts, is_live=is_live)
        finally:
            await runner.registry.aclose()

    return asyncio.run(run())


async def _run_session(command: LogsCommand | shell.FollowCommand | SharedCommand) -> int:
    from bot.environment import provider_config
    from bot.terminal.app import Session
    from bot.terminal.output import standard_output

    variables = provider_config()
    runner = _create_runner(variables)
    try:
        return await Session(runner, standard_output(variables)).run(command)
    finally:
        await runner.registry.aclose()


def _create_runner(variables: Mapping[str, str]) -> "CommandRunner":
    from bot.commands.runner import CommandRunner
    from bot.environment import secret_values
    from bot.providers.registry import build_registry
    from bot.redaction.redactor import Redactor

    redactor = Redactor(secret_values(variables), _secret_patterns(variables))
    config, user = (lambda: _diagnosis_config(variables)), variables.get("trainwatch_user")
    return CommandRunner(build_registry(variables), lambda: datetime.now(UTC), redactor, config, user)


def _secret_patterns(variables: Mapping[str, str]) -> "tuple[UserPattern, ...]":
    from pathlib import Path

    path = variables.get("trainwatch_secret_patterns")
    if not path:
        return ()
    from bot.commands.user_config import load_secret_patterns

    return load_secret_patterns(Path(path))


def _diagnosis_config(variables: Mapping[str, str]) -> "DiagnosisConfig":
    from pathlib import Path

    from bot.commands.user_config import load_diagnosis_config

    signatures, rules = (variables.get(name) for name in ("trainwatch_signatures", "trainwatch_rules"))
    return load_diagnosis_config(Path(signatures) if signatures else None, Path(rules) if rules else None)


if __name__ == "__main__":
    main()
