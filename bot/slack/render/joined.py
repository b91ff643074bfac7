"""The message about new jobs that match a channel's patterns."""

from bot.domain.job_matching import KnownJob
from bot.domain.listings import JoinedJobs, OverLimit
from bot.slack.render.blocks import section
from bot.slack.render.icons import WARNING
from bot.slack.render.message import Message, message
from bot.slack.render.text import code, link, one_line

_MAX_PATTERNS = 3


def render_joined(joined: JoinedJobs) -> Message:
    """One line for all new jobs of a listing, and one for each pattern that has reached its limit."""
    rows = [_over_limit(one) for one in joined.over_limit]
    patterns = _patterns(joined)
    match joined.count:
        case 0:
            return message("; ".join(rows), [section("\n".join(rows))])
        case 1:
            (job,) = joined.first
            text = f"Watching a new job: {_name(job)}. It matches {patterns}."
            row = f"👀 Watching a new job: {_linked(job)} {code(str(job.ref))}. It matches {patterns}."
        case count:
            more = f" and {count - len(joined.first):,} more" if count > len(joined.first) else ""
            start, end = f"Watching {count:,} new jobs: ", f"{more}. They match {patterns}."
            text = f"{start}{', '.join(map(_name, joined.first))}{end}"
            row = f"👀 {start}{', '.join(map(_linked, joined.first))}{end}"
    return message(text, [section("\n".join([row, *rows]))])


def _patterns(joined: JoinedJobs) -> str:
    named = " or ".join(code(pattern) for pattern in joined.patterns[:_MAX_PATTERNS])
    hidden = len(joined.patterns) - _MAX_PATTERNS
    return f"{named} or {hidden:,} other patterns" if hidden > 0 else named


def _over_limit(over: OverLimit) -> str:
    pattern = code(over.pattern)
    return (
        f"{WARNING} {pattern} watches {over.limit:,} jobs, its limit. {over.skipped:,} more match and are not watched. "
        "To raise the limit, watch the pattern again with `limit=N`."
    )


def _name(job: KnownJob) -> str:
    return one_line(job.name or str(job.ref), 80)


def _linked(job: KnownJob) -> str:
    return f"*{link(job.url, _name(job))}*"
