"""Rule settings as people type and read them: `low_gpu_utilization.for=30m`, `log_errors=off`.

Those of one subscription lie over those of the installation, which a file gives (`defaults.py`), which lie over the
catalogue's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from bot.domain.alerts import Severity
from bot.domain.durations import format_duration, parse_duration
from bot.domain.subscriptions import RuleSettings, Setting
from bot.errors import UsageError
from bot.rules.catalog import RULES, rule_named
from bot.rules.rule import Parameter, Rule, Unit

AS_SHIPPED = RuleSettings()
LONGEST_TEXT = 200
"""Characters of a text: it names an alert, and a database indexes names only up to a size."""
LONGEST_TIME = timedelta(days=365)
"""Of a duration: moments so far back can be reckoned with, and no platform keeps metrics longer."""
USAGE = "rule.parameter=value, rule=off or severity=page|warn|info"


def parse_settings(words: Sequence[str], defaults: RuleSettings = AS_SHIPPED) -> RuleSettings:
    """Read settings in the order typed; a later one wins. What is as the defaults have it is left out.

    Args:
        words: as typed.
        defaults: the installation's own.

    Raises:
        UsageError: an unknown rule, parameter or value; says which are known.
    """
    parameters: dict[str, dict[str, Setting]] = {}
    switched: dict[str, str] = {}
    least = Severity.INFO
    for word in words:
        key, equals, value = word.partition("=")
        name, dot, parameter = key.partition(".")
        if not equals or not value:
            raise UsageError(f"`{word}` is no setting; write {USAGE}.")
        if name == "severity" and not dot:
            least = _severity(value)
            continue
        rule = _rule(name)
        if dot:
            wanted = _parameter(rule, parameter)
            parameters.setdefault(name, {})[parameter] = _value(wanted, value, word)
        elif value in ("off", "on"):
            switched[name] = value
        else:
            raise UsageError(f"`{word}`: a rule is `on` or `off`; its parameters are {_names(rule)}.")
    return RuleSettings(
        parameters=_without_defaults(parameters, defaults),
        off=tuple(sorted(name for name, value in switched.items() if value == "off" and name not in defaults.off)),
        on=tuple(sorted(name for name, value in switched.items() if value == "on" and name in defaults.off)),
        min_severity=least,
    )


def overlay(defaults: RuleSettings, own: RuleSettings) -> RuleSettings:
    """What holds for a subscription: its own settings, and the installation's where it says nothing."""
    names = {*defaults.parameters, *own.parameters}
    merged = {name: {**defaults.parameters.get(name, {}), **own.parameters.get(name, {})} for name in sorted(names)}
    return RuleSettings(
        parameters=_without_defaults(merged, AS_SHIPPED),
        off=tuple(sorted({*defaults.off, *own.off} - {*own.on})),
        min_severity=own.min_severity,
    )


def format_parameters(rule: Rule, settings: RuleSettings) -> tuple[tuple[str, str], ...]:
    """Each parameter of a rule with its value as one would type it; one without a value is "none"."""
    filled = rule.fill(settings.parameters.get(rule.name, {}))
    return tuple((one.name, format_setting(one, filled[one.name]) or "none") for one in rule.parameters)


def format_setting(parameter: Parameter, value: Setting) -> str:
    """A parameter's value as one would type it."""
    match parameter.unit:
        case Unit.DURATION:
            return format_duration(timedelta(seconds=float(value))).replace(" ", "")
        case Unit.RATIO:
            return f"{float(value):.3g}" if float(value) * 100 % 1 else f"{float(value):.0%}"
        case Unit.TEXT:
            return str(value)


def _without_defaults(
    parameters: Mapping[str, Mapping[str, Setting]], defaults: RuleSettings
) -> dict[str, dict[str, Setting]]:
    """Only what differs is kept, so that equal settings are equal values however they were typed."""
    kept: dict[str, dict[str, Setting]] = {}
    for name, settings in parameters.items():
        usual = _rule(name).fill(defaults.parameters.get(name, {}))
        changed = {one: value for one, value in settings.items() if value != usual[one]}
        if changed:
            kept[name] = changed
    return kept


def _rule(name: str) -> Rule:
    rule = rule_named(name)
    if rule is None:
        raise UsageError(f"There is no rule `{name}`{_near(name, (one.name for one in RULES))}")
    return rule


def _parameter(rule: Rule, name: str) -> Parameter:
    for parameter in rule.parameters:
        if parameter.name == name:
            return parameter
    raise UsageError(f"`{rule.name}` has no parameter `{name}`; it has {_names(rule)}.")


def _names(rule: Rule) -> str:
    return ", ".join(f"`{one.name}`" for one in rule.parameters) or "none"


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = [one for one in names if name in one] or difflib.get_close_matches(name, names, n=1)
    return f"; did you mean `{close[0]}`?" if close else "; there are " + ", ".join(f"`{one}`" for one in names) + "."


def _severity(value: str) -> Severity:
    try:
        return Severity(value.lower())
    except ValueError:
        raise UsageError(f"`severity={value}`: it is `page`, `warn` or `info`.") from None


def _value(parameter: Parameter, text: str, word: str) -> Setting:
    match parameter.unit:
        case Unit.DURATION:
            span = parse_duration(text)
            if span is None:
                raise UsageError(f"`{word}`: `{text}` is no duration; write 90s, 30m, 2h or 1d.")
            if span > LONGEST_TIME:
                raise UsageError(f"`{word}`: `{text}` is too long; write at most {LONGEST_TIME.days}d.")
            return span.total_seconds()
        case Unit.RATIO:
            return _ratio(text, word)
        case Unit.TEXT:
            if len(text) > LONGEST_TEXT:
                name = word.partition("=")[0]
                raise UsageError(f"`{name}` takes at most {LONGEST_TEXT} characters; this has {len(text):,}.")
            return text


def _ratio(text: str, word: str) -> float:
    number, percent = (text[:-1], 100.0) if text.endswith("%") else (text, 1.0)
    try:
        value = float(number) / percent
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"`{word}`: `{text}` is no share; write 20% or 0.2.")
    return value
