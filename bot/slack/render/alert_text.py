"""Sentences about alerts, for the root message, its thread and alt text: which one leads, where, and how it ended."""

from bot.domain.alerts import Evidence, Incident, IncidentAlert, Resolution
from bot.domain.durations import spoken_duration
from bot.domain.jobs import Job, JobState
from bot.domain.progress import position_text
from bot.rules.catalog import reports_state
from bot.rules.lead import is_active, lead_alert
from bot.slack.render.icons import CLEARED, ENDED, SEVERITY_ICONS
from bot.slack.render.jobs import job_name
from bot.slack.render.text import one_line

TITLE_LIMIT = 90
_PLACE_FACTS = ("Rank", "Replica", "From")
"""Labels of the facts that say where it broke, best first."""
_PLACE_LIMIT = 40
STATE_VERBS = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was stopped",
    JobState.PREEMPTED: "was preempted",
}


def incident_icon(incident: Incident) -> str:
    """The icon of the incident's lead alert."""
    lead = lead_alert(incident)
    return ENDED if lead is None else alert_icon(incident.job, lead)


def alert_icon(job: Job, alert: IncidentAlert) -> str:
    """The icon of an alert: its severity, or how it ended."""
    if is_active(job, alert):
        return SEVERITY_ICONS[alert.severity]
    return CLEARED if alert.resolution is Resolution.CLEARED else ENDED


def repeats_state(job: Job, alert: IncidentAlert) -> bool:
    """Whether "Failed 3:06 AM" in the headline already states this alert."""
    return reports_state(alert.rule) and alert.resolved_at is None and job.state.is_failure


def is_in_first_reply(incident: Incident, alert: IncidentAlert) -> bool:
    """Whether the alert fired with its cause, so that the first reply about the cause has it."""
    cause = next((one for one in incident.alerts if one.id == alert.caused_by), None)
    return cause is not None and alert.fired_at <= cause.fired_at


def place(job: Job, evidence: Evidence) -> str:
    """Where it broke: `rank 3 of 8`, or a replica; "" if unknown."""
    facts = dict(evidence.facts)
    label, value = next(((label, facts[label]) for label in _PLACE_FACTS if label in facts), ("", ""))
    value = f"replica {value}" if label == "Replica" else value
    if not value or len(value) > _PLACE_LIMIT or value.count(", ") > value.count(" first, then "):
        return ""
    if value.isdecimal():
        ranks = job.rank_count or 0
        return f"rank {value} of {ranks}" if int(value) < ranks else f"rank {value}"
    return one_line(f"rank {value}" if value[0].isdigit() else value, _PLACE_LIMIT)


def alt_sentence(incident: Incident, alert: IncidentAlert) -> str:
    """A whole sentence for notifications and screen readers: what broke, where, and how far the run was."""
    job, icon, title = incident.job, alert_icon(incident.job, alert), spoken_title(alert)
    if not is_active(job, alert):
        return f"{icon} {title} on {job_name(job)}: {ending(job, alert)}"
    where = place(job, alert.evidence)
    state = f"the job {STATE_VERBS[job.state]}" if job.state.is_terminal and not reports_state(alert.rule) else ""
    step = position_text(incident.progress) if incident.progress else ""
    details = [where, f"{state} at {step}" if state and step else state or step]
    return f"{icon} {title} on {', '.join([job_name(job), *filter(None, details)])}."


def spoken_title(alert: IncidentAlert) -> str:
    """The title with at most one colon: `KeyError: 'loss' in train.py`, not a chain of them."""
    first, colon, rest = one_line(alert.title, TITLE_LIMIT).partition(": ")
    return first + colon + rest.replace(": ", ", ")


def ending(job: Job, alert: IncidentAlert) -> str:
    """How an alert ended, as the end of a sentence: `back to normal after 12 min.`; "" while it fires."""
    if alert.resolved_at is None:
        return ""
    after = spoken_duration(alert.resolved_at - alert.fired_at)
    if alert.resolution is Resolution.CLEARED:
        return f"back to normal after {after}."
    if alert.resolution is Resolution.JOB_ENDED and job.state.is_terminal:
        return f"not resolved when the job {STATE_VERBS[job.state]} {after} later."
    return f"stopped watching after {after}; the problem may persist."


def firings_text(alert: IncidentAlert, since: str) -> str:
    """How often an alert fired, `failed and restarted 7 times since 2:10 AM`; "" if it fired once."""
    if alert.history is None:
        return ""
    verb = "failed and restarted" if reports_state(alert.rule) else "fired"
    return f"{verb} {alert.history.count:,} times since {since}"


def repeats_title(alert: IncidentAlert) -> bool:
    """Whether the summary adds nothing to the title."""
    return alert.evidence.summary.rstrip(".") == alert.title


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
