"""Parse and format rule settings: `low_gpu_utilization.for=30m`, `log_errors=off`, `loss > 5 for 10m`.

A subscription's settings override the installation's (`diagnosis_config.py`), and these the defaults in `catalog.py`.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from bot.domain.alerts import Severity
from bot.domain.durations import format_duration, parse_duration
from bot.domain.rule_expressions import EXAMPLES, MAX_RULES, parse_expressions, split_settings
from bot.domain.subscriptions import AS_USUAL, RuleSettings, Setting
from bot.errors import UsageError
from bot.rules.catalog import RULES, rule_named
from bot.rules.conditions.own_rules import check_unit
from bot.rules.rule import Parameter, Rule, Unit
from bot.rules.run_settings import RUN_SETTINGS, format_run_settings, parse_run_setting

AS_SHIPPED = RuleSettings()
MAX_TEXT_CHARS = 200
"""Characters of a text parameter: it is part of an alert's key, and databases limit the size of indexed keys."""
MAX_DURATION = timedelta(days=365)
"""The longest duration; no platform keeps metrics longer."""
USAGE = (
    "rule.parameter=value, rule=off, severity=page|warn|info, notify=failures|lifecycle|all or a rule such as "
    f"`{EXAMPLES[0]}`"
)


def parse_settings(words: Sequence[str], defaults: RuleSettings = AS_SHIPPED) -> RuleSettings:
    """Parse settings, one a word; a later one overrides an earlier one. Settings equal to the defaults are left out.

    Words without `name=` are rules that a person wrote; whether they are quoted makes no difference.

    Raises:
        UsageError: an unknown rule or parameter, or an invalid value; lists what is known.
    """
    parameters: dict[str, dict[str, Setting]] = {}
    switched: dict[str, str] = {}
    min_severity, run = Severity.INFO, AS_USUAL
    settings, own_words = split_settings(words)
    for word in settings:
        key, equals, value = word.partition("=")
        name, dot, parameter = key.partition(".")
        if not equals or not value:
            raise UsageError(f"Invalid setting `{word}`. Use {USAGE}.")
        if name == "severity" and not dot:
            min_severity = _severity(value)
            continue
        if name in RUN_SETTINGS and not dot:
            run = parse_run_setting(run, name, value)
            continue
        rule = _rule(name)
        if dot:
            wanted = _parameter(rule, parameter)
            parameters.setdefault(name, {})[parameter] = _value(wanted, value, word)
        elif value in ("off", "on"):
            switched[name] = value
        else:
            raise UsageError(f"Invalid value in `{word}`. Use `on` or `off`, or set a parameter: {_names(rule)}.")
    own = _parse_own(own_words, defaults, switched)
    return RuleSettings(
        parameters=_without_defaults(parameters, defaults),
        off=tuple(sorted(name for name, value in switched.items() if value == "off" and name not in defaults.off)),
        on=tuple(sorted(name for name, value in switched.items() if value == "on" and name in defaults.off)),
        min_severity=min_severity,
        run=run,
        own=own,
    )


def _parse_own(words: Sequence[str], defaults: RuleSettings, switched: dict[str, str]) -> tuple[str, ...]:
    """Read the rules that a person wrote; those that are switched on or off are added to `switched`."""
    if len(words) == 1 and words[0].replace(".", "_").isidentifier():
        raise UsageError(f"Invalid setting `{words[0]}`. Use {USAGE}.")
    own = dict.fromkeys(defaults.own, False)
    for expression, switch in parse_expressions(words):
        check_unit(expression)
        if switch == "off" and expression.text not in defaults.own:
            raise UsageError(f"`{expression.text}` cannot be switched off: it is not a rule that `rules` lists.")
        if switch and expression.text in defaults.own:
            switched[expression.text] = switch
        else:
            own[expression.text] = True
    if len(own) > MAX_RULES:
        raise UsageError(f"Write at most {MAX_RULES} rules, not {len(own)}.")
    return tuple(text for text, is_typed in own.items() if is_typed and text not in defaults.own)


def overlay(defaults: RuleSettings, own: RuleSettings) -> RuleSettings:
    """Lay a subscription's settings over the installation's."""
    names = {*defaults.parameters, *own.parameters}
    merged = {name: {**defaults.parameters.get(name, {}), **own.parameters.get(name, {})} for name in sorted(names)}
    return RuleSettings(
        parameters=_without_defaults(merged, AS_SHIPPED),
        off=tuple(sorted({*defaults.off, *own.off} - {*own.on})),
        min_severity=own.min_severity,
        run=own.run,
        own=tuple(dict.fromkeys((*defaults.own, *own.own))),
    )


def format_parameters(rule: Rule, settings: RuleSettings) -> tuple[tuple[str, str], ...]:
    """Return each parameter of a rule with its value as people type it; "none" for an empty one."""
    filled = rule.fill(settings.parameters.get(rule.name, {}))
    return tuple((one.name, format_setting(one, filled[one.name]) or "none") for one in rule.parameters)


def format_settings(settings: RuleSettings, *, is_exact: bool = False) -> tuple[str, ...]:
    """Return settings as the words that `parse_settings` reads; rounded for people unless `is_exact`."""
    write = _exact if is_exact else format_setting
    words = []
    for name, values in settings.parameters.items():
        units = {one.name: one for one in _rule(name).parameters}
        words += [f"{name}.{one}={write(units[one], value)}" for one, value in values.items()]
    words += [f"{name}=off" for name in settings.off] + [f"{name}=on" for name in settings.on]
    severity = () if settings.min_severity is Severity.INFO else (f"severity={settings.min_severity}",)
    return (*words, *settings.own, *severity, *format_run_settings(settings.run))


def _exact(parameter: Parameter, value: Setting) -> str:
    return f"{float(value)}s" if parameter.unit is Unit.DURATION else str(value)


def format_setting(parameter: Parameter, value: Setting) -> str:
    """Write a parameter's value as people type it."""
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
    """Drop settings equal to the defaults, so that equal settings compare equal however they were typed."""
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
        raise UsageError(f"There is no rule `{name}`{_suggestion(name, (one.name for one in RULES))}")
    return rule


def _parameter(rule: Rule, name: str) -> Parameter:
    for parameter in rule.parameters:
        if parameter.name == name:
            return parameter
    raise UsageError(f"`{rule.name}` has no parameter `{name}`; it has {_names(rule)}.")


def _names(rule: Rule) -> str:
    return ", ".join(f"`{one.name}`" for one in rule.parameters) or "none"


def _suggestion(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = [one for one in names if name in one] or difflib.get_close_matches(name, names, n=1)
    return f"; did you mean `{close[0]}`?" if close else "; there are " + ", ".join(f"`{one}`" for one in names) + "."


def _severity(value: str) -> Severity:
    try:
        return Severity(value.lower())
    except ValueError:
        raise UsageError(f"Invalid severity `{value}`. Use `page`, `warn` or `info`.") from None


def _value(parameter: Parameter, text: str, word: str) -> Setting:
    match parameter.unit:
        case Unit.DURATION:
            span = parse_duration(text)
            if span is None:
                raise UsageError(
                    f"Invalid duration `{text}` in `{word}`. Use a number and a unit, such as 90s, 30m, 2h or 1d."
                )
            if span > MAX_DURATION:
                raise UsageError(f"Duration `{text}` in `{word}` is too long. The maximum is {MAX_DURATION.days}d.")
            return span.total_seconds()
        case Unit.RATIO:
            return _ratio(text, word)
        case Unit.TEXT:
            if len(text) > MAX_TEXT_CHARS:
                name = word.partition("=")[0]
                raise UsageError(f"`{name}` accepts at most {MAX_TEXT_CHARS} characters, not {len(text):,}.")
            return text


def _ratio(text: str, word: str) -> float:
    number, percent = (text[:-1], 100.0) if text.endswith("%") else (text, 1.0)
    try:
        value = float(number) / percent
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"Invalid ratio `{text}` in `{word}`. Use a value from 0 to 1, such as 20% or 0.2.")
    return value
