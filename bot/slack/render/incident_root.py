"""The root message of an incident: at most eight lines on a phone, edited as the incident changes.

Its order is what broke, where and on which job; the decisive line; when, after how long and at which step; what to
try; who has it; buttons. Everything else is in the thread.
"""

import re
import textwrap
from dataclasses import replace
from datetime import datetime, timedelta

from bot.commands.parsing.tokenizer import quote
from bot.domain.alerts import Incident, IncidentAlert, Resolution, Severity
from bot.domain.durations import format_ns, ns_from_datetime, spoken_duration
from bot.domain.jobs import Job
from bot.domain.progress import checkpoint_text, position_text
from bot.domain.wording import plural
from bot.rules.lead import is_active, lead_alert
from bot.slack.render.alert_text import (
    STATE_VERBS,
    alert_icon,
    alt_sentence,
    ending,
    firings_text,
    is_in_first_reply,
    place,
    repeats_state,
    repeats_title,
    sentence_case,
)
from bot.slack.render.blocks import (
    ANSWER_MODAL,
    NOTE_MODAL,
    SILENCE_MODAL,
    STOP_MODAL,
    Action,
    MenuEntry,
    actions,
    button,
    context,
    logs_button,
    overflow,
    section,
)
from bot.slack.render.icons import REMARK, REPEATS
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.mentions import NO_MENTIONS, Mentioned, mention_line, with_mentions
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import clock_time, code, first_sentence, one_line, person, shortened, slack_time

_MAX_LINES = 8
_LINE_LIMIT, _CODE_LIMIT = 40, 38
"""Characters of one line of text or code on a phone."""
_HEADLINE_LIMIT = 64
"""Characters of the title, the rank and the job's name: two bold lines on a phone."""
_TITLE_LEAST = 30
_DECISIVE_LIMIT = 72
"""Characters of the decisive line: two lines of code on a phone."""
_SUMMARY_LIMIT = 96
_TRY_LIMIT, _TRY_LEAST = 74, 36
_REASON_LIMIT = 58
"""Characters of the reason of a verdict: with its label two lines."""
_VERDICT_ROOM = 3
"""Lines left from which the verdict has its own: itself, what to try, and one because line lengths are estimates."""
_VERDICT_LINE = 40
"""Characters of a line with a bold verdict."""
_LOOK = "Press Logs for the lines around it."
"""The advice on an alert without a hint."""
_ALSO_LIMIT = 46
"""Characters of the line that names the other alerts: one line on a phone."""
_NOTE_LIMIT = 70
"""Characters of a person's note: two lines on a phone; the thread has the whole note."""
_TOKEN = re.compile(r"<(?:[^<>|!]*\|)?([^<>|!]*)>|<[^<>]*>")
_MARKUP = re.compile(r"[*~`]")
_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+:)")
_METRIC_RULES = frozenset(
    {"low_gpu_utilization", "gpu_straggler", "gpu_memory_pressure", "host_memory_pressure", "storage_pressure"}
)
_METRICS_SPAN = timedelta(minutes=30)
"""Time before and after an alert whose metrics are shown."""
_SAME_DAY = timedelta(hours=12)
"""A time this near to the message itself needs no date."""


def render_root(incident: Incident, mentioned: Mentioned = NO_MENTIONS) -> Message:
    """The incident as it is now: its lead alert, whom it mentions, the others by title, who has it, and buttons."""
    job, lead = incident.job, lead_alert(incident)
    if lead is None:
        text = f"No alerts firing on {job_name(job)}."
        return message(text, [section(text)])
    lines, note = _lines(incident, lead), _unclaimed(incident)
    room = _MAX_LINES - sum(map(_phone_lines, [*lines, *_last_lines(incident, mentioned, note)]))
    if is_active(job, lead):
        if room < _VERDICT_ROOM:
            note = _with_remedy(incident, lead, mentioned, note, room)
        steps = _next_steps(lead, room)
        lines, room = lines + steps, room - sum(map(_phone_lines, steps))
    shown = message(
        alt_sentence(incident, lead),
        [
            section("\n".join(lines)),
            context([_others(incident, lead)]) if room > 0 else None,
            context(_owner(incident, mentioned, note)),
            _buttons(incident, lead),
        ],
    )
    return with_mentions(shown, mentioned, note)


def _owner(incident: Incident, mentioned: Mentioned, note: str) -> list[str]:
    """Who has it; the note comes here if it does not follow the mentions."""
    return _ownership(incident) if mentioned != NO_MENTIONS else [sentence_case(note), *_ownership(incident)]


def _last_lines(incident: Incident, mentioned: Mentioned, note: str) -> list[str]:
    return [" · ".join(filter(None, _owner(incident, mentioned, note))), mention_line(mentioned, note)]


def _with_remedy(incident: Incident, lead: IncidentAlert, mentioned: Mentioned, note: str, room: int) -> str:
    """The note with the verdict in two or three words, if there is room for it."""
    verdict = lead.evidence.verdict
    longer = note if verdict is None else " · ".join(filter(None, (verdict.remedy, note)))
    before, after = (_last_lines(incident, mentioned, one) for one in (note, longer))
    grows = sum(map(_phone_lines, after)) - sum(map(_phone_lines, before))
    return note if grows >= max(room, 1) or max(map(_phone_lines, after)) > 1 else longer


def _lines(incident: Incident, lead: IncidentAlert) -> list[str]:
    """What broke, the decisive line, and when it broke or how it ended."""
    job, active = incident.job, is_active(incident.job, lead)
    when = _when(incident, lead) if active else _stopped(incident, lead) or _ended(incident, lead)
    headline = _headline(job, lead, "*" if active else "~")
    return [line for line in (headline, _decisive(job, lead), when, _firings(incident, lead)) if line]


def _next_steps(lead: IncidentAlert, room: int) -> list[str]:
    """The verdict on the run with its reason, if there is room for it, and what to try."""
    verdict, steps = lead.evidence.verdict, list[str]()
    if verdict is not None and room >= _VERDICT_ROOM:
        limit = _REASON_LIMIT if room > _VERDICT_ROOM else _VERDICT_LINE - len(verdict.label) - 2
        steps = [f"*{verdict.label}:* {shortened(verdict.reason, limit)}"]
        room -= _phone_lines(steps[0])
    return [*steps, f"*Try:* {first_sentence(lead.evidence.hint or _LOOK, _TRY_LIMIT if room > 1 else _TRY_LEAST)}"]


def _firings(incident: Incident, lead: IncidentAlert) -> str:
    """How often the alert fired; while it is flapping, that replies are paused."""
    if lead.history is None:
        return ""
    text = sentence_case(firings_text(lead, _time(lead.history.first_at, incident)))
    return f"{REPEATS} *Flapping:* {text[:1].lower()}{text[1:]}" if lead.history.is_flapping else f"{REPEATS} {text}"


def _stopped(incident: Incident, lead: IncidentAlert) -> str:
    """Who stopped watching, and when."""
    left = incident.unwatched
    if left is None or lead.resolution is not Resolution.UNSUBSCRIBED:
        return ""
    after = spoken_duration(left.at - lead.fired_at)
    return f"{person(left.by)} stopped watching {_time(left.at, incident)}, after {after}; the problem may persist."


def _ended(incident: Incident, lead: IncidentAlert) -> str:
    """`Since 9:57 AM · back to normal after 1 min 16 s.`."""
    since = _time(lead.evidence.first_at or lead.fired_at, incident)
    return f"Since {since} · {ending(incident.job, lead)}"


def _headline(job: Job, lead: IncidentAlert, mark: str) -> str:
    """What broke, where and on which job, in two lines of a phone."""
    where = place(job, lead.evidence)
    room = max(_TITLE_LEAST, _HEADLINE_LIMIT - len(where) - len(job_name(job)))
    title = f"{alert_icon(job, lead)} {mark}{shortened(lead.title, room)}{mark}"
    return " · ".join(part for part in (title, where, job_link(job)) if part)


def _decisive(job: Job, lead: IncidentAlert) -> str:
    """The line of the log that says what broke, or the platform's reason, or the measured values."""
    evidence = lead.evidence
    if evidence.root is not None:
        return _quoted(evidence.summary, lead)
    if evidence.messages:
        kinds = f", {len(evidence.messages):,} kinds" if len(evidence.messages) > 1 else ""
        total = f"{plural(evidence.count, 'error')}{kinds}: " if evidence.count > 1 else ""
        return f"{total}{code(evidence.messages[0].message, _DECISIVE_LIMIT)}"
    if repeats_state(job, lead) and job.error:
        return _quoted(job.error, lead)
    expected = f" Expected {clock_time(evidence.expected_at)}." if evidence.expected_at else ""
    return "" if repeats_title(lead) else f"{one_line(evidence.summary, _SUMMARY_LIMIT)}{expected}"


def _quoted(line: str, lead: IncidentAlert) -> str:
    """The line as code; "" if the title contains it. Python prints exceptions with their module, titles do without."""
    text = " ".join(line.split())
    return "" if _MODULE.sub("", text) in lead.title else code(text, _DECISIVE_LIMIT)


def _when(incident: Incident, lead: IncidentAlert) -> str:
    """`Failed 3:06 AM after 3 h 2 min at step 2,683 of 50,000 · last checkpoint 2,500 (12 min of work lost)`."""
    job, progress = incident.job, incident.progress
    step = position_text(progress) if progress else ""
    step = "" if step in lead.evidence.summary else step
    if not job.state.is_terminal:
        since = lead.evidence.first_at or lead.fired_at
        return " · ".join(part for part in (f"Since {_time(since, incident)}", state_label(job), step) if part)
    began, ended = job.started_at or job.created_at, job.ended_at or job.updated_at or lead.evidence.first_at
    after = f" after {spoken_duration(ended - began)}" if began and ended and ended > began else ""
    at = f" {_time(ended, incident)}" if ended else ""
    verb = sentence_case(STATE_VERBS[job.state].removeprefix("was "))
    saved = checkpoint_text(progress, ended).removeprefix("last ").replace(" of work lost", " lost") if progress else ""
    return " · ".join(
        part for part in (f"{verb}{at}{after}{f' at {step}' if step else ''}", one_line(saved, 60)) if part
    )


def _time(at: datetime, incident: Incident) -> str:
    return clock_time(at) if abs(at - incident.opened_at) < _SAME_DAY else slack_time(at)


def _others(incident: Incident, lead: IncidentAlert) -> str:
    """The titles of the other alerts in one line: those that are active, the worst first, then those that ended."""
    job = incident.job
    others = [
        one
        for one in incident.alerts
        if one.title != lead.title and not repeats_state(job, one) and not is_in_first_reply(incident, one)
    ]
    others.sort(key=lambda alert: (not is_active(job, alert), -alert.severity.rank, alert.fired_at))
    titles = {alert.title: alert for alert in reversed(others)}  # of equal titles, the first one is shown
    shown, icon, length = list[str](), "", 0
    for alert in dict.fromkeys(titles[one.title] for one in others):
        length += min(len(alert.title), _ALSO_LIMIT) + 2
        if shown and length > _ALSO_LIMIT:
            break
        title = one_line(alert.title, _ALSO_LIMIT)
        before, icon = icon, alert_icon(job, alert)
        shown.append(("" if icon == before else f"{icon} ") + (title if is_active(job, alert) else f"~{title}~"))
    hidden = len(titles) - len(shown)
    return f"Also: {', '.join(shown)}{f' and {hidden:,} more' if hidden else ''}" if shown else ""


def _phone_lines(text: str) -> int:
    """About how many lines of a phone a line of mrkdwn takes."""
    shown = _MARKUP.sub("", _TOKEN.sub(lambda token: token[1] or "10:00 AM", text))
    return len(textwrap.wrap(shown, _CODE_LIMIT if text.startswith("`") else _LINE_LIMIT))


def _ownership(incident: Incident) -> list[str]:
    taken, closing, muted = incident.acknowledgement, incident.closing, incident.muted
    parts = []
    if closing is not None:
        parts.append(f"☑️ Closed by {person(closing.by)} {_time(closing.at, incident)}")
    elif taken is not None and incident.is_open:
        parts.append(f"👍 Acknowledged by {person(taken.by)} {_time(taken.at, incident)}")
    if incident.note is not None:
        parts.append(f"{REMARK} {person(incident.note.by)}: {one_line(incident.note.text, _NOTE_LIMIT)}")
    if muted is not None and incident.resolved_at is None:
        parts.append(f"🔕 Silenced until {_time(muted.until, incident)} by {person(muted.by)}")
    return parts


def _unclaimed(incident: Incident) -> str:
    """That a failed job has no owner, beside those who are mentioned; "" otherwise."""
    has_ended = incident.is_open and incident.is_failure and incident.resolved_at is not None
    return "nobody has acknowledged it" if has_ended and incident.acknowledgement is None else ""


def _buttons(incident: Incident, lead: IncidentAlert) -> Block | None:
    job = incident.job.ref
    start_ns = lead.evidence.start_ns
    logs = logs_button(job, ns_from_datetime(lead.fired_at) if start_ns is None else start_ns)
    note, metrics = MenuEntry("Add a note…", Action.OPEN, incident.id, NOTE_MODAL), _metrics(incident, lead)
    if incident.resolved_at is not None:
        undo = incident.unwatched.undo if incident.unwatched else ""
        undone = button("Undo", Action.CHANGE, undo, key="undo")
        return actions([_next_step(incident), undone, logs, overflow([note, *metrics]) if incident.is_open else None])
    stop = MenuEntry("Stop watching…", Action.OPEN, incident.id, STOP_MODAL)
    silence, *more = _silence(incident)
    if incident.is_open and incident.acknowledgement is None:  # Acknowledge is long: a phone has no room for Silence
        return actions([_next_step(incident), logs, overflow([silence, *more, *metrics, note, stop])])
    shown = button(silence.label.rstrip("…"), silence.action, silence.value, key=silence.key)
    return actions([_next_step(incident), shown, logs, overflow([note, *more, *metrics, stop])])


def _metrics(incident: Incident, lead: IncidentAlert) -> list[MenuEntry]:
    """The metrics around the alert, if they are what it is about."""
    if lead.rule not in _METRIC_RULES:
        return []
    times = (format_ns(ns_from_datetime(lead.fired_at + side)) for side in (-_METRICS_SPAN, _METRICS_SPAN))
    command = f"metrics {quote(str(incident.job.ref))} --start {next(times)} --end {next(times)}"
    return [MenuEntry("Metrics", Action.OPEN, command, ANSWER_MODAL)]


def _next_step(incident: Incident) -> Block | None:
    """The button to take an incident, green if it is urgent; to close it when somebody has it; or to undo that."""
    if incident.closing is not None and replace(incident, closing=None).is_open:
        return button("Reopen", Action.REOPEN, incident.id)
    if not incident.is_open:
        return None
    if incident.acknowledgement is not None:
        return button("Resolve", Action.RESOLVE, incident.id)
    is_muted = incident.muted is not None and incident.resolved_at is None
    is_urgent = incident.severity is Severity.PAGE and not is_muted
    return button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary" if is_urgent else None)


def _silence(incident: Incident) -> list[MenuEntry]:
    """To silence the alerts, or to undo it."""
    if incident.muted is not None:
        return [MenuEntry("Unmute", Action.CHANGE, f"silence end {incident.muted.silence_id}")]
    hour = MenuEntry("Silence 1 hour", Action.CHANGE, f"silence 1h {incident.job.ref}")
    return [MenuEntry("Silence…", Action.OPEN, incident.id, SILENCE_MODAL), hour]
