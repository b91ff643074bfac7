"""App Home: the open alerts of one person, the jobs that person watches, the status of trainwatch, and the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.commands.answers import SystemStatus
from bot.commands.parsing.help import overview
from bot.commands.subcommands.spec import Frontend
from bot.domain.alerts import Incident
from bot.domain.checks import HEARTBEAT_STALE, ON_TIME
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.subscriptions import Watched
from bot.domain.undelivered import Undelivered
from bot.domain.wording import plural
from bot.rules.lead import lead_alert
from bot.slack.render.alert_text import TITLE_LIMIT, incident_icon
from bot.slack.render.blocks import context, divider, header, row_sections, section
from bot.slack.render.icons import WARNING
from bot.slack.render.jobs import job_link, watched_row
from bot.slack.render.message import Block
from bot.slack.render.text import channel_link, code, escape, one_line, person, slack_time

_NO_EMAIL = (
    "🟡 Alerts cannot mention who started a job, because Slack does not show e-mail addresses to trainwatch "
    "(scope `users:read.email`)"
)
_NO_JOBS = "No jobs yet. Type `/train watch REF` in a channel; `/train jobs` lists jobs."


@dataclass(frozen=True, slots=True)
class HomeView:
    """What App Home shows to one person."""

    watched: Sequence[Watched]
    """This person's subscriptions only: others may be in channels this person cannot see."""
    heartbeats: Sequence[tuple[str, datetime | None]]
    """(label of a background loop, last heartbeat)."""
    at: datetime
    status: SystemStatus | None = None
    """None when unknown."""
    owned: Sequence[Incident] = ()
    """Open incidents of the person's own jobs, and those the person acknowledged."""
    is_email_known: bool = True
    """Whether Slack shows the app the person's e-mail address."""
    undelivered: Sequence[Undelivered] = ()
    """Messages that were refused, if the person may see them."""


def render_home(home: HomeView) -> dict[str, object]:
    """The view for views.publish."""
    help_rows = [f"{code('/train ' + what)} {escape(meaning)}" for what, meaning in overview(Frontend.SLACK).rows]
    jobs = [f"{channel_link(one.subscription.channel)} · {watched_row(one, home.at)}" for one in home.watched]
    status = [_heartbeat(label, at, home.at) for label, at in home.heartbeats]
    status += _backlog(home.status) if home.status else []
    status += [] if home.is_email_known else [_NO_EMAIL]
    owned = [_owned_row(incident, home.at) for incident in home.owned]
    blocks: list[Block | None] = [
        header("Your open alerts") if owned else None,
        *row_sections(owned, 4000, "alert"),
        divider() if owned else None,
        header("Not delivered") if home.undelivered else None,
        *row_sections([_undelivered_row(one) for one in home.undelivered], 4000, "reason"),
        divider() if home.undelivered else None,
        header("Jobs you watch"),
        *row_sections(jobs or [_NO_JOBS], 8000, "job"),
        divider(),
        header("Status"),
        *row_sections(status or ["unknown"], 1500, "line"),
        divider(),
        header("Commands"),
        *row_sections(help_rows, 6000, "command"),
        context([f"As of {slack_time(home.at, seconds=True)}. Open this tab again to refresh."]),
    ]
    return {"type": "home", "blocks": [block for block in blocks if block is not None]}


def render_refused_home(refusal: str) -> dict[str, object]:
    """The view for a person who may not use trainwatch."""
    return {"type": "home", "blocks": [section(f"{WARNING} {escape(refusal)}")]}


def _owned_row(incident: Incident, now: datetime) -> str:
    """What broke, on which job, where, and who has it."""
    lead, taken = lead_alert(incident), incident.acknowledgement
    what = one_line(lead.title, TITLE_LIMIT) if lead else "Alert"
    owner = f"acknowledged by {person(taken.by)}" if taken else "*nobody has acknowledged it*"
    where, since = channel_link(incident.channel), format_ago(incident.opened_at, now)
    return f"{incident_icon(incident)} {what} · {job_link(incident.job)} · {where} · {since} · {owner}"


def _undelivered_row(refused: Undelivered) -> str:
    """Which channel missed what, why, and whether it still arrives once a person fixes it."""
    icon, state = ("🟡", "waiting") if refused.is_waiting else ("🔴", "given up")
    what = f"{plural(refused.count, 'message')} {state}"
    since = slack_time(refused.since)
    where = person(refused.channel) if refused.channel[:1] in ("U", "W") else channel_link(refused.channel)
    return f"{icon} {where} · {what}, the first from {since} · {one_line(refused.reason, 240)}"


def _heartbeat(label: str, at: datetime | None, now: datetime) -> str:
    if at is None:
        return f"⚪ {escape(label)}: not started"
    icon, late = ("🔴", " is late") if now - at > HEARTBEAT_STALE else ("🟢", "")
    return f"{icon} {escape(label)}{late}: last run {format_ago(at, now)}"


def _backlog(status: SystemStatus) -> list[str]:
    """What waits for too long, and how much of each rate limit is used."""
    facts = []
    if status.overdue >= ON_TIME:
        facts.append(f"🟡 Polling is {spoken_duration(status.overdue)} behind schedule")
    if status.unsent_for >= ON_TIME:
        waited = spoken_duration(status.unsent_for)
        facts.append(f"🟡 {plural(status.unsent, 'message')} not sent yet; the oldest has waited {waited}")
    return facts + [
        f"{escape(name)}: {rate.last_minute:,} requests in the last minute (limit {rate.max_per_minute:,})"
        for name, rate in status.request_rates.items()
    ]
