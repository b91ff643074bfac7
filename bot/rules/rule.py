"""What a rule is: a condition with its parameters, timing and severity, as data.

The rules we ship are in `catalog.py`; conditions are in `job_state.py`, `log_health.py`, `metric_health.py` and
`visibility.py`; when a finding becomes an alert is decided once, in `lifecycle.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Memory, Severity, Timing, Verdict
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting


class Unit(enum.StrEnum):
    """How a parameter is typed and stored."""

    RATIO = "ratio"
    """Typed `20%` or `0.2`; stored 0 to 1."""
    DURATION = "duration"
    """Typed `15m`; stored in seconds."""
    TEXT = "text"
    """A substring, kept as typed; "" is none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing a subscription may set."""

    name: str
    unit: Unit
    default: Setting
    help: str


@dataclass(frozen=True, slots=True)
class Context:
    """All a condition may look at."""

    observation: Observation
    parameters: Mapping[str, Setting]
    """Every parameter of the rule, defaults filled in."""
    memory: Memory
    """What this condition returned at the last poll; empty at first."""
    diagnosis: Diagnosis | None = None
    """What the whole log read so far means; None when it cannot be read."""

    def ratio(self, name: str) -> float:
        """A ratio or number parameter."""
        return float(self.parameters[name])

    def span(self, name: str) -> timedelta:
        """A duration parameter."""
        return timedelta(seconds=float(self.parameters[name]))

    def text(self, name: str) -> str:
        """A text parameter."""
        return str(self.parameters[name])


Condition = Callable[[Context], tuple[Verdict, Memory]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition, how loud it is and what may be set."""

    name: str
    title: str
    """What the alert is called: three or four words."""
    help: str
    """One sentence: when it fires."""
    severity: Severity
    condition: Condition
    parameters: tuple[Parameter, ...] = ()
    hold_parameter: str | None = None
    """The parameter that is the hold time; None when the rule holds by itself or fires at once."""
    keep_firing_for: timedelta = timedelta(0)
    keep_parameter: str | None = None
    """The parameter that is the keep-firing time in place of `keep_firing_for`."""
    root_includes_evidence: bool = False
    """The incident's root message shows all the evidence there is: a reply below a new root would repeat it."""
    reports_state: bool = False
    """Only repeats the job's own state, which every root message shows; the end of the job does not resolve it."""
    is_replayable: bool = True
    """Whether `rules test` can evaluate it: history does not record when trainwatch could not see a job."""
    window_parameters: tuple[str, ...] = ()
    """Durations whose sum is how much of the past a rule on metrics wants at first; none: it looks at no metrics."""

    def fill(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """All parameters, with the defaults where `settings` says nothing."""
        return {one.name: settings.get(one.name, one.default) for one in self.parameters}

    def timing(self, parameters: Mapping[str, Setting]) -> Timing:
        """The lifecycle's timing under these (filled) parameters."""
        hold = float(parameters[self.hold_parameter]) if self.hold_parameter else 0.0
        keep = self.keep_firing_for
        if self.keep_parameter:
            keep = timedelta(seconds=float(parameters[self.keep_parameter]))
        return Timing(hold_for=timedelta(seconds=hold), keep_firing_for=keep)

    def metrics_window(self, parameters: Mapping[str, Setting]) -> timedelta | None:
        """How far back metrics are wanted at the first look, under these (filled) parameters; None: no metrics."""
        if not self.window_parameters:
            return None
        return timedelta(seconds=sum(float(parameters[name]) for name in self.window_parameters))


def parameters_key(settings: Mapping[str, Setting]) -> str:
    """Canonical text of what differs from the defaults: equal settings share one alert."""
    return ",".join(f"{name}={settings[name]}" for name in sorted(settings))
