"""The form of a silence: what, for how long, why; and the command that does the same. Pure."""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.arguments import clean_reference
from bot.domain.alerts import Incident
from bot.domain.times import parse_long_duration
from bot.errors import UsageError
from bot.rules.catalog import rule_named
from bot.rules.lead import lead_alert
from bot.slack.render.blocks import SILENCE_MODAL, context
from bot.slack.render.incident_forms import incident_line
from bot.slack.render.message import Block
from bot.slack.render.modal import Choice, Field, Modal, menu_input, search_input, text_input
from bot.slack.render.text import code

WHAT, JOB, PATTERN, HOW_LONG, CUSTOM, REASON = "what", "job", "pattern", "how_long", "custom", "reason"
"""The fields."""
PROBLEM, ONE_JOB, LIKE, CHANNEL = "problem", "job", "like", "channel"
_MORNING, _OTHER = "morning", "other"
_DURATIONS = (("30m", "30 minutes"), ("1h", "1 hour"), ("2h", "2 hours"), ("4h", "4 hours"), ("1d", "24 hours"))
_DEFAULT = "1h"
_NINE = 9
_SOON = timedelta(hours=2)
_NUMBER_AT_END = re.compile(r"(?:[-_.](?:r|v|run|try|seed|attempt)[-_.]?|[-_.])?\d+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SilenceSubject:
    """What the form was opened for."""

    incident: str = ""
    """The incident's id; "" without one."""
    job: str = ""
    """Its job's reference."""
    name: str = ""
    """Its job's name."""
    rule: str = ""
    """The rule of its lead alert."""

    @classmethod
    def of(cls, incident: Incident) -> "SilenceSubject":
        """The subject of an alert's button."""
        lead = lead_alert(incident)
        return cls(incident.id, str(incident.job.ref), incident.job.name or "", lead.rule if lead else "")

    @classmethod
    def read(cls, about: str) -> "SilenceSubject":
        """Read `about`; a bare incident id has no further details yet."""
        match json.loads(about) if about.startswith("[") else [about, "", "", ""]:
            case [str(incident), str(job), str(name), str(rule)]:
                return cls(incident, job, name, rule)
            case _:
                return cls()

    @property
    def about(self) -> str:
        """As text that comes back with the form."""
        return json.dumps([self.incident, self.job, self.name[:300], self.rule], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class SilenceInput:
    """What is filled in."""

    what: str = ""
    job: Choice | None = None
    pattern: str = ""
    how_long: str = _DEFAULT
    custom: str = ""
    reason: str = ""


class SilenceFieldError(UsageError):
    """A field of the form is wrong."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name


def silence_form(
    subject: SilenceSubject, typed: SilenceInput, now: datetime, zone: tzinfo, incident: Incident | None = None
) -> Modal:
    """The form with what is filled in; fields appear when the choice above them needs them."""
    typed = typed if typed.what else replace(typed, what=PROBLEM if subject.rule else ONE_JOB)
    blocks: list[Block | None] = [incident_line(incident) if incident else None]
    blocks.append(menu_input(Field(WHAT, "What", is_optional=False, is_live=True), _targets(subject), typed.what))
    if typed.what == ONE_JOB and not subject.job:
        blocks.append(
            search_input(Field(JOB, "Job", "Type a part of its name", is_optional=False, is_live=True), typed.job)
        )
    if typed.what == LIKE:
        pattern = typed.pattern or similar_names(subject.name)
        hint = "The star stands for any text. Jobs that are watched later count too."
        blocks.append(text_input(Field(PATTERN, "Name", "llama-*", hint, is_optional=False), pattern))
    durations = [*(Choice(value, label) for value, label in _DURATIONS), _morning(now, zone)]
    durations.append(Choice(_OTHER, "Another time…"))
    blocks.append(
        menu_input(Field(HOW_LONG, "For how long", is_optional=False, is_live=True), durations, typed.how_long)
    )
    if typed.how_long == _OTHER:
        example = "90m, 3d, 18:00 or tomorrow 09:00"
        blocks.append(text_input(Field(CUSTOM, "How long, or until when", example, is_optional=False)))
    blocks.append(text_input(Field(REASON, "Reason", "The others in the channel read it"), typed.reason))
    blocks.append(context([_same_as(subject, typed, now, zone)]))
    shown = tuple(one for one in blocks if one is not None)
    return Modal(SILENCE_MODAL, "Silence alerts", shown, subject.about, "Silence", close="Cancel")


def silence_command(subject: SilenceSubject, typed: SilenceInput, now: datetime, zone: tzinfo) -> str:
    """The command that a person would type.

    Raises:
        SilenceFieldError: a field is empty.
    """
    words = ["silence", *_how_long(typed, now, zone)]
    job = subject.job or (clean_reference(typed.job.value) if typed.job else "")
    match typed.what:
        case "problem" | "job":
            if not job:
                raise SilenceFieldError(JOB, "Choose a job.")
            words.append(quote(job))
        case "like":
            if not typed.pattern.strip():
                raise SilenceFieldError(PATTERN, "Type a name with a star, such as llama-*.")
            words += ["--name", quote(typed.pattern.strip())]
    if typed.what == PROBLEM:
        words += ["--rule", subject.rule]
    if typed.reason.strip():
        words += ["--reason", quote(" ".join(typed.reason.split()))]
    return " ".join(words)


def similar_names(name: str) -> str:
    """A pattern of the names of runs like this one: `llama-70b-sft-3` → `llama-70b-sft*`; "" without a name."""
    stem = _NUMBER_AT_END.sub("", name) or name
    return f"{stem}*" if stem else ""


def _targets(subject: SilenceSubject) -> list[Choice]:
    rule = rule_named(subject.rule)
    problem = [Choice(PROBLEM, f"This problem: {rule.title}")] if rule is not None and subject.job else []
    job = Choice(ONE_JOB, f"This job: {subject.name or subject.job}" if subject.job else "One job")
    return [*problem, job, Choice(LIKE, "Jobs with a name like…"), Choice(CHANNEL, "Every job of this channel")]


def _morning(now: datetime, zone: tzinfo) -> Choice:
    """Until nine o'clock in the person's time zone; today before seven, tomorrow later."""
    day = "today" if _is_before_seven(now, zone) else "tomorrow"
    name = now.astimezone(zone).tzname() or "UTC"
    return Choice(_MORNING, f"Until {day} 09:00 ({name})")


def _is_before_seven(now: datetime, zone: tzinfo) -> bool:
    local = now.astimezone(zone)
    return local.replace(hour=_NINE, minute=0, second=0, microsecond=0) - local >= _SOON


def _how_long(typed: SilenceInput, now: datetime, zone: tzinfo) -> list[str]:
    if typed.how_long == _MORNING:
        return ["--until", "09:00" if _is_before_seven(now, zone) else quote("tomorrow 09:00")]
    if typed.how_long != _OTHER:
        return [typed.how_long]
    custom = typed.custom.strip()
    if not custom:
        raise SilenceFieldError(CUSTOM, "Type a duration such as 90m or 3d, or a time such as 18:00.")
    return [quote(custom)] if parse_long_duration(custom) else ["--until", quote(custom.removeprefix("until "))]


def _same_as(subject: SilenceSubject, typed: SilenceInput, now: datetime, zone: tzinfo) -> str:
    try:
        command = silence_command(
            subject, replace(typed, pattern=typed.pattern or similar_names(subject.name)), now, zone
        )
    except SilenceFieldError:
        return ""
    return f"The same as {code(f'/train {command}', 600)}"
