"""Answers in a modal: the buttons that page come first, because a phone shows the top, and there are more of them."""

from collections.abc import Sequence
from dataclasses import replace

from bot.commands.answers import Answer
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import MetricsAnswer, MetricsCommand
from bot.commands.subcommands.logs import LogsAnswer
from bot.domain.durations import datetime_from_ns, format_ns, ns_from_datetime
from bot.domain.logs import Level, LogLine
from bot.domain.overwritten_text import shown_text
from bot.slack.render.answers import render
from bot.slack.render.blocks import QUERY_MODAL, Action, actions, button, elements_of, menu, refine_button
from bot.slack.render.logs import render_logs, whole_query
from bot.slack.render.message import Block, Message
from bot.slack.render.metrics import render_metrics

_LONG = 3
"""Parts of an answer after which the buttons are repeated at the end."""
_MAX_MOMENTS = 25
_LAST = (Action.SHARE, f"{Action.OPEN}:{QUERY_MODAL}:refine")
"""The buttons at the end of the row."""


def render_answer_view(answer: Answer) -> Message:
    """The message of an answer, for a modal."""
    match answer:
        case LogsAnswer():
            return _with_tools(render_logs(answer), _log_tools(answer))
        case MetricsAnswer():
            return _with_tools(render_metrics(answer), _metric_tools(answer))
        case _:
            return render(answer)


def _with_tools(message: Message, tools: Sequence[Block | None]) -> Message:
    """The headline, one row of buttons, and then everything else; of a long answer, the row ends it too."""
    head, *rest = message.blocks
    shown = [block for block in rest if block["type"] != "actions"]
    own = [one for block in rest if block["type"] == "actions" for one in elements_of(block)]
    pages = [one for one in own if one["action_id"] not in _LAST]
    row = actions([*pages, *tools, *(one for one in own if one not in pages)])
    rows = [row] if row is not None else []
    return Message(message.text, (head, *rows, *shown, *(rows if len(shown) > _LONG else [])))


def _log_tools(answer: LogsAnswer) -> list[Block | None]:
    whole = whole_query(answer)
    level = whole.filter.min_level
    is_errors = level is not None and level >= Level.ERROR
    other = replace(whole, filter=replace(whole.filter, min_level=None if is_errors else Level.ERROR))
    label = "All levels" if is_errors else "Errors only"
    return [button(label, Action.SHOW, format_command(other), key="level"), _moments(answer)]


def _moments(answer: LogsAnswer) -> Block | None:
    """A menu of the worst lines: the log around each."""
    lines = _worst_lines(answer.lines)[:_MAX_MOMENTS]
    options = [
        (
            f"{datetime_from_ns(line.timestamp_ns):%H:%M:%S} {shown_text(line.message)}",
            f"logs {quote(str(answer.job))} --around {format_ns(line.timestamp_ns)}",
        )
        for line in lines
    ]
    return menu("Around an error…", Action.SHOW, options)


def _worst_lines(lines: Sequence[LogLine]) -> list[LogLine]:
    return [line for line in lines if line.level is not None and line.level >= Level.ERROR]


def _metric_tools(answer: MetricsAnswer) -> list[Block | None]:
    pinned, span = answer.pinned, answer.end - answer.start
    earlier = _moved(pinned, ns_from_datetime(answer.start - span), ns_from_datetime(answer.start))
    now = answer.at or answer.end
    end = min(answer.end + span, now)
    later = _moved(pinned, ns_from_datetime(answer.end), ns_from_datetime(end)) if end > answer.end else None
    gpus = format_command(replace(pinned, gpus=not pinned.gpus))
    return [
        button("◀ Earlier", Action.SHOW, earlier, key="earlier"),
        button("Later ▶", Action.SHOW, later, key="later") if later else None,
        button("Summary" if pinned.gpus else "Each GPU", Action.SHOW, gpus, key="gpus"),
        refine_button(format_command(pinned)),
    ]


def _moved(command: MetricsCommand, start_ns: int, end_ns: int) -> str:
    return format_command(replace(command, window=Window(start_ns=start_ns, end_ns=end_ns)))
