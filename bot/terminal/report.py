"""Render a diagnosis as plain or coloured text, for `trainwatch scan` and `trainwatch diagnose`. Pure.

Rich is not imported, because it would slow the start of `scan`.
"""

import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.reading.line_sources import with_rank_tag
from bot.domain.alerts import ExcerptLine
from bot.domain.durations import NS_PER_SECOND, datetime_from_ns
from bot.domain.levels import stated_level
from bot.domain.logs import Level
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import describe_progress, describe_ranks, describe_reason, describe_verdict
from bot.rules.nothing_found import describe_nothing_found, explains_end, lines_to_show, title_of_lines
from bot.terminal.excerpts import exception_span, highlight_match
from bot.terminal.log_lines import escape_controls

_INDENT = "      "
_MARK = "\u25b6 "
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS = {"page": "\x1b[1;31m", "warn": "\x1b[1;33m", "info": "\x1b[34m"}


FindMatch = Callable[[str, str], tuple[int, int] | None]
"""Returns where a signature, by its name, matches a line."""


def report_text(
    diagnosis: Diagnosis,
    *,
    has_ended: bool | None = None,
    ended_at: datetime | None = None,
    is_part: bool = False,
    colour: bool = False,
    width: int = 100,
    find_match: FindMatch | None = None,
) -> str:
    """Render the headline, the failures (worst first), else the last lines, and the progress of the run.

    Args:
        diagnosis: of the log.
        has_ended: whether the run ended without success; None if that is not known.
        ended_at: when it ended, for the work lost; None if it runs or if that is not known.
        is_part: only a part of the log was read.
        colour: whether to use colours.
        width: maximum length of a line of prose.
        find_match: finds the part of a decisive line to highlight, if there are colours.
    """
    problems = [one for one in diagnosis.failures if one.severity != "info"]
    notes = [one for one in diagnosis.failures if one.severity == "info"]
    parts = [headline(diagnosis, is_part=is_part)]
    parts += [failure_text(one, colour=colour, width=width, find_match=find_match).rstrip("\n") for one in problems]
    info = _paint("info", _COLOURS["info"], colour=colour)
    rows = [f"{info}  {escape_controls(one.title)} {_paint(_where(one), _DIM, colour=colour)}" for one in notes]
    parts += ["\n".join(rows)] if rows else []
    last = lines_to_show(diagnosis, has_ended=has_ended is not False, lines=diagnosis.lines)
    parts += [_last_lines(diagnosis, last, width, colour=colour)] if last else []
    footer = _footer(diagnosis, has_ended, ended_at, width) if diagnosis.lines else ""
    return "\n\n".join([*parts, *([_paint(footer, _DIM, colour=colour)] if footer else [])]) + "\n"


def headline(diagnosis: Diagnosis, *, is_part: bool = False) -> str:
    """Summarize the failures in one sentence."""
    pages = sum(one.severity == "page" for one in diagnosis.failures)
    warnings = sum(one.severity == "warn" for one in diagnosis.failures)
    if not pages and not warnings:
        if not diagnosis.lines and diagnosis.failures:
            return "No problem found in the dumps."
        return describe_nothing_found(diagnosis.lines, diagnosis.last_lines, is_part=is_part)
    found = f"{plural(pages, 'problem')} found" if pages else f"No known failure in {plural(diagnosis.lines, 'line')}"
    return f"{found}, {plural(warnings, 'warning')}." if warnings else f"{found}."


def failure_text(
    failure: Failure, *, colour: bool = False, width: int = 100, find_match: FindMatch | None = None
) -> str:
    """Render a failure: title, location, reason, excerpt with the root line marked, and hint."""
    severity = _paint(failure.severity.upper(), _COLOURS[failure.severity], colour=colour)
    title = _paint(escape_controls(failure.title), _BOLD, colour=colour)
    rows = [f"{severity}  {title}", *_wrapped(_where(failure), width), *_wrapped(describe_reason(failure), width), ""]
    for index, line in enumerate(failure.excerpt):
        is_root = index == failure.root_index
        style = _COLOURS[failure.severity] if is_root else _DIM
        shown = _excerpt_rows(line, width, is_root=is_root)
        if is_root and colour:
            shown = highlight_match(shown, _matched(failure, line, find_match))
        rows += [_paint(row, style, colour=colour) for row in shown]
    advice = [*filter(None, describe_verdict(failure.verdict))] if failure.verdict else []
    advice += [f"Try: {failure.hint}"] if failure.hint else []
    rows += ["", *(row for text in advice for row in _wrapped(text, width))] if advice else []
    return "\n".join(rows) + "\n"


def _matched(failure: Failure, line: str, find_match: FindMatch | None) -> str:
    """The part of a line that a signature matches, or the exception that it names."""
    text = escape_controls(with_rank_tag(line))
    span = (find_match(failure.signature, text) if find_match is not None else None) or exception_span(text)
    return text[slice(*span)] if span is not None else ""


def _excerpt_rows(line: str, width: int, *, is_root: bool) -> list[str]:
    return _log_rows(with_rank_tag(line), width, _MARK if is_root else "  ")


def _log_rows(text: str, width: int, mark: str = "") -> list[str]:
    """Wrap a line of the log; paths and addresses stay whole."""
    return textwrap.wrap(
        escape_controls(text.rstrip()), max(width, 40), initial_indent=f"{_INDENT}{mark}",
        subsequent_indent=f"{_INDENT}    ", break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip


def _last_lines(diagnosis: Diagnosis, lines: tuple[ExcerptLine, ...], width: int, *, colour: bool) -> str:
    rows = [f"{title_of_lines(lines, diagnosis.last_lines)}:"]
    for line in lines:
        level = line.level or stated_level(line.message)
        style = _COLOURS["page" if level >= Level.ERROR else "warn"] if level and level >= Level.WARNING else _DIM
        stamp = "" if line.timestamp_ns is None else f"{_time(line.timestamp_ns)} "
        for part in f"{stamp}{with_rank_tag(line.message)}".split("\n"):
            rows += [_paint(row, style, colour=colour) for row in _log_rows(part, width)]
    return "\n".join(rows)


def _where(failure: Failure) -> str:
    label = "rank" if isinstance(failure.root_rank, int) else "on"
    line = f"line {failure.line:,}" if failure.line else ""
    parts = [
        f"{escape_controls(failure.file or '')} {line}".strip(),
        f"{label} {escape_controls(describe_ranks(failure))}" if failure.ranks else "",
        _times(failure),
        f"{failure.count:,} occurrences" if failure.count > 1 else "",
    ]
    return " · ".join(part for part in parts if part)


def _times(failure: Failure) -> str:
    first_ns, last_ns = failure.first_ns, failure.last_ns
    if first_ns is None:
        return ""
    if last_ns is None or last_ns - first_ns < NS_PER_SECOND:
        return f"since {_time(first_ns)}"
    return f"{_time(first_ns)} to {_time(last_ns)}"


def _time(timestamp_ns: int) -> str:
    return f"{datetime_from_ns(timestamp_ns):%Y-%m-%d %H:%M:%S}"


def _footer(diagnosis: Diagnosis, has_ended: bool | None, ended_at: datetime | None, width: int) -> str:
    is_running = has_ended is not True and ended_at is None and not explains_end(diagnosis)
    progress = describe_progress(diagnosis.progress, is_running=is_running, ended_at=ended_at)
    last_ns = diagnosis.progress.last_ns
    last = f" · last at {_time(last_ns)}" if last_ns is not None and progress else ""
    summary = f"Last logged: {progress}{last}." if progress else "No training progress found in this log."
    wrapped = "\n".join(textwrap.wrap(summary, max(width, 40), break_long_words=False, break_on_hyphens=False))
    return f"{wrapped}\n{plural(diagnosis.lines, 'line')} read." if explains_end(diagnosis) else wrapped


def _wrapped(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(
        escape_controls(text), max(width, 40), initial_indent=_INDENT, subsequent_indent=_INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _paint(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour else text
