"""The form of a query: a field for each part, and above them the command that it makes, to learn from."""

from collections.abc import Mapping

from bot.commands.parsing.query_draft import AROUND_TIME, SHOWN, TIMES, QueryDraft, QueryField, encode_draft
from bot.domain.job_matching import KnownJob
from bot.domain.logs import Level
from bot.slack.render.blocks import QUERY_MODAL, section
from bot.slack.render.icons import STATE_ICONS
from bot.slack.render.message import MAX_OPTION_VALUE, Block
from bot.slack.render.modal import Choice, Field, Modal, menu_input, search_input, text_input
from bot.slack.render.text import clean, code

QUERY_TITLE = "Logs and metrics"
_SHOWN_COMMAND = 600
_LABELS = {"logs": "Logs", "metrics": "Metrics", "status": "Status", "diagnose": "Diagnosis"}
_NO_RANGE = {"logs": "The newest lines", "metrics": "The last hour", "diagnose": "The whole log"}
"""The time range of a command that names none."""
_RANGE_LABELS = {
    "15m": "The last 15 minutes",
    "1h": "The last hour",
    "6h": "The last 6 hours",
    "1d": "The last day",
    "7d": "The last 7 days",
    TIMES: "From one time to another…",
    AROUND_TIME: "Around a time…",
}
_NONE = "none"
"""The value of the entry for no time range."""
_TIME = "30m, 03:00, yesterday, 29 Nov 03:06"
_ZONE = "In your time zone."
_TEXTS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field(QueryField.FROM, "From", _TIME, _ZONE, is_live=True),
        Field(QueryField.UNTIL, "Until", "now", is_live=True),
        Field(QueryField.AROUND, "Around", _TIME, _ZONE, is_live=True),
        Field(QueryField.INCLUDE, "Contains", "loss", "Exactly this text, case-sensitive.", is_live=True),
        Field(QueryField.EXCLUDE, "Does not contain", "eval", is_live=True),
        Field(QueryField.GREP, "Pattern", "(?i)nccl|cuda", "RE2; (?i) ignores case.", is_live=True),
        Field(QueryField.RANKS, "Ranks", "0-3, 8", is_live=True),
        Field(QueryField.MORE, "More options", "--limit 500 --desc", "As in a command.", is_live=True),
    )
}
_LONGEST = 1_000
"""Characters of a text; the whole command is limited too."""


def job_choice(job: KnownJob, group: str = "") -> Choice:
    """A job as the entry of a menu: its name; below it its state, its platform and its id."""
    ref, name = str(job.ref), job.name or job.ref.id
    icon, state = (f"{STATE_ICONS[job.state]} ", f"{job.state} · ") if job.state is not None else ("", "")
    return Choice(clean(ref)[:MAX_OPTION_VALUE], icon + name, state + ref, group)


def typed_choice(typed: str) -> Choice:
    """What was typed, to be looked up as a name, an ID or the URL of a page."""
    text = clean(" ".join(typed.split()))[:MAX_OPTION_VALUE]
    return Choice(text, f"Look up “{text}”", "a name, an ID or the URL of a page", "Anything else")


def render_query(draft: QueryDraft, job: Choice | None) -> Modal:
    """The form; `job` is the chosen job with its name."""
    fields = draft.fields
    preview = section(f"As a command: {code('/train ' + draft.command('JOB'), _SHOWN_COMMAND)}")
    blocks = (preview, *(_field(name, draft, job) for name in fields))
    hidden = QueryDraft({name: text for name, text in draft.values.items() if name not in fields})
    return Modal(QUERY_MODAL, QUERY_TITLE, blocks, encode_draft(hidden), submit="Show", close="Cancel")


def _field(name: QueryField, draft: QueryDraft, job: Choice | None) -> Block:
    match name:
        case QueryField.JOB:
            field = Field(name, "Job", "Type a name, an ID or an owner", is_optional=False, is_live=True)
            return search_input(field, job)
        case QueryField.SHOW:
            choices = [Choice(shown, _LABELS[shown]) for shown in SHOWN]
            return menu_input(Field(name, "Show", is_optional=False, is_live=True), choices, draft.shown)
        case QueryField.RANGE:
            return _range(draft)
        case QueryField.LEVEL:
            levels = [Choice(level.name.lower(), f"{level.name.capitalize()} and worse") for level in Level]
            return menu_input(Field(name, "Level", "Any level", is_live=True), levels, draft.get(name))
        case _:
            return text_input(_TEXTS[name], draft.get(name), longest=_LONGEST)


def _range(draft: QueryDraft) -> Block:
    ranges = {_NONE: _NO_RANGE[draft.shown], **_RANGE_LABELS}
    choices = [Choice(value, label) for value, label in ranges.items() if value != AROUND_TIME or draft.shown == "logs"]
    chosen = draft.get(QueryField.RANGE)
    field = Field(QueryField.RANGE, "Time", is_optional=False, is_live=True)
    return menu_input(field, choices, chosen if chosen in {one.value for one in choices} else _NONE)
