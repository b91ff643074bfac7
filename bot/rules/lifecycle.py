"""Decide when a finding becomes an alert and when an alert resolves.

The states are Prometheus': inactive → pending (for `hold_for`) → firing → inactive (`keep_firing_for` after the last
finding). Unknown freezes an alert: an outage neither fires nor resolves it.
"""

from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import (
    Alert,
    AlertState,
    Change,
    Clear,
    Finding,
    Resolution,
    Timing,
    Transition,
    Unknown,
    Verdict,
)


def step(
    alert: Alert, verdict: Verdict, timing: Timing, now: datetime, *, job_ended: bool = False
) -> tuple[Alert, Transition | None]:
    """Apply one verdict to one alert.

    Args:
        alert: as of the last poll; its memory is not touched.
        verdict: of the condition at this poll.
        timing: hold and keep-firing times.
        now: the time of this poll. Stored times after it, from a clock that was set back since, count as `now`.
        job_ended: resolve a clear alert at once, with the end of the job as the reason.
    """
    match verdict:
        case Unknown():
            return alert, None
        case Finding():
            return _found(alert, verdict, timing, now)
        case Clear():
            return _cleared(alert, timing, now, job_ended=job_ended)


def _found(alert: Alert, finding: Finding, timing: Timing, now: datetime) -> tuple[Alert, Transition | None]:
    severity = finding.severity or alert.severity
    if alert.state is AlertState.FIRING:
        changed = finding.evidence != alert.evidence or severity is not alert.severity
        firing = replace(alert, last_finding_at=now, evidence=finding.evidence, severity=severity)
        if changed:
            return firing, Transition(Change.UPDATED, now, finding.evidence, notify=finding.notify)
        return firing, None
    since = min(alert.pending_since, now) if alert.state is AlertState.PENDING and alert.pending_since else now
    if now - since < timing.hold_for:
        pending = replace(
            alert,
            state=AlertState.PENDING,
            pending_since=since,
            last_finding_at=now,
            evidence=finding.evidence,
            severity=severity,
        )
        return pending, None
    fired = replace(
        alert,
        state=AlertState.FIRING,
        episode=alert.episode + 1,
        pending_since=since,
        fired_at=now,
        last_finding_at=now,
        evidence=finding.evidence,
        severity=severity,
    )
    return fired, Transition(Change.FIRED, now, finding.evidence, notify=True)


def _cleared(alert: Alert, timing: Timing, now: datetime, *, job_ended: bool) -> tuple[Alert, Transition | None]:
    if alert.state is AlertState.INACTIVE:
        return alert, None
    quiet = replace(alert, state=AlertState.INACTIVE, pending_since=None, fired_at=None)
    if alert.state is AlertState.PENDING:
        return quiet, None
    if job_ended:
        return quiet, Transition(Change.RESOLVED, now, alert.evidence, Resolution.JOB_ENDED)
    last_at = min(alert.last_finding_at or now, now)
    if now - last_at < timing.keep_firing_for:
        return replace(alert, last_finding_at=last_at), None
    return quiet, Transition(Change.RESOLVED, now, alert.evidence, Resolution.CLEARED)
