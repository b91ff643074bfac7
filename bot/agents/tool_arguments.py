"""The arguments of a tool, from the command table: their fields, and JSON to `Arguments` and back. Pure.

Every row of the table that Slack has is a tool, except `help`: the list of tools is the help of an agent.
"""

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.commands.parsing.help import closest
from bot.commands.parsing.parser import split_command
from bot.commands.subcommands.arguments import Arguments, InputContext
from bot.commands.subcommands.audit import AUDIT
from bot.commands.subcommands.jobs import JOBS
from bot.commands.subcommands.logs import LOGS
from bot.commands.subcommands.spec import Frontend, Option, Positional, Subcommand
from bot.commands.subcommands.table import HELP, SLACK_TABLE, SlackCommand
from bot.domain.logs import Level
from bot.errors import UsageError

AGENT_TABLE: tuple[Subcommand[SlackCommand], ...] = tuple(one for one in SLACK_TABLE if one is not HELP)
MAX_LINES = 500
"""Log lines of one result."""
_MAX_TEXT = 1_000
_MAX_ITEMS = 100
_MAX_COUNT = 100_000_000
_LARGEST = {
    (LOGS.name, "limit"): MAX_LINES,
    (LOGS.name, "tail"): MAX_LINES,
    (LOGS.name, "context"): MAX_LINES // 2 - 1,
    (JOBS.name, "limit"): 100,
    (AUDIT.name, "limit"): 100,
}
_LEFT_OUT = ((LOGS.name, "--all"),)
"""Options whose result has no bound."""
_CHOICES = {"LEVEL": tuple(level.name.lower() for level in Level), "SEVERITY": ("page", "warn", "info")}
_OPTION = re.compile(r"(?<![\w-])(?<!mcp )--([a-z]+(?:-[a-z]+)*)")

JsonArguments = dict[str, object]


class FieldKind(enum.Enum):
    """The type of a field."""

    SWITCH = "boolean"
    NUMBER = "integer"
    TEXT = "string"
    TEXTS = "array"


@dataclass(frozen=True, slots=True)
class ToolField:
    """One argument of a tool."""

    name: str
    kind: FieldKind
    help: str
    source: Option | Positional
    choices: tuple[str, ...] = ()
    largest: int = _MAX_COUNT
    """Of a number."""
    is_required: bool = False

    @property
    def rule(self) -> str:
        """What it must be, as the end of a sentence."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return {
            FieldKind.SWITCH: "true or false",
            FieldKind.NUMBER: f"a whole number from 1 to {self.largest:,}",
            FieldKind.TEXT: f"a text of 1 to {_MAX_TEXT:,} characters",
            FieldKind.TEXTS: f"a list of 1 to {_MAX_ITEMS} texts of at most {_MAX_TEXT:,} characters",
        }[self.kind]

    def schema(self) -> JsonArguments:
        """Its JSON Schema."""
        schema: JsonArguments = {"type": self.kind.value, "description": field_names(self.help)}
        text = {"type": "string", "minLength": 1, "maxLength": _MAX_TEXT}
        match self.kind:
            case FieldKind.NUMBER:
                return {**schema, "minimum": 1, "maximum": self.largest}
            case FieldKind.TEXTS:
                return {**schema, "items": text, "minItems": 1, "maxItems": _MAX_ITEMS}
            case FieldKind.TEXT:
                return {**text, **schema, **({"enum": list(self.choices)} if self.choices else {})}
            case FieldKind.SWITCH:
                return schema

    def read(self, value: object) -> tuple[str, ...] | None:
        """Return the value as words; None if it is not set.

        Raises:
            UsageError: it breaks the rule.
        """
        words: Sequence[object]
        match value:
            case bool() if self.kind is FieldKind.SWITCH:
                return () if value else None
            case list() if self.kind is FieldKind.TEXTS and 0 < len(value) <= _MAX_ITEMS:
                words = value
            case str() if self.kind in (FieldKind.TEXT, FieldKind.TEXTS):
                words = (value,)
            case int() if self.kind is FieldKind.NUMBER and not isinstance(value, bool) and 0 < value <= self.largest:
                words = (str(value),)
            case _:
                words = ()
        read = tuple(word for word in words if isinstance(word, str) and _is_text(word))
        if not words or len(read) < len(words) or (self.choices and read[0].lower() not in self.choices):
            raise UsageError(f"`{self.name}` must be {self.rule}.")
        return read


def fields_of(subcommand: Subcommand[SlackCommand]) -> tuple[ToolField, ...]:
    """Return the fields of a tool: the positionals, then the options."""
    return (*map(_parameter_field, subcommand.parameters), *_option_fields(subcommand))


def read_arguments(
    subcommand: Subcommand[SlackCommand], given: Mapping[str, object], context: InputContext
) -> Arguments:
    """Turn JSON arguments into those that a person would have typed.

    Raises:
        UsageError: one is unknown, missing, or breaks its rule; the message names the rule.
    """
    fields = {field.name: field for field in fields_of(subcommand)}
    for name in given:
        if name not in fields:
            meant = closest(name[:40], list(fields))
            hint = f" Did you mean `{meant}`?" if meant else ""
            raise UsageError(f"Unknown argument `{name[:40]}`.{hint}")
    positionals: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    for name, field in fields.items():
        words = None if given.get(name) is None else field.read(given[name])
        if words is None:
            if field.is_required:
                raise UsageError(f"Missing argument `{name}`. {field_names(field.help)}")
        elif isinstance(field.source, Option):
            options[field.source.name] = words
        else:
            positionals += [word for word in (field.source.word, *words) if word]
    return Arguments(tuple(positionals), options, context)


def describe_fields(subcommand: Subcommand[SlackCommand]) -> str:
    """Return the names of all arguments, as a sentence."""
    names = [f"{one.name} (required)" if one.is_required else one.name for one in fields_of(subcommand)]
    return f"Arguments of `{subcommand.name}`: {', '.join(names) or 'none'}."


def call_of(text: str) -> tuple[str, JsonArguments] | None:
    """Return the tool and the JSON arguments of a typed command; None if a tool cannot do the same.

    Raises:
        UsageError: the text is not a command.
    """
    found = split_command(text)
    if found is None or found[0] not in AGENT_TABLE:
        return None
    subcommand, typed = found
    by_option = {field.source.name: field for field in _option_fields(subcommand)}
    if not typed.options.keys() <= by_option.keys():
        return None
    given = dict(_positional_values(subcommand.parameters, typed.positionals))
    for name, values in typed.options.items():
        field = by_option[name]
        match field.kind:
            case FieldKind.SWITCH:
                given[field.name] = True
            case FieldKind.NUMBER:
                given[field.name] = int(values[0].replace(",", ""))
            case FieldKind.TEXT:
                given[field.name] = values[0]
            case FieldKind.TEXTS:
                given[field.name] = list(values)
    return subcommand.name, given


def field_names(text: str) -> str:
    """Replace the options in a text by the names of their fields: `--request-id` is `request_id`."""
    return _OPTION.sub(lambda found: found[1].replace("-", "_"), text)


def _positional_values(parameters: Sequence[Positional], typed: Sequence[str]) -> Iterator[tuple[str, object]]:
    words = list(typed)
    for parameter in parameters:
        if parameter.word:
            if words[:1] == [parameter.word] and len(words) > 1:
                yield parameter.name, words[1]
                del words[:2]
            continue
        number = next((index for index, word in enumerate(words) if not _is_value(parameter, word)), len(words))
        if parameter.is_repeatable and number:
            yield parameter.name, words[:number]
        elif number:
            yield parameter.name, words[0]
        del words[: number if parameter.is_repeatable else min(number, 1)]


def _is_value(parameter: Positional, word: str) -> bool:
    return parameter.accepts(word) and (not parameter.choices or word.lower() in parameter.choices)


def _parameter_field(parameter: Positional) -> ToolField:
    kind = FieldKind.TEXTS if parameter.is_repeatable else FieldKind.TEXT
    return ToolField(
        parameter.name, kind, parameter.help, parameter, parameter.choices, is_required=parameter.is_required
    )


def _option_fields(subcommand: Subcommand[SlackCommand]) -> Iterator[ToolField]:
    for option in subcommand.options_of(Frontend.SLACK):
        if option.frontends == (Frontend.SLACK,) and option.value is None and option.name == "--public":
            continue
        if (subcommand.name, option.name) in _LEFT_OUT:
            continue
        name = option.name.removeprefix("--").replace("-", "_")
        field = ToolField(name, _kind(option), option.help, option, _CHOICES.get(option.value or "", ()))
        yield replace(field, largest=_LARGEST.get((subcommand.name, name), _MAX_COUNT))


def _kind(option: Option) -> FieldKind:
    if option.value is None:
        return FieldKind.SWITCH
    if option.repeatable:
        return FieldKind.TEXTS
    return FieldKind.NUMBER if option.value == "N" else FieldKind.TEXT


def _is_text(word: str) -> bool:
    """Whether it has an acceptable length, and no half of a character, which cannot be sent or stored."""
    return bool(word.strip()) and len(word) <= _MAX_TEXT and not any("\ud800" <= letter <= "\udfff" for letter in word)
