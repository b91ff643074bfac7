"""Answers about what a channel watches and silences."""

from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.domain.alerts import Severity
from bot.domain.subscriptions import Silence
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context, row_sections, section, share_button
from bot.slack.render.icons import SEVERITY_LEGEND, STATE_ICONS
from bot.slack.render.jobs import job_link, job_name, job_summary, watched_row
from bot.slack.render.message import Message, message
from bot.slack.render.rules import rule_row
from bot.slack.render.text import code, one_line, person, plain_time, slack_time

_WATCHED_BUDGET = 5500
_SILENCES_BUDGET = 1500


def render_subscriptions(answer: WatchAnswer | UnwatchAnswer | ListAnswer | SilenceAnswer) -> Message:
    """The message of an answer, for the one who asked."""
    match answer:
        case WatchAnswer():
            return render_watch(answer)
        case UnwatchAnswer():
            return render_unwatch(answer)
        case ListAnswer():
            return render_list(answer)
        case SilenceAnswer():
            return render_silence(answer)


def render_watch(answer: WatchAnswer) -> Message:
    """A subscription was created or changed."""
    job = answer.job
    verb = "now watches" if answer.created else "has new settings for" if answer.has_changed else "is already watching"
    by = f"by {person(answer.subscription.created_by)}"
    shown = section(f"👀 This channel {verb} {STATE_ICONS[job.state]} {job_link(job)}")
    notes = context([code(str(job.ref)), by, *_rule_changes(answer)])
    return message(f"This channel {verb} {job_name(job)}.", [shown, notes])


def render_watch_settings(answer: WatchAnswer) -> Message:
    """The rules of a subscription, for the thread below `render_watch`."""
    change = f"Change: `/train watch {one_line(str(answer.job.ref), 200)} rule.parameter=value`"
    return message(
        f"Rules for {job_name(answer.job)} in this channel.",
        [
            *row_sections([rule_row(rule) for rule in answer.rules] or ["All rules are off."], 6000, "rule"),
            context([SEVERITY_LEGEND, change, "Ends with the job or `/train unwatch`"]),
        ],
    )


def render_unwatch(answer: UnwatchAnswer) -> Message:
    """The subscriptions that ended."""
    match answer.jobs:
        case ():
            what = "does not watch any job"
        case (job,):
            what = f"no longer watches {code(str(job))}"
        case jobs:
            what = f"no longer watches {plural(len(jobs), 'job')}"
    text = f"This channel {what}."
    rows = [code(str(job)) for job in answer.jobs] if len(answer.jobs) > 1 else []
    return message(text, [section(text), *row_sections(rows, 3000, "job")])


def render_list(answer: ListAnswer) -> Message:
    """What a channel watches and has silenced."""
    watched = [f"{watched_row(one, answer.at)} · by {person(one.subscription.created_by)}" for one in answer.watched]
    silences = [silence_row(one) for one in answer.silences]
    what = f"watches {plural(len(watched), 'job')}" if watched else "does not watch any job"
    muted = f" and has {plural(len(silences), 'silence')}" if silences else ""
    names = job_summary([one.job for one in answer.watched if one.job])
    hint = "" if watched else " Type `/train watch REF`; `/train jobs` lists jobs."
    return message(
        f"This channel {what}{f' ({names})' if names else ''}{muted}.",
        [
            section(f"*This channel {what}{muted}.*{hint}"),
            *row_sections(watched, _WATCHED_BUDGET, "job"),
            *row_sections(silences, _SILENCES_BUDGET, "silence"),
            actions([share_button("list")]) if watched else None,
        ],
    )


def render_silence(answer: SilenceAnswer) -> Message:
    """A silence began or ended."""
    silence = answer.silence
    if answer.ended:
        what = f"alerts of {_matchers(silence)}" if silence.matchers else "alerts"
        text = f"Silence {silence.id} ended; {what} resume."
        return message(text, [section(f"🔔 {text}")])
    unwatched = "This channel does not watch that job. `/train list` shows what it watches."
    note = context(["" if answer.is_watched else unwatched])
    unmute = actions([button("Unmute", Action.CHANGE, f"silence end {silence.id}")])
    text = f"{_silenced(silence)} until {plain_time(silence.ends_at)}."
    return message(text, [section(silence_row(silence)), note, unmute])


def silence_row(silence: Silence) -> str:
    """A silence in a list: what, until when, by whom, why, and how to end it."""
    by = f"by {person(silence.created_by)}" + (f": {one_line(silence.reason, 200)}" if silence.reason else "")
    return f"🔕 {_silenced(silence)} until {slack_time(silence.ends_at)} {by} · `/train silence end {silence.id}`"


def _rule_changes(answer: WatchAnswer) -> list[str]:
    """How the rules of a subscription differ from the defaults."""
    settings = answer.subscription.settings
    changed = [name for name in sorted(settings.parameters) if name not in settings.off]
    changes = (("changed", changed), ("off", settings.off), ("on", settings.on))
    listed = [f"{label}: {', '.join(one_line(name, 60) for name in names)}" for label, names in changes if names]
    minimum = settings.min_severity
    return listed if minimum is Severity.INFO else [*listed, f"severity {minimum} and higher"]


def _silenced(silence: Silence) -> str:
    return f"Alerts of {_matchers(silence)} silenced" if silence.matchers else "All alerts in this channel silenced"


def _matchers(silence: Silence) -> str:
    return ", ".join(f"{one_line(one.label, 40)} {code(one.value)}" for one in silence.matchers)
