"""Evaluate rules on one poll: the log's diagnosis, each wanted rule's condition, its alert's lifecycle. Pure.

The watcher (`bot.watcher.decide`) turns the result into messages; `trainwatch watch` and `rules test` use it through
`LocalAlerts`, without channels, silences and storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Alert, Timing, Transition
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings, Setting
from bot.domain.traces import Trace
from bot.rules.catalog import RULES, rule_named
from bot.rules.conditions.own_rules import has_read
from bot.rules.lifecycle import step
from bot.rules.metrics.readings import read_log
from bot.rules.rule import Condition, Context, Rule, parameters_key


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule with one set of parameters, and what follows from them."""

    condition: Condition
    parameters: Mapping[str, Setting]
    """Every parameter, defaults included."""
    timing: Timing
    metrics_window: timedelta | None
    """As `Rule.metrics_window` returns it."""
    initial_alert: Alert
    """Its alert before the first poll."""
    log_key: str = ""
    """As in `Rule`."""

    @classmethod
    def of(cls, rule: Rule, settings: Mapping[str, Setting]) -> WantedRule:
        """Apply settings to a rule."""
        filled = rule.fill(settings)
        alert = Alert(rule.name, parameters_key(settings), severity=rule.severity)
        return cls(rule.condition, filled, rule.timing(filled), rule.metrics_window(filled), alert, rule.log_key)


_AS_SHIPPED = tuple((rule, WantedRule.of(rule, {})) for rule in RULES)
"""The rules without settings, which nearly every subscription wants; computed once."""

Wanted = Mapping[tuple[str, str], WantedRule]
"""By rule and parameters key."""


@dataclass(frozen=True, slots=True)
class EvaluatedAlert:
    """One alert after a poll."""

    alert: Alert
    transition: Transition | None = None
    """What happened to it at this poll, if anything did."""
    changed: bool = False
    """Whether it differs from the stored alert, its memory included."""
    id: str = ""
    """`alert_id` of a firing alert, once the watch is known."""


def wanted_rules(settings: Iterable[RuleSettings]) -> Wanted:
    """Collect every distinct set of parameters that a subscription wants of each rule."""
    several = list(settings)
    wanted: dict[tuple[str, str], WantedRule] = {}
    for rule, shipped in _AS_SHIPPED:
        for one in several:
            if rule.name not in one.off:
                parameters = one.parameters.get(rule.name)
                found = WantedRule.of(rule, parameters) if parameters else shipped
                wanted[rule.name, found.initial_alert.parameters_key] = found
    for name in (name for one in several for name in one.own if name not in one.off):
        own = rule_named(name)
        if own is not None:
            wanted[name, ""] = WantedRule.of(own, {})
    return wanted


def longest_metrics_window(wanted: Wanted) -> timedelta | None:
    """How far back the metrics of the first poll must reach; None when no wanted rule reads metrics."""
    return max((one.metrics_window for one in wanted.values() if one.metrics_window is not None), default=None)


def evaluate_rules(
    stored: Iterable[Alert],
    wanted: Wanted,
    observation: Observation,
    diagnosis: Diagnosis | None,
    trace: Trace = (),
) -> tuple[EvaluatedAlert, ...]:
    """Evaluate every wanted rule on a redacted observation.

    `stored` are the alerts as of the last poll; `trace` is for charts.
    """
    before = {(alert.rule, alert.parameters_key): alert for alert in stored}
    ended = observation.job is not None and observation.job.state.is_terminal
    keys = {rule.log_key for rule in wanted.values() if rule.log_key}
    readings = read_log(observation.lines, keys) if keys else {}
    evaluated = []
    for key, rule in wanted.items():
        alert = before.get(key, rule.initial_alert)
        context = Context(observation, rule.parameters, alert.memory, diagnosis, trace, readings)
        verdict, memory = rule.condition(context)
        remembering = alert if memory == alert.memory else replace(alert, memory=memory)
        stepped, transition = step(remembering, verdict, rule.timing, observation.at, job_ended=ended)
        evaluated.append(EvaluatedAlert(stepped, transition, changed=stepped is not alert and stepped != alert))
    return tuple(evaluated)


class LocalAlerts:
    """The current alerts of one job, kept in memory."""

    def __init__(self, settings: RuleSettings, scanner: PageScanner) -> None:
        self.min_severity = settings.min_severity
        self.wanted: Wanted = wanted_rules([settings])
        self._diagnoser = Diagnoser(scanner)
        self._alerts: Sequence[Alert] = ()

    @property
    def metrics_window(self) -> timedelta | None:
        """How far back the rules need metrics; None if they need none."""
        return longest_metrics_window(self.wanted)

    def unread(self) -> tuple[str, ...]:
        """The rules that a person wrote and whose number was never found."""
        own = (one for one in self._alerts if (rule := rule_named(one.rule)) is not None and rule.is_own)
        return tuple(one.rule for one in own if not has_read(one.memory))

    def evaluate(self, observation: Observation) -> list[tuple[Alert, Transition]]:
        """Evaluate the rules on the next observation, which must be redacted; return the alerts that changed."""
        diagnosis = diagnose_observation(self._diagnoser, observation)
        evaluated = evaluate_rules(self._alerts, self.wanted, observation, diagnosis)
        self._alerts = [one.alert for one in evaluated]
        return [(one.alert, one.transition) for one in evaluated if one.transition is not None]


def resume_diagnosis(
    scanner: PageScanner, state: object, observation: Observation
) -> tuple[Diagnosis | None, Mapping[str, object] | None]:
    """Diagnose the lines of an observation, whose time decides whether the job hangs.

    `state` is the state after the previous poll, which is stored with the watch; None before the first.

    Returns:
        The diagnosis, None while the log cannot be read; and the state for the next poll.
    """
    known = state if isinstance(state, Mapping) else None
    diagnoser = Diagnoser(scanner)
    if known is not None:
        diagnoser.load(known)
    diagnosis = diagnose_observation(diagnoser, observation)
    if diagnosis is None:
        return None, known
    return diagnosis, diagnoser.dump() if observation.lines or known is None else known


def diagnose_observation(diagnoser: Diagnoser, observation: Observation) -> Diagnosis | None:
    """Feed the lines of an observation to a job's diagnoser; return the diagnosis, None while the log is unreadable."""
    gap = observation.gap(Part.LOGS)
    if gap is not None and not gap.is_partial and not observation.lines:
        return None
    diagnoser.feed_many((line.message, line.rank, line.replica, line.timestamp_ns) for line in observation.lines)
    job = observation.job
    is_whole = gap is None or gap.reason is GapReason.MISTIMED_LINES
    running = is_whole and job is not None and job.state is JobState.RUNNING
    return diagnoser.report(ns_from_datetime(observation.at), running=running)
