"""Answers about what a channel watches and silences."""

from collections.abc import Sequence

from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.patterns import WatchPatternAnswer
from bot.commands.subcommands.subscriptions import (
    ChannelAnswer,
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.alerts import Severity
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.job_matching import Matcher
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import Silence, Watched
from bot.domain.wording import plural
from bot.rules.run_settings import format_run_settings
from bot.slack.render.blocks import (
    Action,
    actions,
    button,
    confirm,
    context,
    row_sections,
    section,
    share_button,
    tune_button,
)
from bot.slack.render.board import board_choice
from bot.slack.render.icons import PENDING
from bot.slack.render.jobs import job_cell, job_link, job_name, job_summary, state_cell
from bot.slack.render.message import Block, Message, message
from bot.slack.render.patterns import pattern_row, render_watch_pattern
from bot.slack.render.tables import TableCell, table_block
from bot.slack.render.text import code, one_line, person, slack_time

_PATTERNS_BUDGET = 2000
_WATCHED_BUDGET = 5500
_COLUMNS = ("Job", "State", "By")
_SILENCES_BUDGET = 1500


def render_subscriptions(answer: ChannelAnswer) -> Message:
    """The message of an answer, for the one who asked."""
    match answer:
        case WatchAnswer():
            return render_watch(answer)
        case UnwatchAnswer():
            return render_unwatch(answer)
        case RestoreAnswer():
            return _render_restored(answer)
        case ListAnswer():
            return render_list(answer)
        case SilenceAnswer():
            return render_silence(answer)
        case ConfirmAnswer():
            return render_question(answer)
        case WatchPatternAnswer():
            return render_watch_pattern(answer)


def render_watch(answer: WatchAnswer) -> Message:
    """A subscription was created or changed: what alerts to expect, in one line; a button shows the rules."""
    job = answer.job
    verb = "Watching" if answer.created else "Updated alert settings for" if answer.has_changed else "Already watching"
    ref = quote(str(job.ref))
    asks = confirm("Stop watching?", f"This channel gets no more alerts for {job.name or job.ref}.", "Stop watching")
    unwatch = button("Unwatch", Action.REPLACE, f"unwatch {ref}", asks=asks)
    by = f"by {person(answer.subscription.created_by)}, until the job ends"
    notes = context([by, *_rule_changes(answer)])
    expected = one_line(answer.expected, 400)
    return message(
        f"{verb} {job_name(job)}. {expected}",
        [
            section(f"👀 {verb} {job_link(job)}. {expected}"),
            notes,
            actions([tune_button(ref), unwatch]),
        ],
    )


def render_unwatch(answer: UnwatchAnswer) -> Message:
    """The subscriptions that ended, with a button to undo it."""
    by = person(answer.by) if answer.by else "This channel"
    if answer.pattern:
        which = f"jobs that match {code(answer.pattern, 500)} in this channel ({plural(len(answer.jobs), 'job')})"
        text = f"{by} stopped watching {which}."
        undo = actions([button("Undo", Action.REPLACE, answer.undo)]) if answer.undo else None
        return message(
            text, [section(text), *_several(answer.jobs), context([one_line(note, 300) for note in answer.notes]), undo]
        )
    match answer.jobs:
        case ():
            return message("This channel does not watch any job.", [section("This channel does not watch any job.")])
        case (job,):
            text = f"{by} stopped watching {code(str(job))} in this channel."
        case jobs:
            text = f"{by} stopped watching {plural(len(jobs), 'job')} in this channel."
    undo = actions([button("Undo", Action.REPLACE, answer.undo)])
    return message(text, [section(text), *_several(answer.jobs), undo])


def _render_restored(answer: RestoreAnswer) -> Message:
    """The subscriptions that were restored."""
    what = code(str(answer.jobs[0])) if len(answer.jobs) == 1 else plural(len(answer.jobs), "job")
    if answer.patterns:
        what = f"what matches {code(', '.join(answer.patterns), 500)} ({plural(len(answer.jobs), 'job')})"
    text = f"👀 {person(answer.by)} resumed watching {what} in this channel, with the same settings."
    return message(text, [section(text), *_several(answer.jobs)])


def _several(jobs: Sequence[JobRef]) -> list[Block]:
    return row_sections([code(str(job)) for job in jobs], 3000, "job") if len(jobs) > 1 else []


def render_question(answer: ConfirmAnswer) -> Message:
    """A question before a change to the whole channel; nothing happens until the button is pressed."""
    text = one_line(answer.question, 300)
    return message(
        text, [section(text), actions([button(answer.label, Action.REPLACE, answer.command, style="danger")])]
    )


def render_list(answer: ListAnswer) -> Message:
    """What a channel watches and has silenced."""
    watched = [_watched(one, answer) for one in answer.watched]
    table, shown = table_block(_COLUMNS, watched, _WATCHED_BUDGET)
    hidden = f"showing {shown} of {plural(len(watched), 'job')}" if shown < len(watched) else ""
    silences = [silence_row(one) for one in answer.silences]
    patterns = [pattern_row(one, answer.problems) for one in answer.patterns]
    watches = [plural(len(rows), noun) for rows, noun in ((patterns, "pattern"), (watched, "job")) if rows]
    what = f"watches {' and '.join(watches)}" if watches else "does not watch any job"
    muted = f" and has {plural(len(silences), 'silence')}" if silences else ""
    names = job_summary([one.job for one in answer.watched if one.job])
    hint = "" if watches else " Type `/train watch REF`; `/train jobs` lists jobs."
    return message(
        f"This channel {what}{f' ({names})' if names else ''}{muted}.",
        [
            section(f"*This channel {what}{muted}.*{hint}"),
            *row_sections(patterns, _PATTERNS_BUDGET, "pattern"),
            *row_sections(silences, _SILENCES_BUDGET, "silence"),
            context([hidden, f"Digest: {board_choice(answer.digest)}" if answer.digest else ""]),
            actions([share_button("list")]) if watches else None,
            table,
        ],
    )


def _watched(watched: Watched, answer: ListAnswer) -> tuple[str | TableCell, ...]:
    """A job, its state and when it was polled, its firing alerts, who watches it, and whether a message follows it."""
    settings, ref = watched.subscription.settings.run, watched.subscription.job
    polled = f" (polled {format_ago(watched.seen_at, answer.at)})" if watched.seen_at else ""
    state = f"{state_cell(watched.job)}{polled}" if watched.job else f"{PENDING} not polled yet"
    follows = f", notify={settings.notify}" if settings.follows_run else ""
    job = job_cell(watched.job) if watched.job else TableCell(code=str(ref))
    firing = f"{plural(watched.firing, 'alert')} firing, " if watched.firing else ""
    return job, f"{firing}{state}{follows}", TableCell(person=watched.subscription.created_by)


def render_silence(answer: SilenceAnswer) -> Message:
    """A silence began, with a button to end it; or it ended."""
    silence = answer.silence
    if answer.ended:
        text = f"🔔 {person(answer.by) if answer.by else 'Somebody'} unmuted {_matchers(silence)}."
        return message(text, [section(text)])
    unwatched = "This channel watches no such job. `/train list` shows what it watches."
    note = context(["" if answer.is_watched else unwatched])
    unmute = actions([button("Unmute", Action.REPLACE, f"silence end {silence.id}")])
    text = f"{_silenced(silence)} for {spoken_duration(silence.ends_at - silence.created_at)}."
    return message(text, [section(silence_text(silence)), note, unmute])


def silence_row(silence: Silence) -> str:
    """A silence in a list, with how to end it."""
    return f"{silence_text(silence)} · `/train silence end {silence.id}`"


def silence_text(silence: Silence) -> str:
    """A silence in one line: by whom, what, until when and why."""
    return f"🔕 {_silenced(silence)} until {slack_time(silence.ends_at)}{_reason(silence)}"


def _rule_changes(answer: WatchAnswer) -> list[str]:
    """How the rules of a subscription differ from the defaults."""
    settings = answer.subscription.settings
    changed = [name for name in sorted(settings.parameters) if name not in settings.off]
    changes = (("custom settings", changed), ("off", settings.off), ("on", settings.on))
    listed = [f"{label}: {', '.join(one_line(name, 60) for name in names)}" for label, names in changes if names]
    minimum = settings.min_severity
    listed += [] if minimum is Severity.INFO else [f"severity {minimum} and higher"]
    return [*listed, *(code(word) for word in format_run_settings(settings.run))]


def _silenced(silence: Silence) -> str:
    return f"{person(silence.created_by)} muted {_matchers(silence)}"


def _reason(silence: Silence) -> str:
    return f" ({one_line(silence.reason, 200)})" if silence.reason else ""


def _matchers(silence: Silence) -> str:
    """What a silence mutes: `alerts for job X`."""
    named = ", ".join(f"{one_line(one.label, 40)} {code(one.value)}{_others(one)}" for one in silence.matchers)
    return f"alerts for {named}" if named else "all alerts in this channel"


def _others(matcher: Matcher) -> str:
    return f" and {plural(len(matcher.others), 'other')}" if matcher.others else ""
