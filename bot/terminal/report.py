"""What a log means, as a report for a terminal: plain text, coloured where there are colours. Pure.

`trainwatch scan` writes it for a file and `trainwatch diagnose` for a job; no table library is loaded for it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.durations import datetime_from_ns
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import describe_progress, describe_ranks, describe_reason
from bot.terminal.log_lines import escape_controls

_INDENT = "      "
_MARK = "\u25b6 "
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS = {"page": "\x1b[1;31m", "warn": "\x1b[1;33m", "info": "\x1b[34m"}


def report_text(diagnosis: Diagnosis, *, colour: bool = False, width: int = 100) -> str:
    """The whole report: how bad it is, each incident, worst first, and how far the run came."""
    paint = _Paint(colour)
    loud = [one for one in diagnosis.failures if one.severity != "info"]
    notes = [one for one in diagnosis.failures if one.severity == "info"]
    parts = [headline(diagnosis)]
    parts += [incident_text(one, colour=colour, width=width).rstrip("\n") for one in loud]
    if notes:
        rows = [f"{paint('info', 'info')}  {escape_controls(one.title)} {paint.dim(_where(one))}" for one in notes]
        parts.append("\n".join(rows))
    parts.append(paint.dim(_footer(diagnosis)))
    return "\n\n".join(parts) + "\n"


def headline(diagnosis: Diagnosis) -> str:
    """One sentence: is there something to do?"""
    pages = sum(one.severity == "page" for one in diagnosis.failures)
    warnings = sum(one.severity == "warn" for one in diagnosis.failures)
    if pages:
        more = f", and {plural(warnings, 'warning')}" if warnings else ""
        return f"{plural(pages, 'thing')} that {'needs' if pages == 1 else 'need'} you{more}."
    if warnings:
        return f"Nothing that needs you at once; {plural(warnings, 'warning')}."
    return "Nothing that needs you."


def incident_text(incident: Failure, *, colour: bool = False, width: int = 100) -> str:
    """One incident: what, where, why, its lines with the root marked, and what to try."""
    paint = _Paint(colour)
    head = f"{paint(incident.severity, incident.severity.upper())}  {paint.bold(escape_controls(incident.title))}"
    rows = [head, *_wrapped(_where(incident), width), *_wrapped(describe_reason(incident), width), ""]
    rows += list(_excerpt(incident, paint))
    if incident.hint:
        rows += ["", *_wrapped(f"Try: {incident.hint}", width)]
    return "\n".join(rows) + "\n"


def _where(incident: Failure) -> str:
    """Line, ranks, times and how often."""
    label = "rank" if isinstance(incident.root_rank, int) else "on"
    parts = [
        f"line {incident.line:,}",
        f"{label} {escape_controls(describe_ranks(incident))}" if incident.ranks else "",
        _times(incident),
        f"{incident.count:,} times" if incident.count > 1 else "",
    ]
    return " · ".join(part for part in parts if part)


def _times(incident: Failure) -> str:
    first, last = incident.first_ns, incident.last_ns
    if first is None:
        return ""
    began = _moment(first)
    return f"since {began}" if last is None or last - first < 1_000_000_000 else f"{began} to {_moment(last)}"


def _moment(moment_ns: int) -> str:
    try:
        return f"{datetime_from_ns(moment_ns):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError):  # a clock that is far off
        return "an impossible time"


def _excerpt(incident: Failure, paint: _Paint) -> Iterator[str]:
    root = incident.root_at
    for place, line in enumerate(incident.excerpt):
        text = escape_controls(line.rstrip())
        if place == root:
            yield f"{_INDENT}{paint(incident.severity, _MARK + text)}"
        else:
            yield f"{_INDENT}  {paint.dim(text)}"


def _footer(diagnosis: Diagnosis) -> str:
    progress = describe_progress(diagnosis.progress)
    last_ns = diagnosis.progress.last_ns
    seen = f", last at {_moment(last_ns)}" if last_ns is not None and progress else ""
    said = f"Progress: {progress}{seen}." if progress else "The log tells no progress."
    return f"{said}\n{plural(diagnosis.lines, 'line')} read."


def _wrapped(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(
        escape_controls(text), max(width, 40), initial_indent=_INDENT, subsequent_indent=_INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


class _Paint:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, severity: str, text: str) -> str:
        return f"{_COLOURS[severity]}{text}{_RESET}" if self._colour else text

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_RESET}" if self._colour else text

    def dim(self, text: str) -> str:
        return f"{_DIM}{text}{_RESET}" if self._colour else text
