"""The readable results of tools: plain text, bounded, with everything foreign inside a fence. Pure."""

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape

from bot.agents.documents import cut_lines, next_page
from bot.agents.tool_arguments import JsonArguments, call_of, field_names
from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.subcommands.audit import AuditAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import ConfirmAnswer, UnwatchAnswer
from bot.domain.wording import plural
from bot.errors import UsageError
from bot.slack.render.answers import render as render_message
from bot.slack.render.message import Message
from bot.terminal.audit import render_audit_table
from bot.terminal.log_lines import LineFormat, LineFormatter
from bot.terminal.render.answers import render as render_for_terminal
from bot.terminal.render.screen import Screen

MAX_TEXT = 120_000
"""Characters of a text; those of log lines have a smaller limit, `documents.MAX_LINE_CHARS`."""
_SCREEN = Screen()
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_SHOWN_ELSEWHERE = frozenset({"actions", "image", "data_visualization", "button", "overflow", "static_select"})


def text_of(answer: Answer, fence: str) -> str:
    """Return the text of an answer.

    Args:
        answer: the answer.
        fence: a word that nobody can guess, so that foreign text cannot end the fence.
    """
    if isinstance(answer, ErrorAnswer):
        return error_text(answer, fence)
    body, notes = _body(answer)
    return "\n".join([fenced(_cut(body.rstrip()), fence), *notes])


def error_text(answer: ErrorAnswer, fence: str) -> str:
    """Return what was wrong, the rule and the fix; with the jobs that may have been meant."""
    jobs = [" ".join(filter(None, (str(one.ref), one.name, one.state))) for one in answer.suggestions]
    return "\n".join([_cut(field_names(answer.public)), *([fenced("\n".join(jobs), fence)] if jobs else [])])


def fenced(text: str, fence: str) -> str:
    """Enclose foreign text, so that an agent sees where data begins and ends."""
    return f'<data id="{fence}">\n{text}\n</data id="{fence}">'


def _body(answer: Answer) -> tuple[str, list[str]]:
    """The text inside the fence, and our notes after it."""
    match answer:
        case LogsAnswer():
            return _lines(answer)
        case MetricsAnswer() | StatusAnswer() | DiagnosisAnswer() | JobsAnswer() | RulesAnswer() | ReplayAnswer():
            return render_for_terminal(answer, _SCREEN), []
        case AuditAnswer():
            return render_audit_table(answer, _SCREEN), []
        case UnwatchAnswer(undo=str(undo)) if undo:
            return message_text(render_message(answer)), [_next(undo, "To undo it, call")]
        case ConfirmAnswer():
            return answer.question, [_next(answer.command, "Nothing has changed yet. After the person agrees, call")]
        case _:
            return message_text(render_message(answer)), []


def _lines(answer: LogsAnswer) -> tuple[str, list[str]]:
    lines, shortened = cut_lines(answer.lines)
    body = LineFormatter(LineFormat.PLAIN_SCREEN).text(lines) or "No lines.\n"
    body += "".join(f"{gap.public}\n" for gap in answer.gaps)
    notes = [f"{plural(len(lines), 'line')} of {answer.job}, {plural(answer.read, 'line')} read."]
    notes += [f"Not shown: {field_names(str(one))}." for one in answer.cuts]
    notes += answer.notes
    notes += [f"{plural(answer.redacted, 'secret')} hidden."] if answer.redacted else []
    notes += [f"{plural(shortened, 'long line')} cut; ask for fewer lines to see more of each."] if shortened else []
    for name, page in (("Older", answer.older), ("Newer", answer.newer)):
        if (arguments := next_page(page)) is not None:
            notes.append(f"{name} lines: call `logs` with {_json(arguments)}")
    return body, notes


def _next(text: str, why: str) -> str:
    try:
        call = call_of(text)
    except UsageError:
        call = None
    return f"{why} `{call[0]}` with {_json(call[1])}" if call is not None else ""


def _json(arguments: JsonArguments) -> str:
    return json.dumps(arguments, ensure_ascii=False)


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    kept = text[:MAX_TEXT].rpartition("\n")[0] or text[:MAX_TEXT]
    return f"{kept}\n[showing {len(kept):,} of {len(text):,} characters; narrow what you ask for]"


def message_text(shown: Message) -> str:
    """Return the words of a Slack message without its buttons, as plain text."""
    text = "\n".join(_words(shown.blocks)) or shown.text
    text = _DATE.sub(r"\1", text)
    return unescape(_LINK.sub(r"\2 (\1)", text)).replace("*", "")


def _words(value: object) -> Iterator[str]:
    match value:
        case {"type": str(kind)} if kind in _SHOWN_ELSEWHERE:
            return
        case {"text": str(text)}:
            yield text
        case dict():
            for item in value.values():
                yield from _words(item)
        case list() | tuple():
            items: Sequence[object] = value
            for item in items:
                yield from _words(item)
