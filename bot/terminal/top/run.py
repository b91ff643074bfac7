# ruff: noqa: PLC0415 - one frame needs no textual
"""Run `trainwatch top`: live on a terminal, else one frame as text or JSON."""

from collections.abc import Sequence

from bot.commands.runner import CommandRunner
from bot.commands.subcommands.shell import TopCommand
from bot.domain.jobs import JobRef
from bot.terminal.exit_codes import ExitCode
from bot.terminal.json_output import JsonObject, job_json, json_text, time_json
from bot.terminal.output import Output
from bot.terminal.render.screen import join_lines
from bot.terminal.top.board import TopBoard, TopRow, View, chosen_rows
from bot.terminal.top.frame import single_frame
from bot.terminal.top.reader import ReadAlerts, TopReader

SINGLE_ROWS = 50
"""Jobs of which one frame has the details."""


async def run_top(
    command: TopCommand, runner: CommandRunner, output: Output, alerts: ReadAlerts | None, *, is_live: bool
) -> int:
    """Show the jobs until a key ends it, or once; return the exit code.

    Args:
        command: what was typed.
        runner: answers every command.
        output: of the process.
        alerts: reads the open alerts; None without a database.
        is_live: whether input and output are a terminal that can move its cursor.

    Raises:
        ConfigError: no platform is set up.
        UsageError: a pattern cannot be used.
    """
    reader = TopReader(runner, command.matchers, alerts)
    try:
        if is_live and not command.once and not command.json:
            from bot.terminal.top.app import TopApp
            from bot.terminal.top.views import TopContext

            app = TopApp(TopContext(reader, runner, output))
            code = await app.run_async(mouse=False)
            if app.failure is not None:
                output.note(f"trainwatch: Internal error ({app.failure}). Please report it, with the keys you pressed.")
            return ExitCode.FAILED if code is None else code
        board = await _read_once(reader, output)
    finally:
        await reader.aclose()
    if command.json:
        output.write(json_text(top_json(board)))
    else:
        output.write(join_lines(single_frame(board, View(rows=SINGLE_ROWS), output.screen)))
    return ExitCode.FAILED if _is_blind(board) else ExitCode.OK


async def _read_once(reader: TopReader, output: Output) -> TopBoard:
    def choose(board: TopBoard) -> Sequence[JobRef]:
        return [row.job.ref for row in chosen_rows(board.rows, View())[:SINGLE_ROWS]]

    output.progress("Reading jobs.")
    board = await reader.read_once(choose)
    if reader.failure is not None:
        raise reader.failure
    return board


def _is_blind(board: TopBoard) -> bool:
    """Whether a platform that lists jobs could not be listed."""
    return any(one.problem is not None and one.is_failure for one in board.platforms)


def top_json(board: TopBoard) -> JsonObject:
    """All jobs, those that need a person first, and what could not be read."""
    return {
        "at": time_json(board.at),
        "jobs": [_row_json(row) for row in chosen_rows(board.rows, View())],
        "platforms": [
            {"provider": one.name, "problem": one.problem, "listed_at": time_json(one.listed_at)}
            for one in board.platforms
        ],
        "notes": list(board.notes),
    }


def _row_json(row: TopRow) -> JsonObject:
    used, limit = row.memory or (None, None)
    return {
        "job": job_json(row.job),
        "is_read": row.detail.answer is not None,
        "progress": None if row.progress is None else row.progress.to_json(),
        "gpu_utilization_ratio": row.utilization,
        "gpu_memory_used_bytes": used,
        "gpu_memory_limit_bytes": limit,
        "alerts": [
            {"severity": one.severity.value, "title": one.title, "since": time_json(one.since)} for one in row.alerts
        ],
        "trouble": row.trouble or None,
    }
