"""Words sorted into positionals and options by the table, and their values read. Pure.

Which command they make up is in `bot.commands.parsing.build`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.commands.parsing.spec import Frontend, Option, Subcommand
from bot.commands.parsing.tokenizer import Word, plain_dashes
from bot.domain.durations import parse_duration, parse_rfc3339_ns
from bot.domain.logs import Level, parse_level
from bot.errors import UsageError

_MAX_COUNT = 100_000_000
_NS_OF_LAST_MOMENT = 86_400 * 10**9 - 1
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_LONG_UNITS = re.compile(r"(?i)(?<=\d)\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)\b")

_OTHER_NAMES = {
    "--ago": "--since",
    "--contains": "--include",
    "--filter": "--grep",
    "--from": "--start",
    "--last": "--since",
    "--lines": "--tail",
    "--match": "--grep",
    "--node": "--replica",
    "--not": "--exclude",
    "--output": "--download",
    "--pattern": "--grep",
    "--regex": "--grep",
    "--reverse": "--desc",
    "--search": "--grep",
    "--search-pattern": "--grep",
    "--severity": "--level",
    "--share": "--public",
    "--to": "--end",
    "--until": "--end",
}
"""What people type who know other tools, and what it is here."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed behind a subcommand."""

    positionals: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    """By name with hyphens; a switch that is there has no values."""

    def has(self, name: str) -> bool:
        """Whether the option was typed."""
        return name in self.options

    def text(self, name: str) -> str | None:
        """The value of an option that is given once."""
        values = self.options.get(name)
        return values[0] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a repeatable option."""
        return self.options.get(name, ())

    def count(self, name: str) -> int | None:
        """A whole number from 1 on."""
        text = self.text(name)
        if text is None:
            return None
        digits = text.replace(",", "").replace("_", "")
        if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:12]) <= _MAX_COUNT):
            raise UsageError(f"`{name} {text}`: write a whole number from 1 to {_MAX_COUNT:,}.")
        return int(digits)

    def ranks(self, name: str) -> tuple[int, ...]:
        """Ranks, repeated or with commas between."""
        words = [part.strip() for text in self.texts(name) for part in text.split(",")]
        for word in words:
            if not (word.isascii() and word.isdigit() and len(word) < 8):
                raise UsageError(f"`{name} {word}`: a rank is a number from 0 on.")
        return tuple(int(word) for word in words)

    def span(self, name: str) -> timedelta | None:
        """A time span."""
        text = self.text(name)
        return None if text is None else read_span(text, name)

    def moment(self, name: str, *, end_of_day: bool = False) -> int | None:
        """A moment in nanoseconds since the epoch; a bare date is its first or last moment in UTC."""
        text = self.text(name)
        if text is None:
            return None
        date_only = _DATE.match(text.strip())
        moment = parse_rfc3339_ns(f"{text.strip()}T00:00:00Z" if date_only else text)
        if moment is None:
            hint = "; for a span back from now use --since" if parse_duration(text) else ""
            raise UsageError(f"`{name} {text}` is no time from 1970 to 2262; write it like 2026-03-13T10:00:00Z{hint}.")
        return moment + _NS_OF_LAST_MOMENT if date_only and end_of_day else moment

    def level(self, name: str) -> Level | None:
        """A log level by any usual word."""
        text = self.text(name)
        if text is None:
            return None
        level = parse_level(text)
        if level is None:
            raise UsageError(f"`{name} {text}`: the levels are debug, info, warning, error and critical.")
        return level


def sort_words(words: Sequence[Word], subcommand: Subcommand, frontend: Frontend) -> Typed:
    """Tell options from positionals.

    Raises:
        UsageError: an unknown option, a value missing or too much, the same thing twice.
    """
    positionals: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    rest = iter(words)
    for word in rest:
        text = word.text if word.quoted else plain_dashes(word.text)
        if word.quoted or not text.startswith("-") or text in ("-", "--"):
            positionals.append(word.text)
            continue
        name, equals, value = text.partition("=")
        option = _option_named(name, subcommand, frontend)
        if option.name in options and not option.repeatable:
            raise UsageError(f"`{option.name}` is given twice; once is enough.")
        if option.value is None:
            if equals:
                raise UsageError(f"`{option.name}` is a switch and takes no value.")
            options[option.name] = ()
            continue
        given = value if equals else _next_value(option, next(rest, None))
        if not given.strip():
            raise UsageError(f"`{option.name}` needs a value that is not empty ({option.help}).")
        options[option.name] = (*options.get(option.name, ()), given)
    return Typed(tuple(positionals), options)


def read_span(text: str, name: str) -> timedelta:
    """A time span as people write it: 30m, 2h, 1h30m, 45 min.

    Raises:
        UsageError: it is none.
    """
    short = _LONG_UNITS.sub(lambda unit: unit[1][0].lower(), text)
    span = parse_duration(short)
    if span:
        return span
    number = text.strip().isdigit()
    hint = f"{text} of what? Write {text.strip()}m or {text.strip()}h" if number else "write 90s, 30m, 2h or 3d"
    raise UsageError(f"`{name} {text}`: {hint}.")


def suggest(word: str, known: Sequence[str]) -> str | None:
    """What was probably meant."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def _option_named(typed: str, subcommand: Subcommand, frontend: Frontend) -> Option:
    name = typed.lower() if len(typed) > 2 else typed
    options = subcommand.options_of(frontend)
    for option in options:
        if name in (option.name, option.short, option.name[1:]):
            return option
    elsewhere = next((option for option in subcommand.options if name in (option.name, option.short)), None)
    if elsewhere is not None:
        where = "in Slack" if Frontend.SLACK in elsewhere.frontends else "on the command line"
        raise UsageError(f"`{elsewhere.name}` works only {where}.")
    names = [option.name for option in options]
    meant = _OTHER_NAMES.get(name) if _OTHER_NAMES.get(name) in names else suggest(name, names)
    hint = f"did you mean `{meant}`?" if meant else f"it knows {', '.join(names) or 'none'}."
    raise UsageError(f"`{subcommand.name}` has no option `{typed[:40]}`; {hint}")


def _next_value(option: Option, word: Word | None) -> str:
    if word is None:
        raise UsageError(f"`{option.name}` needs a value behind it ({option.help}).")
    next_option = plain_dashes(word.text)[:40]
    if next_option.startswith("--") and not word.quoted:
        message = f"`{option.name}` needs a value before `{next_option}`; for text that begins so write "
        raise UsageError(f'{message}`{option.name}="{next_option}"`.')
    return word.text
