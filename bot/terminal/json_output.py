"""Build the JSON documents that `--json` prints, one per answer. Log lines are in `log_lines`. Pure.

Scripts rely on these documents: fields may be added, but existing ones keep their name and meaning. docs/cli.md lists
them. Timestamps are RFC 3339 in UTC, unknown values are null, and names contain the unit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.domain.checks import CheckResult
from bot.domain.gaps import Gap
from bot.domain.jobs import Job
from bot.domain.metrics import MetricSummary
from bot.domain.run_verdicts import verdict_fields
from bot.terminal.log_lines import LineFormat, LineFormatter

if TYPE_CHECKING:  # most answers need no rules
    from bot.rules.replay import Replayed

JsonObject = dict[str, object]


def json_text(document: JsonObject) -> str:
    """Format a document as indented JSON."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def metrics_json(answer: MetricsAnswer) -> JsonObject:
    """Statistics and samples of each series."""
    return {
        "job": job_json(answer.job),
        "start": time_json(answer.start),
        "end": time_json(answer.end),
        "series": [_series(one) for one in answer.summaries],
        "missing": list(answer.missing),
        "gaps": [gap_json(gap) for gap in answer.gaps],
        "notes": list(answer.notes),
    }


def status_json(answer: StatusAnswer) -> JsonObject:
    """The job, its newest lines and its GPUs."""
    formatter = LineFormatter(LineFormat.JSON)
    return {
        "job": job_json(answer.job),
        "at": time_json(answer.at),
        "progress": None if answer.progress is None else answer.progress.to_json(),
        "cause": _cause(answer),
        "last_lines": [json.loads(formatter.text([line])) for line in answer.last_lines],
        "series": [_series(one) for one in answer.summaries],
        "gaps": [gap_json(gap) for gap in answer.gaps],
    }


def _cause(answer: StatusAnswer) -> JsonObject | None:
    """Why the job failed, by the diagnosis of its log's newest lines."""
    if answer.cause is None:
        return None
    return {
        "title": answer.cause.title,
        "ranks": next((value for label, value in answer.cause.facts if label in ("Rank", "Replica")), None),
        "line": answer.cause.summary or None,
        "hint": answer.cause.hint,
        **verdict_fields(answer.cause.verdict),
        "lines": answer.cause_lines,
    }


def jobs_json(answer: JobsAnswer) -> JsonObject:
    """The jobs of each platform, or its problem."""
    return {
        "providers": [
            {"provider": one.provider, "jobs": [job_json(job) for job in one.jobs], "problem": one.problem}
            for one in answer.providers
        ]
    }


def diagnosis_json(answer: DiagnosisAnswer) -> JsonObject:
    """The fields of `scan --json`, with the job and the window."""
    return {
        "job": job_json(answer.job),
        "start": time_json(answer.start),
        "end": time_json(answer.end),
        **answer.diagnosis.to_json(),
        "gaps": [gap_json(gap) for gap in answer.gaps],
        "notes": list(answer.notes),
    }


def rules_json(answer: RulesAnswer) -> JsonObject:
    """Every rule with its parameters."""
    return {
        "rules": [
            {
                "name": rule.name,
                "severity": rule.severity.value,
                "help": rule.help,
                "on": rule.is_on,
                "parameters": [
                    {"name": name, "value": value, "help": meaning} for name, value, meaning in rule.parameters
                ],
            }
            for rule in answer.rules
        ]
    }


def replay_json(answer: ReplayAnswer) -> JsonObject:
    """The alerts that would have fired, and when."""
    return {
        "job": job_json(answer.job),
        "start": time_json(answer.start),
        "end": time_json(answer.end),
        "step_seconds": answer.step.total_seconds(),
        "alerts": [_replayed(one) for one in answer.alerts],
        "quiet": list(answer.quiet),
        "gaps": [gap_json(gap) for gap in answer.gaps],
        "notes": list(answer.notes),
        "basis": answer.basis,
    }


def checks_json(results: Sequence[CheckResult]) -> str:
    """The results of `trainwatch check`."""
    return json_text({"ok": all(result.ok for result in results), "checks": [asdict(result) for result in results]})


def job_json(job: Job) -> JsonObject:
    """A job, as in all documents."""
    return {
        "ref": str(job.ref),
        "state": job.state.value,
        "is_terminal": job.state.is_terminal,
        "vendor_status": job.vendor_status,
        "name": job.name,
        "error": job.error,
        "url": job.url,
        "user": job.user,
        "created_at": time_json(job.created_at),
        "started_at": time_json(job.started_at),
        "updated_at": time_json(job.updated_at),
        "ended_at": time_json(job.ended_at),
        "resources": asdict(job.resources),
        "details": [{"label": label, "value": value} for label, value in job.details],
    }


def _replayed(alert: Replayed) -> JsonObject:
    return {
        "rule": alert.rule,
        "severity": alert.severity.value,
        "title": alert.title,
        "summary": alert.evidence.summary,
        "hint": alert.evidence.hint,
        "fired_at": time_json(alert.fired_at),
        "resolved_at": time_json(alert.resolved_at),
        "resolution": None if alert.resolution is None else alert.resolution.value,
        "updates": alert.updates,
    }


def _series(summary: MetricSummary) -> JsonObject:
    series = summary.series
    gap = summary.longest_gap
    return {
        "name": series.name,
        "node": series.node,
        "gpu": series.gpu,
        "limit": _number(series.limit),
        "count": summary.count,
        "last": summary.last,
        "last_at": time_json(summary.last_at),
        "mean": summary.mean,
        "min": summary.minimum,
        "max": summary.maximum,
        "p5": summary.p5,
        "p95": summary.p95,
        "longest_gap_seconds": None if gap is None else gap.total_seconds(),
        "points": [{"at": time_json(one.at), "step": one.step, "value": _number(one.value)} for one in series.points],
    }


def gap_json(gap: Gap) -> JsonObject:
    """What could not be read, as in all documents."""
    return {
        "part": gap.part.value,
        "reason": gap.reason.value,
        "text": gap.public,
        "lines": gap.lines,
        "samples": gap.samples,
    }


def time_json(timestamp: datetime | None) -> str | None:
    """A timestamp, as in all documents: RFC 3339 in UTC, with microseconds."""
    return None if timestamp is None else f"{timestamp.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _number(value: float | None) -> float | None:
    """JSON has neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None
