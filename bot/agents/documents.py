"""The structured results of tools: the documents of `--json`, bounded, and their JSON Schemas. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.agents.tool_arguments import JsonArguments, call_of, field_names
from bot.commands.answers import Answer
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.audit import AuditAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSummary
from bot.terminal.audit import audit_json
from bot.terminal.json_output import (
    JsonObject,
    diagnosis_json,
    gap_json,
    jobs_json,
    metrics_json,
    replay_json,
    rules_json,
    status_json,
    time_json,
)
from bot.terminal.log_lines import LineFormat, LineFormatter

MAX_LINE_CHARS = 80_000
"""Characters of all log lines in a result; longer lines are cut."""
_SHORTEST_CUT = 200
_MAX_STRING = 4_000
_MAX_ITEMS = 500
_MAX_SERIES = 100
_MAX_POINTS = 2_000
"""Samples of all series in a result."""


def document_of(answer: Answer) -> JsonObject | None:
    """Return the structured result of an answer; None if it has only a text."""
    match answer:
        case LogsAnswer():
            return logs_json(answer)
        case MetricsAnswer():
            return _metrics(answer)
        case StatusAnswer():
            return _bounded(status_json(replace(answer, summaries=_thinned(answer.summaries))))
        case DiagnosisAnswer():
            return _bounded(diagnosis_json(answer))
        case JobsAnswer():
            return _bounded(jobs_json(answer))
        case RulesAnswer():
            return rules_json(answer)
        case ReplayAnswer():
            return _bounded(replay_json(answer))
        case AuditAnswer():
            return _bounded(audit_json(answer))
        case _:
            return None


def logs_json(answer: LogsAnswer) -> JsonObject:
    """The lines, what is left out, and the arguments of the pages before and after."""
    lines, cut = cut_lines(answer.lines)
    formatter = LineFormatter(LineFormat.JSON)
    return {
        "job": str(answer.job),
        "start": time_json(answer.start),
        "end": time_json(answer.end),
        "lines": [json.loads(formatter.text([line])) for line in lines],
        "read": answer.read,
        "hidden_secrets": answer.redacted,
        "shortened_lines": cut,
        "left_out": [field_names(str(one)) for one in answer.cuts],
        "gaps": [gap_json(gap) for gap in answer.gaps],
        "notes": list(answer.notes),
        "older": next_page(answer.older),
        "newer": next_page(answer.newer),
    }


def next_page(command: LogsCommand | None) -> JsonArguments | None:
    """Return the arguments with which `logs` shows a page; None if there is none."""
    call = None if command is None else call_of(format_command(command))
    return None if call is None else call[1]


def cut_lines(lines: Sequence[LogLine]) -> tuple[list[LogLine], int]:
    """Return the lines within the limit of characters, and the number of those that were shortened."""
    if sum(len(line.message) for line in lines) <= MAX_LINE_CHARS:
        return list(lines), 0
    longest = max(_SHORTEST_CUT, MAX_LINE_CHARS // len(lines))
    shortened = sum(len(line.message) > longest for line in lines)
    return [line._replace(message=_cut(line.message, longest)) for line in lines], shortened


def _metrics(answer: MetricsAnswer) -> JsonObject:
    document = _bounded(metrics_json(replace(answer, summaries=_thinned(answer.summaries))))
    left_out = max(0, len(answer.summaries) - _MAX_SERIES)
    samples = sum(one.count for one in answer.summaries)
    notes = [f"Showing {_MAX_SERIES} of {len(answer.summaries)} series."] if left_out else []
    if samples > _MAX_POINTS:
        notes.append(f"The points are a part of {samples:,} samples; the statistics cover all. Narrow the window.")
    return {**document, "notes": [*answer.notes, *notes]}


def _thinned(summaries: Sequence[MetricSummary]) -> tuple[MetricSummary, ...]:
    """Return the first series, each with few samples, evenly chosen and with the last one."""
    kept = summaries[:_MAX_SERIES]
    most = max(2, _MAX_POINTS // max(1, len(kept)))

    def thin(one: MetricSummary) -> MetricSummary:
        points = one.series.points
        step = -(-len(points) // most) or 1
        return replace(one, series=replace(one.series, points=points[::-1][::step][::-1]))

    return tuple(map(thin, kept))


def _bounded(document: JsonObject) -> JsonObject:
    """Cut long texts and lists; a list that was cut is announced in `cut`."""
    cuts: list[str] = []
    bounded = {name: _bound(value, name, cuts) for name, value in document.items()}
    return {**bounded, "cut": cuts} if cuts else bounded


def _bound(value: object, name: str, cuts: list[str]) -> object:
    match value:
        case str():
            return _cut(value, _MAX_STRING)
        case list():
            if len(value) > _MAX_ITEMS:
                cuts.append(f"{name}: showing {_MAX_ITEMS} of {len(value):,}")
            return [_bound(item, name, cuts) for item in value[:_MAX_ITEMS]]
        case dict():
            return {key: _bound(item, f"{name}.{key}", cuts) for key, item in value.items()}
        case _:
            return value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… [{len(text) - longest:,} more characters]"


def _object(**properties: Mapping[str, object]) -> JsonObject:
    return {"type": "object", "properties": properties}


def _list(items: Mapping[str, object]) -> JsonObject:
    return {"type": "array", "items": items}


def _or_null(kind: str) -> JsonObject:
    return {"type": [kind, "null"]}


_ANY: JsonObject = {"type": "object"}
_TEXT, _NUMBER, _COUNT, _FLAG = (JsonObject(type=kind) for kind in ("string", "number", "integer", "boolean"))
_TIME: JsonObject = {"type": ["string", "null"], "description": "RFC 3339 in UTC."}
_NOTES = _list(_TEXT)
_JOB = _object(ref=_TEXT, state=_TEXT, is_terminal=_FLAG, name=_or_null("string"), error=_or_null("string"))
_LINE = _object(
    timestamp=_TEXT, level=_or_null("string"), source={"type": ["string", "integer", "null"]}, message=_TEXT
)
_PAGE: JsonObject = {"type": ["object", "null"], "description": "Arguments for the next call; null: no more lines."}
_SERIES = _object(name=_TEXT, node=_or_null("string"), gpu=_or_null("integer"), last=_NUMBER, points=_list(_ANY))
_WINDOW = {"job": _JOB, "start": _TIME, "end": _TIME, "gaps": _list(_ANY), "notes": _NOTES}
OUTPUT_SCHEMAS: Mapping[str, JsonObject] = {
    "logs": _object(
        job=_TEXT,
        start=_TIME,
        end=_TIME,
        lines=_list(_LINE),
        read=_COUNT,
        hidden_secrets=_COUNT,
        shortened_lines=_COUNT,
        left_out=_NOTES,
        gaps=_list(_ANY),
        notes=_NOTES,
        older=_PAGE,
        newer=_PAGE,
    ),
    "metrics": _object(**_WINDOW, series=_list(_SERIES), missing=_NOTES),
    "status": _object(job=_JOB, at=_TIME, cause=_or_null("object"), last_lines=_list(_LINE), series=_list(_SERIES)),
    "diagnose": _object(**_WINDOW, incidents=_list(_ANY), lines=_COUNT, progress=_ANY),
    "jobs": _object(providers=_list(_object(provider=_TEXT, jobs=_list(_JOB), problem=_or_null("string")))),
    "rules": _object(**_WINDOW, rules=_list(_ANY), alerts=_list(_ANY), quiet=_NOTES, basis=_TEXT),
    "audit": _object(entries=_list(_ANY), total=_COUNT, before=_or_null("integer")),
}
"""By tool; the others have only a text. docs/cli.md explains the fields."""
