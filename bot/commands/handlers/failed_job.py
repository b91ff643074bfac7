"""Find why a job failed: from the end of its log, or from what the watcher found."""

from collections.abc import Sequence
from dataclasses import replace

from bot.commands.subcommands.jobs import StatusAnswer
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Evidence, Incident, Resolution, Severity
from bot.domain.jobs import Job
from bot.domain.logs import LogLine
from bot.domain.progress import RunProgress
from bot.rules.diagnosis_wording import decisive_text, describe_ranks, rank_label, root_line

_EXPLAINING = ("failure", "loss", "hang")
"""Rules whose alerts name what broke, best first."""


def diagnose_end(job: Job, lines: Sequence[LogLine], scanner: PageScanner) -> tuple[RunProgress, Evidence | None]:
    """Diagnose the newest lines of a failed job, oldest first, which must be redacted."""
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_many((one.message, one.rank, one.replica, one.timestamp_ns) for one in lines)
    diagnosis = diagnoser.report(running=not job.state.is_terminal)
    failure = next((one for one in diagnosis.failures if one.severity is Severity.PAGE), None)
    if failure is None:
        return diagnosis.progress, None
    facts = ((rank_label(failure), describe_ranks(failure)),) if failure.ranks else ()
    cause = Evidence(
        decisive_text(failure) if root_line(failure) else "",
        title=failure.title,
        facts=facts,
        hint=failure.hint,
        verdict=failure.verdict,
    )
    return diagnosis.progress, cause


def with_incident(answer: StatusAnswer, incident: Incident) -> StatusAnswer:
    """Prefer what the watcher found, because it read the whole log."""
    progress = incident.progress if incident.progress and incident.progress.step is not None else answer.progress
    cause = _cause_of(incident) if answer.job.state.is_failure else None
    if cause is None:
        return replace(answer, progress=progress)
    return replace(answer, progress=progress, cause=cause, cause_lines=None)


def _cause_of(incident: Incident) -> Evidence | None:
    """Return the evidence of the alert that explains best why the job failed; None if none does."""
    alerts = [one for one in incident.alerts if one.rule in _EXPLAINING and one.resolution is not Resolution.CLEARED]
    best = min(alerts, key=lambda one: _EXPLAINING.index(one.rule), default=None)
    return best.evidence if best is not None else None
