"""Answers for scripts: what `--json` prints, one JSON document an answer. Log lines are in `lines.py`. Pure.

The shapes are a promise (docs/cli.md, held by a test): fields may be added, none is removed, renamed or given another
meaning. Times are RFC 3339 in UTC; what is not known is null; units are in the names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.domain.checks import CheckResult
from bot.domain.gaps import Gap
from bot.domain.jobs import Job
from bot.domain.metrics import MetricSummary
from bot.rules.replay import Replayed
from bot.terminal.log_lines import LineFormat, LineFormatter

Value = object


def metrics_json(answer: MetricsAnswer) -> str:
    """Figures and samples of each series."""
    return _document(
        {
            "job": _job(answer.job),
            "start": _time(answer.start),
            "end": _time(answer.end),
            "series": [_series(one) for one in answer.summaries],
            "missing": list(answer.missing),
            "gaps": [_gap(gap) for gap in answer.gaps],
        }
    )


def status_json(answer: StatusAnswer) -> str:
    """The job, its newest lines and its GPUs."""
    writer = LineFormatter(LineFormat.JSON)
    return _document(
        {
            "job": _job(answer.job),
            "at": _time(answer.at),
            "last_lines": [json.loads(writer.text([line])) for line in answer.last_lines],
            "series": [_series(one) for one in answer.summaries],
            "gaps": [_gap(gap) for gap in answer.gaps],
        }
    )


def jobs_json(answer: JobsAnswer) -> str:
    """Each platform's jobs, or its problem."""
    return _document(
        {
            "providers": [
                {"provider": one.provider, "jobs": [_job(job) for job in one.jobs], "problem": one.problem}
                for one in answer.providers
            ]
        }
    )


def diagnosis_json(answer: DiagnosisAnswer) -> str:
    """As `scan --json`, with the job and the window beside it."""
    return _document(
        {
            "job": _job(answer.job),
            "start": _time(answer.start),
            "end": _time(answer.end),
            **answer.diagnosis.to_json(),
            "gaps": [_gap(gap) for gap in answer.gaps],
        }
    )


def rules_json(answer: RulesAnswer) -> str:
    """Every rule with its parameters."""
    return _document(
        {
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
    )


def replay_json(answer: ReplayAnswer) -> str:
    """Which alerts would have fired, and when."""
    return _document(
        {
            "job": _job(answer.job),
            "start": _time(answer.start),
            "end": _time(answer.end),
            "step_seconds": answer.step.total_seconds(),
            "alerts": [_replayed(one) for one in answer.alerts],
            "quiet": list(answer.quiet),
            "gaps": [_gap(gap) for gap in answer.gaps],
            "notes": list(answer.notes),
        }
    )


def checks_json(results: Sequence[CheckResult]) -> str:
    """What was looked at."""
    return _document({"ok": all(result.ok for result in results), "checks": [asdict(result) for result in results]})


def _document(value: dict[str, Value]) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _job(job: Job) -> dict[str, Value]:
    return {
        "ref": str(job.ref),
        "state": job.state.value,
        "is_terminal": job.state.is_terminal,
        "vendor_status": job.vendor_status,
        "name": job.name,
        "error": job.error,
        "url": job.url,
        "user": job.user,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "updated_at": _time(job.updated_at),
        "ended_at": _time(job.ended_at),
        "resources": asdict(job.resources),
        "details": [{"label": label, "value": value} for label, value in job.details],
    }


def _replayed(alert: Replayed) -> dict[str, Value]:
    return {
        "rule": alert.rule,
        "severity": alert.severity.value,
        "title": alert.title,
        "summary": alert.evidence.summary,
        "hint": alert.evidence.hint,
        "fired_at": _time(alert.fired_at),
        "resolved_at": _time(alert.resolved_at),
        "resolution": None if alert.resolution is None else alert.resolution.value,
        "updates": alert.updates,
    }


def _series(summary: MetricSummary) -> dict[str, Value]:
    series = summary.series
    gap = summary.longest_gap
    return {
        "name": series.name,
        "node": series.node,
        "gpu": series.gpu,
        "limit": _number(series.limit),
        "count": summary.count,
        "last": summary.last,
        "last_at": _time(summary.last_at),
        "mean": summary.mean,
        "min": summary.minimum,
        "max": summary.maximum,
        "p5": summary.p5,
        "p95": summary.p95,
        "longest_gap_seconds": None if gap is None else gap.total_seconds(),
        "points": [{"at": _time(one.at), "step": one.step, "value": _number(one.value)} for one in series.points],
    }


def _gap(gap: Gap) -> dict[str, Value]:
    return {"part": gap.part.value, "reason": gap.reason.value, "text": gap.public, "lines": gap.lines}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None
