"""Answers about patterns: what a channel watches of the jobs that exist and of those that will."""

from collections.abc import Mapping

from bot.commands.parsing.formatting import matcher_words
from bot.commands.subcommands.patterns import WatchPatternAnswer
from bot.domain.job_matching import platform_of
from bot.domain.subscriptions import PatternSubscription
from bot.domain.wording import plural
from bot.slack.render.blocks import (
    Action,
    MenuEntry,
    actions,
    button,
    confirm,
    context,
    overflow,
    section,
    tune_button,
)
from bot.slack.render.icons import WARNING
from bot.slack.render.message import Message, message
from bot.slack.render.text import code, one_line, person


def render_watch_pattern(answer: WatchPatternAnswer) -> Message:
    """A pattern was created or changed: what it watches now, what alerts to expect, and what it costs."""
    pattern = answer.pattern
    verb = "Watching" if answer.is_new else "Updated alert settings for"
    now = f"{plural(answer.matching, 'job')} now" if answer.matching else "none now"
    expected = one_line(answer.expected, 400)
    new = "announced here" if pattern.announce else "not announced"
    notes = [
        f"by {person(pattern.created_by)}",
        f"new jobs are {new}",
        f"at most {plural(pattern.limit, 'job')} at once",
        one_line(str(answer.cost), 300),
    ]
    typed = matcher_words(pattern.matchers)
    asks = confirm("Stop watching?", f"This channel gets no more alerts for {pattern.text}.", "Stop watching")
    unwatch = button("Unwatch", Action.REPLACE, f"unwatch {typed}", asks=asks)
    warnings = [f"{WARNING} {one_line(note, 400)}" for note in (*_skipped(pattern), *answer.notes)]
    return message(
        f"{verb} every job that matches {code(pattern.text, 500)} ({now}), and new ones as they start. {expected}",
        [
            section(f"👀 {verb} every job that matches {code(pattern.text, 500)}: {now}, and new ones as they start."),
            section("\n".join([expected, *warnings])),
            context(notes),
            actions([tune_button(typed), unwatch, overflow([MenuEntry("What is watched", Action.SHOW, "list")])]),
        ],
    )


def pattern_row(pattern: PatternSubscription, problems: Mapping[str, str]) -> str:
    """A pattern in a list: how many jobs it watches, its limit if that is reached, and who made it."""
    parts = [f"👀 {code(pattern.text, 500)} {plural(pattern.watched, 'job')}", *_skipped(pattern)]
    parts += [] if pattern.announce else ["new jobs are not announced"]
    platform = platform_of(pattern.matchers)
    parts += [
        f"{WARNING} {one_line(name, 60)} cannot be listed, so new jobs are not watched: {one_line(problem, 200)}"
        for name, problem in problems.items()
        if platform in (None, name)
    ]
    return " · ".join([*parts, f"by {person(pattern.created_by)}"])


def _skipped(pattern: PatternSubscription) -> list[str]:
    if not pattern.skipped:
        return []
    return [f"{plural(pattern.skipped, 'more job')} kept out by the limit of {pattern.limit:,}"]
