"""What a job's log means, as a message: the report that `trainwatch scan` writes for a file, for a phone."""

from __future__ import annotations

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity
from bot.domain.durations import datetime_from_ns
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import describe_progress, describe_ranks, describe_reason, root_line
from bot.slack.render import button_commands as commands
from bot.slack.render.actions import Action, actions, button
from bot.slack.render.blocks import context, fenced_sections, listed_sections, section
from bot.slack.render.jobs import job_link, job_name, state_sign, state_words
from bot.slack.render.log_lines import excerpt_rows
from bot.slack.render.logs import gap_notes
from bot.slack.render.message import (
    Block,
    Message,
    code,
    escape,
    linked_hint,
    message,
    moment,
    moments,
    one_line,
    plain_moment,
)

SIGNS = {Severity.PAGE: "🔴", Severity.WARN: "🟠", Severity.INFO: "🔵"}
_IN_FULL = 3
_EXCERPT = 1000
"""Characters of one incident's lines."""


def render_diagnosis(answer: DiagnosisAnswer) -> Message:
    """State, what broke worst first, how far it came."""
    loud = [one for one in answer.diagnosis.failures if one.severity != "info"]
    others = [*loud[_IN_FULL:], *(one for one in answer.diagnosis.failures if one.severity == "info")]
    job = answer.job
    progress = describe_progress(answer.diagnosis.progress)
    head = [
        f"{state_sign(job.state)} {job_link(job)} · *{state_words(job)}*",
        "" if loud else f"✅ {_quiet(answer)}",
        f"By its own lines: {escape(progress)}." if progress else "",
    ]
    blocks = [block for one in loud[:_IN_FULL] for block in _incident(one)]
    rows = [f"{SIGNS[one.severity]} {one_line(one.title, 200)}{_when(one)}" for one in others]
    return message(
        _sentence(answer, loud),
        [
            section("\n".join(line for line in head if line)),
            *blocks,
            *listed_sections(rows, 1200, "note"),
            context(_notes(answer)),
            _buttons(answer, loud),
        ],
    )


def _sentence(answer: DiagnosisAnswer, loud: list[Failure]) -> str:
    name = job_name(answer.job)
    if not loud:
        return f"{name}: {_quiet(answer)}"
    more = f", and {plural(len(loud) - 1, 'other thing')}" if len(loud) > 1 else ""
    return f"{SIGNS[loud[0].severity]} {name}: {one_line(loud[0].title, 300)}{more}."


def _quiet(answer: DiagnosisAnswer) -> str:
    return "Nothing in its log needs you." if answer.read else "Its log holds no lines."


def _incident(incident: Failure) -> list[Block]:
    root, place = root_line(incident), incident.root_index
    said = [
        f"{SIGNS[incident.severity]} *{one_line(incident.title, 200)}*",
        f"> {one_line(root, 300)}" if root else "",
        " · ".join(part for part in (_rank(incident), _span(incident), _count(incident)) if part),
        one_line(describe_reason(incident), 300),
        f"*Try:* {linked_hint(incident.hint, 400)}" if incident.hint else "",
    ]
    fenced, _ = fenced_sections(excerpt_rows(incident.excerpt, place, max_line=240), _EXCERPT)
    return [section("\n".join(line for line in said if line)), *fenced]


def _rank(incident: Failure) -> str:
    if not incident.ranks:
        return ""
    return f"{'Rank' if isinstance(incident.root_rank, int) else 'From'} {one_line(describe_ranks(incident), 120)}"


def _span(incident: Failure) -> str:
    if incident.first_ns is None:
        return ""
    first = datetime_from_ns(incident.first_ns)
    last = first if incident.last_ns is None else datetime_from_ns(incident.last_ns)
    return f"since {moment(first)}" if (last - first).total_seconds() < 60 else moments(first, last)


def _when(incident: Failure) -> str:
    span = _span(incident)
    return f" · {span}" if span else ""


def _count(incident: Failure) -> str:
    return f"{incident.count:,} times" if incident.count > 1 else ""


def _notes(answer: DiagnosisAnswer) -> list[str]:
    start = plain_moment(answer.start) if answer.start else "its beginning"
    return [
        code(str(answer.job.ref)),
        f"{plural(answer.read, 'line')} from {start} to {plain_moment(answer.end)}",
        plural(answer.redacted, "secret") + " hidden" if answer.redacted else "",
        *gap_notes(answer.gaps),
    ]


def _buttons(answer: DiagnosisAnswer, loud: list[Failure]) -> Block | None:
    ref = answer.job.ref
    lines = None
    if loud and loud[0].first_ns is not None:
        first = datetime_from_ns(loud[0].first_ns)
        lines = button("Logs around it", Action.SHOW, commands.logs_around(ref, first, first), key="logs")
    return actions([lines, button("Share in channel", Action.SHARE, format_command(answer.pinned))])
