"""Alerts in Slack: the replies in an incident's thread, and notes. `incident_root` has the root message.

A reply has the evidence: log lines, facts, the whole advice, and the ids. Messages are sent by `bot.slack.notifier`;
what is sent when is decided in `bot.rules`.
"""

from collections.abc import Mapping, Sequence

from bot.domain.alerts import (
    CountedMessage,
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
)
from bot.domain.charts import LineChart
from bot.domain.listings import EVERY_JOB
from bot.domain.wording import plural
from bot.rules.catalog import reports_state
from bot.rules.lead import lead_alert
from bot.slack.render.alert_text import (
    alert_icon,
    alt_sentence,
    ending,
    is_in_first_reply,
    repeats_state,
    repeats_title,
)
from bot.slack.render.blocks import code_sections, context, section
from bot.slack.render.board import render_board
from bot.slack.render.charts import chart_block
from bot.slack.render.digest import render_digest
from bot.slack.render.flapping import render_flapping
from bot.slack.render.icons import NOTE, TIMES
from bot.slack.render.incident_root import render_root
from bot.slack.render.jobs import job_link, job_name
from bot.slack.render.joined import render_joined
from bot.slack.render.log_lines import common_source, excerpt_rows, have_times, line_rows
from bot.slack.render.mentions import NO_MENTIONS, Mentioned, with_mentions
from bot.slack.render.message import Message, message
from bot.slack.render.ownership import OWNER_REPLIES, render_owner_reply
from bot.slack.render.run import render_run
from bot.slack.render.run_events import render_run_event
from bot.slack.render.text import code, escape, linked_hint, one_line, slack_time
from bot.slack.render.verdicts import verdict_rows

_MAX_FACTS = 10
_MAX_FOLLOWING = 20
_LINES_BUDGET = 6000
"""Characters of log lines in a reply: a thread is read on a phone; the Logs button shows the rest."""
_COUNTS_BUDGET = 1500
_EVIDENCE = (NotifyReason.FIRST, NotifyReason.CHANGED, NotifyReason.RETURNED)
"""The reasons of replies that show evidence."""


def render_notification(
    notification: Notification, mentioned: Mentioned = NO_MENTIONS, links: Mapping[str, str] | None = None
) -> Message:
    """The message of any notification, with mentions; a root and its edits are rendered alike.

    `links` has the addresses of the incidents that a run's message names, by incident id.
    """
    incident = notification.incident
    if notification.board is not None:
        return render_board(notification.board)
    if notification.run is not None:
        is_reply = notification.kind is DeliveryKind.REPLY
        return (render_run_event if is_reply else render_run)(notification.run, links or {})
    if notification.digest is not None and notification.kind is not DeliveryKind.DIRECT:
        return render_digest(notification, mentioned)
    if notification.joined is not None:
        return render_joined(notification.joined)
    if incident is None or notification.kind is DeliveryKind.NOTE:
        return render_note(notification)
    if notification.kind is not DeliveryKind.REPLY:
        return render_root(incident, mentioned)
    return with_mentions(_render_any_reply(notification, incident), mentioned)


def _render_any_reply(notification: Notification, incident: Incident) -> Message:
    if notification.reason in OWNER_REPLIES:
        return render_owner_reply(notification)
    alert = next((one for one in incident.alerts if one.id == notification.alert_id), None)
    if alert is None:
        return render_note(notification)
    if notification.reason in (NotifyReason.FLAPPING, NotifyReason.STABLE):
        return render_flapping(incident, alert, notification.reason)
    return render_reply(incident, alert, notification.reason, broadcast=notification.broadcast)


def render_reply(incident: Incident, alert: IncidentAlert, reason: NotifyReason, *, broadcast: bool = False) -> Message:
    """The evidence of one alert: log lines, facts and what to try; or how the alert ended."""
    job, evidence = incident.job, alert.evidence
    where = f" · {job_link(job)}" if broadcast else ""
    title = f"{alert_icon(job, alert)} *{one_line(alert.title, 200)}*{where}"
    if alert.resolved_at is not None:
        rows = [f"{title}: {ending(job, alert)}", *_consequences(incident, alert, are_late=True)]
        return message(alt_sentence(incident, alert), [section("\n".join(rows)), context([code(alert.id)])])
    if reason is NotifyReason.CHANGED:
        title += " · updated"
    if reason is NotifyReason.RETURNED:
        title += " · fires again"
    counts, _ = code_sections(_count_rows(evidence.messages), _COUNTS_BUDGET)
    blocks, shown = code_sections(_rows(evidence), _LINES_BUDGET)
    introduction = "" if repeats_title(alert) or evidence.root is not None else _introduction(evidence)
    tail = [*_facts(evidence), *_advice(incident, alert), *_consequences(incident, alert)]
    return message(
        alt_sentence(incident, alert),
        [
            section(f"{title}\n{introduction}".rstrip()),
            chart_block(evidence.chart) if evidence.chart is not None else None,
            *counts,
            *blocks,
            section("\n".join(tail)) if tail else None,
            context([*_lines_notes(evidence, shown), code(str(job.ref)), code(alert.id)]),
        ],
    )


def evidence_chart(notification: Notification) -> LineChart | None:
    """The chart that a reply shows, about an alert or the end of a run; None without one."""
    if notification.run is not None:
        return notification.run.chart if notification.kind is DeliveryKind.REPLY else None
    is_reply = notification.kind is DeliveryKind.REPLY and notification.reason in _EVIDENCE
    if not is_reply or notification.incident is None or notification.digest is not None:
        return None
    alert = next((one for one in notification.incident.alerts if one.id == notification.alert_id), None)
    chart = None if alert is None or alert.resolved_at is not None else alert.evidence.chart
    return None if chart is None or chart_block(chart) is None else chart


def render_note(notification: Notification) -> Message:
    """An update that is not an alert, such as the end of the job. In a thread, the root names the job."""
    text, job = one_line(notification.text or "This job was updated.", 1500), notification.job
    if job.ref.id == EVERY_JOB:
        return message(text, [section(f"{NOTE} {text}")])
    incident = notification.incident if notification.kind is DeliveryKind.REPLY else None
    where = [code(str(job.ref))] if notification.kind is DeliveryKind.REPLY else [job_link(job), code(str(job.ref))]
    alt_text = text if job_name(job) in text else f"{job_name(job)}: {text}"
    follows = (
        []
        if incident is None
        else [row for one in incident.alerts for row in _consequences(incident, one, are_late=True)]
    )
    return message(alt_text, [section("\n".join([f"{NOTE} {text}", *follows])), context(where)])


def _introduction(evidence: Evidence) -> str:
    """The summary above the lines, without a line that it quotes if that is among them; or what is predicted."""
    if evidence.expected_at is not None:
        return f"{one_line(evidence.summary, 600)} Expected {slack_time(evidence.expected_at)}."
    if len(evidence.messages) > 1:
        return f"{plural(evidence.count, 'error')}, {plural(len(evidence.messages), 'kind')}:"
    if _is_quoted(evidence.summary, evidence):
        return ""
    start, colon, quoted = evidence.summary.partition(": ")
    is_below = colon and _is_quoted(quoted, evidence)
    return one_line(f"{start}:" if is_below else evidence.summary, 600)


def _is_quoted(text: str, evidence: Evidence) -> bool:
    """Whether the lines of the evidence contain a text."""
    return any(" ".join(text.split()) in " ".join(line.message.split()) for line in evidence.lines)


def _count_rows(messages: Sequence[CountedMessage]) -> list[str]:
    """The number of times and the message, for two or more different messages."""
    if len(messages) < 2:
        return []
    return [f"{one.count:>4,} {TIMES} {escape(' '.join(one.message.split())[:200])}" for one in messages]


def _rows(evidence: Evidence) -> list[str]:
    if have_times(evidence.lines):
        return line_rows(evidence.lines, max_line=1500)
    return excerpt_rows([line.message for line in evidence.lines], evidence.root, max_line=1500)


def _facts(evidence: Evidence) -> list[str]:
    source = common_source(evidence.lines)
    new = [(label, value) for label, value in evidence.facts if not _in_summary(value, evidence) and value != source]
    return [
        f"*{one_line(label, 60)}{'' if label.endswith(' at') else ':'}* {one_line(value, 300)}"
        for label, value in new[:_MAX_FACTS]
    ]


def _advice(incident: Incident, alert: IncidentAlert) -> list[str]:
    """The verdict, and what to try, unless the alert only repeats the job's state and the headline names the cause."""
    hint, verdict = alert.evidence.hint, alert.evidence.verdict
    is_known = reports_state(alert.rule) and lead_alert(incident) is not alert
    return [*verdict_rows(verdict), *([f"*Try:* {linked_hint(hint)}"] if hint and not is_known else [])]


def _consequences(incident: Incident, cause: IncidentAlert, *, are_late: bool = False) -> list[str]:
    """The alerts that follow from this one: those of its first reply, or those that fired later."""
    job = incident.job
    following = [
        one
        for one in incident.alerts[:_MAX_FOLLOWING]
        if one.caused_by == cause.id
        and is_in_first_reply(incident, one) is not are_late
        and not repeats_state(job, one)
    ]
    return [
        f"{alert_icon(job, one)} *{one_line(one.title, 200)}:* {one_line(one.evidence.summary, 300)}"
        for one in following
        if are_late or not _is_quoted(one.evidence.summary, cause.evidence)
    ]


def _lines_notes(evidence: Evidence, shown: int) -> list[str]:
    source, timed = common_source(evidence.lines), have_times(evidence.lines)
    more = f"showing {shown:,} of {plural(evidence.count, 'line')}; press Logs above for the rest"
    is_cut = timed and evidence.count > shown
    origin = f"{'those shown are' if is_cut else 'all'} from {code(source)}" if source else ""
    return ["times in UTC" if timed else "", origin, more if is_cut else ""]


def _in_summary(value: str, evidence: Evidence) -> bool:
    """Whether the summary contains the value. A bare number does not count: it would match any other number."""
    return not value.isdigit() and value in evidence.summary
