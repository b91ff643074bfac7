"""App Home: what one person watches where, how trainwatch is, and what can be typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.commands.answers import SystemStatus
from bot.commands.parsing.help import overview
from bot.commands.subcommands.spec import Frontend
from bot.commands.subcommands.subscriptions import Watched
from bot.domain.checks import HEARTBEAT_STALE, ON_TIME
from bot.domain.durations import format_ago, format_duration
from bot.domain.wording import plural
from bot.slack.render.blocks import context, divider, header, listed_sections
from bot.slack.render.jobs import job_row
from bot.slack.render.message import Block, channel_link, code, escape, moment


@dataclass(frozen=True, slots=True)
class HomeView:
    """What App Home shows to one person."""

    watched: Sequence[Watched]
    """The subscriptions this person made: those of others may be in channels this person may not see."""
    heartbeats: Sequence[tuple[str, datetime | None]]
    """(what, when last heard of): `polling`, `delivery`."""
    at: datetime
    strain: SystemStatus | None = None
    """None: not known."""


def render_home(home: HomeView) -> dict[str, object]:
    """The view for views.publish."""
    help_rows = [f"{code('/train ' + what)} {escape(meaning)}" for what, meaning in overview(Frontend.SLACK).rows]
    blocks: list[Block | None] = [
        header("What you watch"),
        *listed_sections([_row(one, home.at) for one in home.watched] or [_NOTHING], 8000, "job"),
        divider(),
        header("How trainwatch is"),
        *listed_sections(_facts(home) or ["not known"], 1500, "loop"),
        divider(),
        header("What you can type"),
        *listed_sections(help_rows, 6000, "command"),
        context([f"as of {moment(home.at, seconds=True)}; open this tab again to refresh"]),
    ]
    return {"type": "home", "blocks": [block for block in blocks if block is not None]}


_NOTHING = "Nothing yet. Type `/train watch REF` in a channel; `/train jobs` shows what runs."


def _row(one: Watched, now: datetime) -> str:
    job = job_row(one.job) if one.job else f"⏳ {code(str(one.subscription.job))} not looked at yet"
    firing = f"*{plural(one.firing, 'alert')} firing*" if one.firing else ""
    seen = f"seen {format_ago(one.seen_at, now)}" if one.seen_at else ""
    return " · ".join(part for part in (channel_link(one.subscription.channel), job, firing, seen) if part)


def _facts(home: HomeView) -> list[str]:
    """Loops, what waits for them, and how much of what each platform may be asked is used."""
    facts = [_health(name, at, home.at) for name, at in home.heartbeats]
    return facts + (_strain(home.strain) if home.strain else [])


def _strain(strain: SystemStatus) -> list[str]:
    facts = []
    if strain.overdue >= ON_TIME:
        facts.append(f"🟡 polls are {format_duration(strain.overdue)} behind")
    if strain.unsent_for >= ON_TIME:
        waits = format_duration(strain.unsent_for)
        facts.append(f"🟡 {plural(strain.unsent, 'message')} not sent yet, the oldest for {waits}")
    return facts + [
        f"{escape(name)}: {rate.last_minute:,} of at most {rate.max_per_minute:,} requests in the last minute"
        for name, rate in strain.request_rates.items()
    ]


def _health(name: str, at: datetime | None, now: datetime) -> str:
    if at is None:
        return f"⚪ {escape(name)}: never ran"
    late = now - at > HEARTBEAT_STALE
    return f"{'🔴' if late else '🟢'} {escape(name)}: {'last heard of ' if late else ''}{format_ago(at, now)}"
