"""The form that tunes a subscription: rules on or off, thresholds, mentions, quiet hours; and the same as a command.

Words are rule settings as `watch` takes them, such as `low_gpu_utilization.for=30m`. Pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands.parsing.tokenizer import quote
from bot.domain.alerts import Severity
from bot.domain.notify import MentionTarget, NotifySettings, QuietHours
from bot.domain.rule_expressions import split_settings
from bot.domain.subscriptions import AS_USUAL, NotifyLevel, RuleSettings
from bot.errors import UsageError
from bot.rules.catalog import RULES, rule_named
from bot.rules.expected_alerts import expected_alerts
from bot.rules.rule import Parameter, Rule, Unit
from bot.rules.settings import format_setting, overlay, parse_settings
from bot.slack.render.blocks import TUNE_MODAL, Action, actions, button, context, divider, section
from bot.slack.render.message import Block
from bot.slack.render.modal import Choice, Field, Modal, checkbox_input, menu_input, people_input, text_input
from bot.slack.render.text import code, one_line

NOTIFY = "notify"
PROBLEMS, RESOURCES, SEVERITY, PEOPLE, GROUPS, QUIET = "problems", "resources", "severity", "people", "groups", "quiet"
"""The fields beside those of parameters, which are named like `low_gpu_utilization.for`."""
TEST = "test"
_MAX_COMMAND = 1500
_RESOURCE_RULES = frozenset(
    {
        "low_gpu_utilization",
        "gpu_straggler",
        "gpu_memory_pressure",
        "host_memory_pressure",
        "storage_pressure",
        "no_data",
        "log_gap",
    }
)
_TUNED = {
    "low_gpu_utilization": ("threshold", "for"),
    "gpu_straggler": ("difference", "for"),
    "gpu_memory_pressure": ("horizon",),
    "host_memory_pressure": ("threshold",),
    "storage_pressure": ("threshold",),
    "failed_requests": ("threshold",),
    "log_errors": ("ignore", "quiet_after"),
    "no_data": ("for",),
}
"""The parameters that people change; `/train rules` lists all."""
_HINTS = {
    Unit.RATIO: "A share, such as 20%.",
    Unit.DURATION: "A number and a unit, such as 90s, 15m or 2h.",
    Unit.TEXT: "",
}
_SEVERITIES = (
    Choice(Severity.INFO.value, "Everything"),
    Choice(Severity.WARN.value, "Warnings and pages"),
    Choice(Severity.PAGE.value, "Pages only"),
)
_LEVELS = (
    Choice(NotifyLevel.FAILURES.value, "Only problems"),
    Choice(NotifyLevel.LIFECYCLE.value, "Also from the queue to the summary"),
    Choice(NotifyLevel.ALL.value, "Also milestones and checkpoints"),
)
_BROADCASTS = {"here": "here", "channel": "channel"}


@dataclass(frozen=True, slots=True)
class TuneSubject:
    """What is tuned, as it was when the form was opened."""

    target: str
    """What the channel watches, as `watch` takes it."""
    name: str = ""
    words: tuple[str, ...] = ()
    """Its settings, exactly."""

    @classmethod
    def read(cls, about: str) -> "TuneSubject":
        """Read `about`; that of a button is the command that lists the rules."""
        match json.loads(about) if about.startswith("[") else [about.removeprefix("rules "), ""]:
            case [str(target), str(name), *words]:
                return cls(target, name, tuple(map(str, words)))
            case _:
                return cls("")

    @property
    def about(self) -> str:
        """As text that comes back with the form."""
        return json.dumps([self.target, self.name[:300], *self.words], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class TuneInput:
    """What is filled in."""

    on: frozenset[str]
    """The rules that are ticked."""
    severity: str
    notify: str = NotifyLevel.FAILURES.value
    """How much to send about the run itself: a NotifyLevel."""
    values: Mapping[str, str] = field(default_factory=dict)
    """By `rule.parameter`; an empty text means the default."""


def tuned_parameters() -> list[tuple[str, Rule, Parameter]]:
    """The parameters of the form: (field, rule, parameter)."""
    rules = [rule for name in _TUNED if (rule := rule_named(name)) is not None]
    return [
        (f"{rule.name}.{one.name}", rule, one)
        for rule in rules
        for one in rule.parameters
        if one.name in _TUNED[rule.name]
    ]


def current_input(subject: TuneSubject, defaults: RuleSettings) -> TuneInput:
    """What the form shows at first: today's values."""
    settings = overlay(defaults, parse_settings(subject.words, defaults))
    values = {
        name: format_setting(one, rule.fill(settings.parameters.get(rule.name, {}))[one.name])
        for name, rule, one in tuned_parameters()
    }
    on = frozenset(rule.name for rule in RULES if rule.name not in settings.off)
    return TuneInput(on, settings.min_severity.value, settings.run.notify.value, values)


def tuned_words(subject: TuneSubject, typed: TuneInput, defaults: RuleSettings) -> tuple[str, ...]:
    """The settings after the change; what the form does not show stays as it is."""
    settings, own = split_settings(subject.words)
    before, kept = current_input(subject, defaults), {word.partition("=")[0]: word for word in settings}
    for name, value in typed.values.items():
        if value.strip() != before.values.get(name, ""):
            kept.pop(name, None)
            if value.strip():
                kept[name] = f"{name}={value.strip()}"
    for rule in RULES:
        if (rule.name in typed.on) != (rule.name in before.on):
            was_own = kept.pop(rule.name, None) is not None
            if not was_own:
                kept[rule.name] = f"{rule.name}={'on' if rule.name in typed.on else 'off'}"
    usual = {SEVERITY: Severity.INFO.value, NOTIFY: AS_USUAL.notify.value}
    for name, now, was in ((SEVERITY, typed.severity, before.severity), (NOTIFY, typed.notify, before.notify)):
        if now != was:
            kept.pop(name, None)
            kept |= {name: f"{name}={now}"} if now != usual[name] else {}
    return (*kept.values(), *own)


def wrong_values(typed: TuneInput) -> dict[str, str]:
    """What is wrong with typed values, by field; an empty text is right."""
    problems = {}
    for name, value in typed.values.items():
        try:
            parse_settings([f"{name}={value.strip()}"] if value.strip() else [])
        except UsageError as problem:
            problems[name] = problem.public
    return problems


def watch_text(subject: TuneSubject, words: Sequence[str]) -> str:
    """The command that saves these settings."""
    return " ".join(["watch", subject.target, *map(quote, words)])


def mention_words(people: Sequence[str], others: Sequence[str], known: Sequence[MentionTarget]) -> tuple[str, ...]:
    """Whom pages mention, as `notify page` takes it."""
    names = {one.id: one.name for one in known}
    groups = [f"@{one}" if one in _BROADCASTS else f"<!subteam^{one}|{names.get(one) or one}>" for one in others]
    return (*(f"<@{one}>" for one in people), *groups) or ("off",)


def known_groups(settings: NotifySettings) -> list[MentionTarget]:
    """The user groups that the channel's settings name anywhere."""
    named = [one for targets in settings.mentions.values() for one in targets]
    named += [step.target for steps in settings.escalation.values() for step in steps]
    return [one for one in named if one.id.startswith("S")]


def quiet_text(quiet: QuietHours | None) -> str:
    """Quiet hours as they are typed; "" without any."""
    if quiet is None:
        return ""
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (quiet.start, quiet.end))
    return f"{start}-{end} {quiet.zone}"


def tune_form(
    subject: TuneSubject,
    typed: TuneInput,
    defaults: RuleSettings,
    channel: NotifySettings | None,
    result: Sequence[Block] = (),
) -> Modal:
    """The form with what is filled in.

    Args:
        subject: what is tuned.
        typed: what is filled in.
        defaults: the installation's settings.
        channel: how the channel is notified; None for a person who may not change that.
        result: of a test, which is shown below its button.
    """
    words = tuned_words(subject, typed, defaults)
    target = one_line(subject.name, 100) if subject.name else code(subject.target)
    command = f"/train {watch_text(subject, words)}"
    blocks = [
        section(f"*{target}* in this channel. {_expected(words, typed, defaults)}"),
        checkbox_input(Field(PROBLEMS, "Problems", is_live=True), _boxes(resources=False), typed.on),
        checkbox_input(Field(RESOURCES, "Machines", is_live=True), _boxes(resources=True), typed.on),
        menu_input(Field(SEVERITY, "Send", is_optional=False, is_live=True), _SEVERITIES, typed.severity),
        menu_input(Field(NOTIFY, "About the run", is_optional=False, is_live=True), _LEVELS, typed.notify),
        *_thresholds(typed),
        actions([button("Test on the last 24 h", Action.SHOW, TEST, key=TEST)]),
        *result,
        context([f"The same as {code(command, _MAX_COMMAND)}" if len(command) < _MAX_COMMAND else ""]),
        *(_channel_part(channel) if channel is not None else ()),
    ]
    shown = tuple(one for one in blocks if one is not None)
    return Modal(TUNE_MODAL, "Tune alerts", shown, subject.about, "Save", close="Cancel")


def saved_view(commands: Sequence[str]) -> Modal:
    """What was saved, as commands to learn from."""
    same = "\n".join(f"• {code(f'/train {one}', 1000)}" for one in commands)
    text = f"*Saved.* The same as\n{same}" if commands else "Nothing changed."
    return Modal(TUNE_MODAL, "Tune alerts", (section(text),))


def _expected(words: Sequence[str], typed: TuneInput, defaults: RuleSettings) -> str:
    if wrong_values(typed):
        return "Some values below cannot be read."
    return expected_alerts(overlay(defaults, parse_settings(words, defaults)))


def _boxes(*, resources: bool) -> list[Choice]:
    return [Choice(rule.name, rule.title) for rule in RULES if (rule.name in _RESOURCE_RULES) is resources]


def _thresholds(typed: TuneInput) -> list[Block]:
    """The parameters of the rules that are on."""
    return [
        text_input(
            Field(name, f"{rule.title}: {one.help[:1].lower()}{one.help[1:]}", hint=_HINTS[one.unit]),
            typed.values.get(name, ""),
        )
        for name, rule, one in tuned_parameters()
        if rule.name in typed.on
    ]


def _channel_part(settings: NotifySettings) -> list[Block]:
    """Whom all alerts of the channel mention, and when they are quiet."""
    targets = settings.mentions.get(Severity.PAGE, ())
    people = [one.id for one in targets if one.id[:1] in ("U", "W")]
    ticked = [one.id for one in targets if one.id not in people]
    # Those that are ticked come first: there is room for ten, as many as can be mentioned.
    named = {one.id: one.name or one.id for one in (*targets, *known_groups(settings)) if one.id not in people}
    boxes = [Choice(one, f"@{name.removeprefix('@')}") for one, name in (named | _BROADCASTS).items()]
    more = "To add another user group, use `/train notify page @group`."
    zones = "Such as 22:00-07:00 or 22:00-07:00 Europe/Berlin. Nobody is mentioned or reminded then."
    return [
        divider(),
        section("*For every alert of this channel*"),
        people_input(Field(PEOPLE, "Pages mention these people"), people),
        checkbox_input(Field(GROUPS, "and", hint=more), boxes, ticked),
        text_input(Field(QUIET, "Quiet hours", "22:00-07:00", zones), quiet_text(settings.quiet)),
    ]
