"""A command as a form: the text of each field, the command that they make, and what is wrong with which field. Pure.

Fields hold what a person typed, so the parser of commands reads them and finds their mistakes.
"""

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.commands.parsing.parser import parse, split_command
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.arguments import Arguments, InputContext
from bot.commands.subcommands.logs import LOGS
from bot.domain.durations import parse_duration
from bot.domain.logs import parse_level
from bot.errors import UsageError

MAX_QUERY = 1_900
"""Characters of a command that its buttons can carry."""


class QueryField(enum.StrEnum):
    """The fields of the form."""

    JOB = "job"
    SHOW = "show"
    """What to show: a subcommand."""
    RANGE = "range"
    """One of RANGES, TIMES, AROUND_TIME, or nothing."""
    FROM = "from"
    UNTIL = "until"
    AROUND = "around"
    LEVEL = "level"
    INCLUDE = "include"
    EXCLUDE = "exclude"
    GREP = "grep"
    RANKS = "ranks"
    MORE = "more"
    """Other options, as they are typed."""


SHOWN = ("logs", "metrics", "status", "diagnose")
"""What can be shown."""
RANGES = ("15m", "1h", "6h", "1d", "7d")
TIMES = "times"
"""The time range is that of the fields FROM and UNTIL."""
AROUND_TIME = "around-time"
"""The time range is around the field AROUND."""

_OPTIONS = {
    QueryField.FROM: "--since",
    QueryField.UNTIL: "--end",
    QueryField.AROUND: "--around",
    QueryField.LEVEL: "--level",
    QueryField.INCLUDE: "--include",
    QueryField.EXCLUDE: "--exclude",
    QueryField.GREP: "--grep",
    QueryField.RANKS: "--rank",
}
_FILTERS = (QueryField.LEVEL, QueryField.INCLUDE, QueryField.EXCLUDE, QueryField.GREP, QueryField.RANKS)
_OF_A_PAGE = ("--before", "--after", "--skip", "--public")
"""Options that a form does not take over."""
_ANY_JOB = "baseten:any/job"
"""Stands for a job while a field is checked."""


@dataclass(frozen=True, slots=True)
class QueryDraft:
    """What the fields hold; an empty text is an empty field."""

    values: Mapping[QueryField, str] = field(default_factory=dict)

    def get(self, name: QueryField) -> str:
        """The text of a field."""
        return self.values.get(name, "").strip()

    @property
    def shown(self) -> str:
        """The subcommand."""
        return self.get(QueryField.SHOW) if self.get(QueryField.SHOW) in SHOWN else SHOWN[0]

    @property
    def fields(self) -> tuple[QueryField, ...]:
        """The fields that apply, in the order of the form."""
        return tuple(self._fields())

    def _fields(self) -> Iterator[QueryField]:
        yield from (QueryField.JOB, QueryField.SHOW)
        if self.shown != "status":
            yield QueryField.RANGE
            if self.get(QueryField.RANGE) == TIMES:
                yield from (QueryField.FROM, QueryField.UNTIL)
            elif self.get(QueryField.RANGE) == AROUND_TIME and self.shown == "logs":
                yield QueryField.AROUND
        if self.shown == "logs":
            yield from _FILTERS
        if self.shown in ("logs", "metrics"):
            yield QueryField.MORE

    def command(self, job: str | None = None) -> str:
        """The command as it is typed. `job` is shown while none is chosen."""
        words = [self.shown, quote(self.get(QueryField.JOB)) if self.get(QueryField.JOB) else job or ""]
        return " ".join(word for word in (*words, *map(self._options, self.fields)) if word)

    def _options(self, name: QueryField) -> str:
        value = self.get(name)
        if name is QueryField.RANGE:
            return f"--since {value}" if value in RANGES else ""
        if name is QueryField.MORE:
            return value
        return f"{_OPTIONS[name]} {quote(value)}" if name in _OPTIONS and value else ""

    def find_problems(self, context: InputContext) -> dict[QueryField, str]:
        """What is wrong, by field, in the words of the parser."""
        found: dict[QueryField, str] = {}
        for name in self.fields:
            if name is not QueryField.JOB and (options := self._options(name)):
                problem = _find_problem(f"{self.shown} {_ANY_JOB} {options}", context)
                found |= {name: problem} if problem else {}
        if found:
            return found
        command = self.command(_ANY_JOB)
        problem = _find_problem(command, context)
        if problem is None and len(command) > MAX_QUERY:
            problem = f"The command has {len(command):,} characters. The maximum is {MAX_QUERY:,}."
        culprits = sorted(self.fields, key=lambda name: len(self._options(name)), reverse=True)
        late = [name for name in (QueryField.UNTIL, QueryField.MORE) if self.get(name) and name in self.fields]
        return {} if problem is None else {(late or culprits)[0]: problem}


def encode_draft(draft: QueryDraft) -> str:
    """Write a draft as text, for `decode_draft`."""
    return json.dumps({name.value: text for name, text in draft.values.items() if text}, ensure_ascii=False)


def decode_draft(text: str) -> QueryDraft:
    """Read a draft, or the command that it begins with."""
    try:
        values = json.loads(text)
    except ValueError:
        return read_draft(text)
    known = set(QueryField)
    values = values if isinstance(values, dict) else {}
    return QueryDraft({QueryField(name): str(value) for name, value in values.items() if name in known})


def read_draft(text: str) -> QueryDraft:
    """The draft of a typed command. What has no field of its own goes to MORE; options of a page are dropped."""
    try:
        subcommand, arguments = split_command(text) or (LOGS, Arguments())
    except UsageError:
        return QueryDraft({QueryField.MORE: " ".join(text.split()[1:])})
    values = {QueryField.SHOW: subcommand.name if subcommand.name in SHOWN else SHOWN[0]}
    values[QueryField.JOB] = next(iter(arguments.positionals), "")
    more: list[str] = []
    for name, typed in arguments.options.items():
        owner = next((one for one, option in _OPTIONS.items() if option == name), None)
        owner = QueryField.FROM if name == "--start" else owner
        rest = typed
        if owner is not None and typed:
            values[owner], rest = typed[0], typed[1:]
        if name not in _OF_A_PAGE:
            more += [f"{name} {quote(value)}" for value in rest] if typed else [name]
    values[QueryField.MORE] = " ".join(more)
    level = parse_level(values.get(QueryField.LEVEL, ""))
    values[QueryField.LEVEL] = level.name.lower() if level else ""
    return QueryDraft(values | _range_of(values))


def _range_of(values: Mapping[QueryField, str]) -> dict[QueryField, str]:
    if values.get(QueryField.AROUND):
        return {QueryField.RANGE: AROUND_TIME}
    start = values.get(QueryField.FROM, "")
    if start and not values.get(QueryField.UNTIL):
        span = parse_duration(start)
        usual = next((one for one in RANGES if span is not None and parse_duration(one) == span), None)
        if usual is not None:
            return {QueryField.RANGE: usual, QueryField.FROM: ""}
    return {QueryField.RANGE: TIMES} if start or values.get(QueryField.UNTIL) else {}


def is_query(text: str) -> bool:
    """Whether a typed command asks for a form: it is empty, or it is `logs` without a job."""
    try:
        subcommand, arguments = split_command(text) or (LOGS, Arguments())
    except UsageError:
        return False
    return subcommand is LOGS and not arguments.positionals


def _find_problem(command: str, context: InputContext) -> str | None:
    try:
        parse(command, context)
    except UsageError as problem:
        return problem.public
    return None
