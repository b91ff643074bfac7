"""App Home as a dashboard: what is firing, what runs, what is silenced, and for administrators the state of trainwatch.

Times are date tokens, so that the same content is the same text a minute later: it is published only when it changes.
"""

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands.answers import SystemStatus
from bot.commands.parsing.tokenizer import quote
from bot.domain.alerts import Receipt
from bot.domain.checks import HEARTBEAT_STALE, ON_TIME
from bot.domain.dashboard import ALL, MINE, OpenIncident, PersonalDashboard, RunningJob, Viewer
from bot.domain.durations import spoken_duration
from bot.domain.jobs import JobState
from bot.domain.progress import position_text
from bot.domain.subscriptions import Silence
from bot.domain.undelivered import Undelivered
from bot.domain.wording import plural
from bot.rules.lead import lead_alert
from bot.slack.render.alert_text import TITLE_LIMIT, incident_icon
from bot.slack.render.blocks import (
    ANSWER_MODAL,
    QUERY_MODAL,
    WATCH_MODAL,
    actions,
    button,
    command_overflow,
    context,
    divider,
    header,
    menu,
    row_sections,
    section,
)
from bot.slack.render.icons import PENDING, STATE_ICONS, WARNING
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.message import Block
from bot.slack.render.subscriptions import silence_text
from bot.slack.render.text import channel_link, clock_time, code, escape, link, one_line, person, slack_time

_STALE = timedelta(minutes=10)
"""A job that was polled longer ago gets a note."""
_MAX_CHANNEL_OPTIONS = 97
_MAX_NAMED_CHANNELS = 3
_MAX_PATTERNS = 5
_FIGURES = "figures"
"""The `block_id` of what changes all the time."""
_TODAY = timedelta(hours=12)


class HomeAction(enum.StrEnum):
    """The `action_id` of each control of App Home, and what its `value` holds."""

    SCOPE = "trainwatch_home_scope"
    """What to see: `all`, `mine` or a channel's id."""
    FAILING = "trainwatch_home_failing"
    """`failing` or `everything`."""
    REFRESH = "trainwatch_home_refresh"
    OPEN = "trainwatch_home_open"
    """As `Action.OPEN`: what a modal is about. The key names the modal."""
    JOB = "trainwatch_home_job"
    """Command text. The answer opens in a modal."""
    ACKNOWLEDGE = "trainwatch_home_acknowledge"
    """The channel, if the person is in it, a space, and the id of an incident. The person takes it if nobody has it."""
    UNMUTE = "trainwatch_home_unmute"
    """A channel's id and, after a space, the number of its silence."""


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """The state of trainwatch, for administrators."""

    status: SystemStatus
    heartbeats: Sequence[tuple[str, datetime | None]] = ()
    """(label of a background loop, last heartbeat)."""
    undelivered: Sequence[Undelivered] = ()
    """Messages that were refused."""


@dataclass(frozen=True, slots=True)
class HomePage:
    """What App Home shows to one person."""

    dashboard: PersonalDashboard
    viewer: Viewer
    links: Mapping[Receipt, str]
    """The addresses of the incidents' messages."""
    refreshes_until: datetime
    polled_at: datetime | None = None
    """When the polling loop last ran."""
    notes: Sequence[str] = ()
    """What Slack hides from the app, in mrkdwn."""
    operator: OperatorFigures | None = None
    """None if the person may not see it."""


def render_home(page: HomePage) -> dict[str, object]:
    """The view for views.publish."""
    shown = page.dashboard
    blocks: list[Block | None] = [
        section(_summary(page)),
        _quick_actions(shown),
        _late(page),
        *([] if shown.is_empty else _filters(shown)),
        *_incidents(page),
        *([] if shown.chosen.failing_only else [*_running(page), *_silences(shown)]),
        *row_sections(list(page.notes), 1500, "note"),
        *(_operator(page.operator, shown.at) if page.operator else []),
        divider(),
        context(
            [
                f"Updated {clock_time(shown.at)}",
                f"refreshes itself until {clock_time(page.refreshes_until)} when something changes",
            ]
        ),
    ]
    direct = page.viewer.direct or page.viewer.user
    return {"type": "home", "private_metadata": direct, "blocks": [block for block in blocks if block is not None]}


def render_refused_home(refusal: str) -> dict[str, object]:
    """The view for a person who may not use trainwatch."""
    return {"type": "home", "blocks": [section(f"{WARNING} {escape(refusal)}")]}


def digest_view(page: HomePage, view: Mapping[str, object]) -> str:
    """Identify what a view shows, apart from the time: a digest of its alerts, a colon, a digest of everything.

    Of figures that change all the time, only that they became a problem counts.
    """
    alerts = [[one.incident.id, one.urgency] for one in page.dashboard.incidents]
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    status = page.operator.status if page.operator else None
    problems = [status.overdue >= ON_TIME, status.unsent_for >= ON_TIME] if status else []
    steady = [one for one in blocks[:-1] if one.get("block_id") != _FIGURES]
    return f"{_digest(alerts)}:{_digest([steady, problems])}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def _summary(page: HomePage) -> str:
    shown = page.dashboard
    if shown.is_empty:
        return "*No job is watched here yet.*\nPick a job to get an alert when it fails, hangs or leaves GPUs idle."
    problems = f"*{plural(shown.incident_count, 'open alert')}*" if shown.incident_count else "*No open alerts*"
    running = f"{plural(shown.running_count, 'job')} running or waiting" if shown.running_count else "no jobs running"
    return f"{problems} · {running}"


def _quick_actions(shown: PersonalDashboard) -> Block | None:
    """The buttons at the top; the first one is green while nothing is watched."""
    watch = button(
        "Watch a job", HomeAction.OPEN, "watch", key=WATCH_MODAL, style="primary" if shown.is_empty else None
    )
    search = button("Search logs", HomeAction.OPEN, "logs", key=QUERY_MODAL)
    asked = (("Jobs", "jobs running"), ("Check", "check"), ("Help", "help"))
    answers = [
        button(label, HomeAction.OPEN, command, key=f"{ANSWER_MODAL}:{label.lower()}") for label, command in asked
    ]
    return actions([watch, search, *answers, button("Refresh", HomeAction.REFRESH, "refresh")])


def _late(page: HomePage) -> Block | None:
    """Shown to everybody: what is below may be old."""
    polled = page.polled_at
    if polled is None or page.dashboard.at - polled <= HEARTBEAT_STALE:
        return None
    return section(
        f"{WARNING} trainwatch has not checked the platforms since {slack_time(polled)}. Alerts may be late."
    )


def _filters(shown: PersonalDashboard) -> list[Block | None]:
    options = [("My runs and channels", ALL), ("Only mine", MINE)]
    hidden = len(shown.channels) - _MAX_CHANNEL_OPTIONS
    options += [(f"#{name}", channel) for channel, name in shown.channels[:_MAX_CHANNEL_OPTIONS]]
    if shown.chosen.scope not in dict(map(reversed, options)):  # type: ignore[arg-type]
        options.append(("The chosen channel", shown.chosen.scope))
    failing = [("All jobs", "everything"), ("Only failing", "failing")]
    return [
        actions(
            [
                menu("Whose jobs", HomeAction.SCOPE, options, chosen=shown.chosen.scope),
                menu(
                    "Which jobs",
                    HomeAction.FAILING,
                    failing,
                    chosen="failing" if shown.chosen.failing_only else "everything",
                ),
            ]
        ),
        context([f"{plural(hidden, 'quieter channel')} not in this menu"]) if hidden > 0 else None,
    ]


def _incidents(page: HomePage) -> list[Block | None]:
    shown = page.dashboard
    if not shown.incidents:
        return []
    hidden = shown.incident_count - len(shown.incidents)
    return [
        header("Open alerts"),
        *(_incident_block(one, page) for one in shown.incidents),
        context([f"… and {plural(hidden, 'more alert')}; choose a channel above to see fewer at once"])
        if hidden
        else None,
    ]


def _incident_block(one: OpenIncident, page: HomePage) -> Block:
    """One line: what broke, on which job, since when, who has it, and where."""
    incident, viewer = one.incident, page.viewer
    lead, taken, muted = lead_alert(incident), incident.acknowledgement, incident.muted
    title = one_line(lead.title if lead else "Alert", TITLE_LIMIT).replace("|", "¦")
    is_in = viewer.is_in(incident.channel)
    address = page.links.get(one.root) if one.root is not None and is_in else None
    owner = f"{person(taken.by)} is on it" if taken else "*no owner*"
    if muted is not None and incident.resolved_at is None:
        owner = f"🔕 until {_time(muted.until, page.dashboard.at)}"
    parts = [
        f"{incident_icon(incident)} *{link(address, title)}*",
        _short_name(one),
        f"since {_time(incident.opened_at, page.dashboard.at)}",
        owner,
        _place(incident.channel, viewer) if is_in else "",
    ]
    shown = section(" · ".join(part for part in parts if part))
    value = f"{incident.channel if is_in else ''} {incident.id}"
    take = None if taken else button("Acknowledge", HomeAction.ACKNOWLEDGE, value)
    return shown | ({"accessory": take} if take else {})


def _short_name(one: OpenIncident) -> str:
    return link(one.incident.job.url, job_name(one.incident.job))


def _running(page: HomePage) -> list[Block | None]:
    shown = page.dashboard
    if not shown.running and not shown.patterns:
        return []
    hidden = shown.running_count - len(shown.running)
    return [
        header("Running"),
        *(_running_block(one, page) for one in shown.running),
        _patterns(page),
        context([f"… and {plural(hidden, 'more job')}; choose a channel above to see fewer at once"])
        if hidden
        else None,
    ]


def _patterns(page: HomePage) -> Block | None:
    """What new jobs join by themselves."""
    named = [
        f"{code(one.text, 80)} {_place(one.channel, page.viewer)}" for one in page.dashboard.patterns[:_MAX_PATTERNS]
    ]
    if not named:
        return None
    more = len(page.dashboard.patterns) - len(named)
    return context([f"New jobs are watched too: {', '.join(named)}{f' and {more:,} more' if more > 0 else ''}"])


def _running_block(one: RunningJob, page: HomePage) -> Block:
    """One line, with a menu of what to show."""
    words = ("status", "logs", "metrics", "diagnose")
    more = command_overflow(HomeAction.JOB, [(word.title(), f"{word} {quote(str(one.ref))}") for word in words])
    return section(_running_row(one, page)) | ({"accessory": more} if more else {})


def _running_row(one: RunningJob, page: HomePage) -> str:
    """A job with its progress, when it ends, and where it is watched."""
    job, now = one.job, page.dashboard.at
    if job is None:
        return f"{PENDING} {code(str(one.ref), 120)} · not polled yet"
    progress = job.progress if job.state is JobState.RUNNING else None
    ends_at, began = one.ends_at, job.started_at or job.created_at
    how_far = ""
    if progress is not None and progress.step is not None and progress.total_steps and not progress.is_epoch_total:
        how_far = f"{min(100, 100 * progress.step // progress.total_steps)}%"
    elif progress is not None:
        how_far = position_text(progress)
    when = f"ends about {_time(ends_at, now)}" if ends_at else f"since {_time(began, now)}" if began else ""
    is_old = one.seen_at is not None and now - one.seen_at > _STALE
    parts = [
        f"{STATE_ICONS[job.state]} {job_link(job)}",
        "" if job.state is JobState.RUNNING else state_label(job),
        escape(how_far),
        when,
        _places(one, page.viewer),
        f"last seen {slack_time(one.seen_at)}" if is_old and one.seen_at else "",
    ]
    return " · ".join(part for part in parts if part)


def _places(one: RunningJob, viewer: Viewer) -> str:
    seen = [_place(channel, viewer) for channel in one.channels if viewer.is_in(channel)]
    more = len(seen) - _MAX_NAMED_CHANNELS
    return ", ".join(seen[:_MAX_NAMED_CHANNELS]) + (f" and {more:,} more" if more > 0 else "")


def _place(channel: str, viewer: Viewer) -> str:
    return "direct message" if channel in viewer.own_places else channel_link(channel)


def _silences(shown: PersonalDashboard) -> list[Block | None]:
    if not shown.silences:
        return []
    hidden = shown.silence_count - len(shown.silences)
    return [
        header("Silenced"),
        *(_silence_block(one) for one in shown.silences),
        context([f"… and {plural(hidden, 'more silence')}: `/train list` in a channel shows its own"])
        if hidden
        else None,
    ]


def _silence_block(silence: Silence) -> Block:
    unmute = button("Unmute", HomeAction.UNMUTE, f"{silence.channel} {silence.id}")
    shown = section(f"{silence_text(silence)} · {channel_link(silence.channel)}")
    return shown | ({"accessory": unmute} if unmute else {})


def _operator(figures: OperatorFigures, now: datetime) -> list[Block | None]:
    return [
        divider(),
        header("trainwatch"),
        *row_sections([_heartbeat(label, at, now) for label, at in figures.heartbeats], 1500, "line"),
        _figures(figures.status),
        section("*Not delivered*") if figures.undelivered else None,
        *row_sections([_undelivered_row(one) for one in figures.undelivered], 4000, "reason"),
        context(["Only administrators see this part."]),
    ]


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
    is_late = now - at > HEARTBEAT_STALE
    return f"🔴 {escape(label)} is late: last run {slack_time(at)}" if is_late else f"🟢 {escape(label)} runs"


def _figures(status: SystemStatus) -> Block:
    """What waits for too long, and how much of each rate limit is used. These change all the time."""
    late = f"🟡 Polling is {spoken_duration(status.overdue)} behind schedule" if status.overdue >= ON_TIME else ""
    waited = f"; the oldest has waited {spoken_duration(status.unsent_for)}" if status.unsent_for >= ON_TIME else ""
    unsent = f"{'🟡' if waited else '🟢'} {plural(status.unsent, 'message')} not sent yet{waited}"
    rates = [
        f"{one_line(name, 80)}: {rate.last_minute:,} of {rate.max_per_minute:,} requests in the last minute"
        for name, rate in status.request_rates.items()
    ]
    return section("\n".join(part for part in (late, unsent, *rates) if part)) | {"block_id": _FIGURES}


def _time(at: datetime, now: datetime) -> str:
    return clock_time(at) if abs(at - now) < _TODAY else slack_time(at)
