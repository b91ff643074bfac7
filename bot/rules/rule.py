"""A rule: a condition with its parameters, timing and severity, as data.

`catalog.py` lists the rules, `conditions/` has their conditions, and `lifecycle.py` decides when a finding becomes an
alert. A condition may keep typed state between polls (`with_state`).
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, TypeVar

import msgspec

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Memory, Severity, Timing, Verdict
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.domain.traces import Trace


class Unit(enum.StrEnum):
    """How a parameter is written and stored."""

    RATIO = "ratio"
    """Written `20%` or `0.2`; stored as 0 to 1."""
    DURATION = "duration"
    """Written `15m`; stored in seconds."""
    TEXT = "text"
    """A substring; "" is none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that a subscription may set."""

    name: str
    unit: Unit
    default: Setting
    help: str


INFINITE = 1e300
"""Stands for infinity."""


class NumberReading(NamedTuple):
    """One value of a number in the log, or of a platform's metric, that a rule names."""

    at_s: float
    """Seconds since the epoch."""
    value: float
    """Finite; what is infinite is `INFINITE` or its negative, because JSON has no infinity."""
    step: int | None = None
    is_percent: bool = False
    """Was it printed with `%`? Then 0.623 stands for 62.3 %."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a condition may read."""

    observation: Observation
    parameters: Mapping[str, Setting]
    """Every parameter of the rule, defaults included."""
    memory: Memory
    """What this condition returned at the last poll; empty at first. `with_state` gives it a type."""
    diagnosis: Diagnosis | None = None
    """Of the log so far; None when it cannot be read."""
    trace: Trace = ()
    """What the last polls saw, for charts."""
    readings: Mapping[str, Sequence[NumberReading]] = field(default_factory=dict)
    """The new values of the numbers in the log that rules name (`Rule.log_key`)."""

    def ratio(self, name: str) -> float:
        """Return a ratio parameter."""
        return float(self.parameters[name])

    def span(self, name: str) -> timedelta:
        """Return a duration parameter."""
        return timedelta(seconds=float(self.parameters[name]))

    def text(self, name: str) -> str:
        """Return a text parameter."""
        return str(self.parameters[name])


Condition = Callable[[Context], tuple[Verdict, Memory]]
State = TypeVar("State")
StatefulCondition = Callable[[Context, State], tuple[Verdict, State]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition with its severity, timing and parameters."""

    name: str
    title: str
    """Title of its alerts: three or four words."""
    help: str
    """When it fires, in one sentence."""
    severity: Severity
    condition: Condition
    parameters: tuple[Parameter, ...] = ()
    hold_parameter: str | None = None
    """The parameter with the hold time; None when the condition has its own or the rule fires at once."""
    keep_firing_for: timedelta = timedelta(0)
    keep_parameter: str | None = None
    """The parameter with the keep-firing time, instead of `keep_firing_for`."""
    root_includes_evidence: bool = False
    """The incident's root message shows all the evidence, so a new root needs no reply with it."""
    reports_state: bool = False
    """Only repeats the job's own state, which every root message shows; the end of the job does not resolve it."""
    title_is_identity: bool = False
    """Whether alerts with different titles are different problems: one does not return as the other."""
    follows: tuple[str, ...] = ()
    """Rules whose alerts explain one of this rule at the same time (`bot.rules.consequences`)."""
    is_replayable: bool = True
    """Whether `rules test` can evaluate it: history does not record when trainwatch could not see a job."""
    window_parameters: tuple[str, ...] = ()
    """Durations whose sum is how far back the first poll reads metrics; none: the rule reads no metrics."""
    log_key: str = ""
    """The number in the log that it reads, such as `eval/accuracy`; "": none."""
    is_own: bool = False
    """Whether a person wrote it: its name is its text (`bot.domain.rule_expressions`)."""

    def fill(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """Return every parameter, with defaults where `settings` has none."""
        return {one.name: settings.get(one.name, one.default) for one in self.parameters}

    def timing(self, parameters: Mapping[str, Setting]) -> Timing:
        """Return the timing of the lifecycle under these (filled) parameters."""
        hold_s = float(parameters[self.hold_parameter]) if self.hold_parameter else 0.0
        keep = self.keep_parameter
        kept = timedelta(seconds=float(parameters[keep])) if keep else self.keep_firing_for
        return Timing(hold_for=timedelta(seconds=hold_s), keep_firing_for=kept)

    def metrics_window(self, parameters: Mapping[str, Setting]) -> timedelta | None:
        """How far back the first poll reads metrics, under these (filled) parameters; None: not at all."""
        window = timedelta(seconds=sum(float(parameters[name]) for name in self.window_parameters))
        return window if self.window_parameters else None


def parameters_key(settings: Mapping[str, Setting]) -> str:
    """Return canonical text of the settings: equal settings share one alert."""
    return ",".join(f"{name}={settings[name]}" for name in sorted(settings))


def load_state(memory: Memory, kind: type[State]) -> State:
    """Read what `dump_state` returned; return empty state if it is missing or cannot be read."""
    try:
        return msgspec.convert(memory, kind)
    except msgspec.ValidationError:
        return kind()


def dump_state(state: object) -> dict[str, object]:
    """Convert state to values that JSON can hold."""
    memory: dict[str, object] = msgspec.to_builtins(state)
    return memory


def with_state(kind: type[State]) -> Callable[[StatefulCondition[State]], Condition]:
    """Decorate a function of a context and typed state, so that it becomes a Condition."""

    def decorate(judge: StatefulCondition[State]) -> Condition:
        def condition(context: Context) -> tuple[Verdict, Memory]:
            before = load_state(context.memory, kind)
            verdict, after = judge(context, before)
            return verdict, context.memory if after == before else dump_state(after)

        return condition

    return decorate
