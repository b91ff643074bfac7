"""The rules we ship, as data: the whole list, and nothing that decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.alerts import Severity
from bot.rules.conditions import log_diagnosis as log_failure
from bot.rules.conditions.capacity import gpu_memory_pressure, host_memory_pressure, storage_pressure
from bot.rules.conditions.gpu_utilization import low_gpu_utilization
from bot.rules.conditions.job_state import failed_state
from bot.rules.conditions.log_errors import error_lines
from bot.rules.conditions.stragglers import gpu_straggler
from bot.rules.conditions.visibility import no_data, unreachable_lines
from bot.rules.rule import Parameter, Rule, Unit

QUIET_AFTER = Parameter("quiet_after", Unit.DURATION, 1800.0, "resolved when it has not come again for this long")


def _growth(*, window: float, warmup: float, horizon: float = 3600.0) -> tuple[Parameter, ...]:
    """What may be set of a rule that predicts."""
    return (
        Parameter("window", Unit.DURATION, window, "growth is measured over this long"),
        Parameter("horizon", Unit.DURATION, horizon, "told when it is full within this"),
        Parameter("warmup", Unit.DURATION, warmup, "growth is not judged for this long after the first sample"),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        name="job_failed",
        title="Job failed",
        help="The platform says that the job failed, was preempted or is unhealthy.",
        severity=Severity.PAGE,
        condition=failed_state,
        root_includes_evidence=True,
        reports_state=True,
    ),
    Rule(
        name="failure",
        title="Failure in the log",
        help="The log shows a known failure, a traceback that ended the run, or a crash.",
        severity=Severity.PAGE,
        condition=log_failure.failure,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="hang",
        title="No progress",
        help="The run's own steps have stopped for much longer than they usually take.",
        severity=Severity.PAGE,
        condition=log_failure.hang,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="loss",
        title="Loss gone wrong",
        help="The loss is not finite several times in a row, or diverges.",
        severity=Severity.PAGE,
        condition=log_failure.numerics,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="log_errors",
        title="Errors in the log",
        help="New log lines at level ERROR or worse.",
        severity=Severity.WARN,
        condition=error_lines,
        keep_parameter="quiet_after",
        parameters=(
            Parameter("quiet_after", Unit.DURATION, 900.0, "resolved after this long without a new error"),
            Parameter("ignore", Unit.TEXT, "", "lines with this text are no errors"),
        ),
    ),
    Rule(
        name="low_gpu_utilization",
        title="GPUs idle",
        help="A GPU stays below a threshold.",
        severity=Severity.WARN,
        condition=low_gpu_utilization,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.2, "low is below this"),
            Parameter("recovery", Unit.RATIO, 0.3, "normal again at this"),
            Parameter("for", Unit.DURATION, 900.0, "how long it must be low"),
            Parameter("warmup", Unit.DURATION, 600.0, "not judged for this long after the first sample"),
        ),
        window_parameters=("for", "warmup"),
    ),
    Rule(
        name="gpu_straggler",
        title="GPU unlike its peers",
        help="A GPU or node is much less or much more busy than the other GPUs of the job.",
        severity=Severity.WARN,
        condition=gpu_straggler,
        parameters=(
            Parameter("difference", Unit.RATIO, 0.15, "unlike is at least this far from the median GPU"),
            Parameter("recovery", Unit.RATIO, 0.08, "normal again when nearer than this"),
            Parameter("for", Unit.DURATION, 600.0, "how long it must be unlike its peers"),
            Parameter("warmup", Unit.DURATION, 600.0, "not judged for this long after the first sample"),
        ),
        window_parameters=("for", "warmup"),
    ),
    Rule(
        name="gpu_memory_pressure",
        title="GPU memory fills",
        help="A GPU's memory is near its limit and grows steadily: it says when it will be full.",
        severity=Severity.WARN,
        condition=gpu_memory_pressure,
        parameters=(
            Parameter("from", Unit.RATIO, 0.85, "near the limit is above this"),
            *_growth(window=3600.0, warmup=1800.0, horizon=2700.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="host_memory_pressure",
        title="Host memory fills",
        help="A machine's memory is nearly full, or grows steadily and will be full soon.",
        severity=Severity.WARN,
        condition=host_memory_pressure,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.95, "nearly full is over this"),
            Parameter("from", Unit.RATIO, 0.7, "growth is judged above this"),
            *_growth(window=3600.0, warmup=1200.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="storage_pressure",
        title="Storage fills",
        help="Ephemeral storage or the cache is nearly full, or grows steadily and will be full soon.",
        severity=Severity.WARN,
        condition=storage_pressure,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.9, "nearly full is over this"),
            Parameter("from", Unit.RATIO, 0.6, "growth is judged above this"),
            *_growth(window=7200.0, warmup=600.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="no_data",
        title="Cannot see the job",
        help="The platform does not answer trainwatch, so nothing can be said of the job.",
        severity=Severity.WARN,
        condition=no_data,
        root_includes_evidence=True,
        is_replayable=False,
        parameters=(Parameter("for", Unit.DURATION, 300.0, "how long before it is said"),),
        hold_parameter="for",
    ),
    Rule(
        name="log_gap",
        title="Log lines out of reach",
        help="The platform holds log lines that its paging cannot give.",
        severity=Severity.INFO,
        condition=unreachable_lines,
        keep_firing_for=timedelta(minutes=15),
    ),
)


_NAMED: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


def rule_named(name: str) -> Rule | None:
    """The shipped rule of this name."""
    return _NAMED.get(name)


def reports_state(name: str) -> bool:
    """Whether the rule of this name only repeats the job's own state."""
    rule = rule_named(name)
    return rule is not None and rule.reports_state
