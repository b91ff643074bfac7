"""The rules: the built-in ones, as data, and those that people write."""

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.alerts import Severity
from bot.domain.subscriptions import RuleSettings
from bot.rules.conditions.capacity import gpu_memory_pressure, host_memory_pressure, storage_pressure
from bot.rules.conditions.failed_requests import failed_requests
from bot.rules.conditions.gpu_utilization import low_gpu_utilization
from bot.rules.conditions.job_state import failed_state
from bot.rules.conditions.log_diagnosis import failure, hang, numerics
from bot.rules.conditions.log_errors import error_lines
from bot.rules.conditions.own_rules import own_rule
from bot.rules.conditions.stragglers import gpu_straggler
from bot.rules.conditions.visibility import no_data, unreachable_lines
from bot.rules.rule import Parameter, Rule, Unit

QUIET_AFTER = Parameter("quiet_after", Unit.DURATION, 1800.0, "Resolves when not seen for this long")


def _growth(*, window: float, warmup: float, horizon: float = 3600.0) -> tuple[Parameter, ...]:
    """Return the parameters of a rule that predicts."""
    return (
        Parameter("window", Unit.DURATION, window, "Time over which growth is measured"),
        Parameter("horizon", Unit.DURATION, horizon, "Fires if predicted full within this time"),
        Parameter("warmup", Unit.DURATION, warmup, "Growth is ignored for this long after the first sample"),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        name="job_failed",
        title="Job failed",
        help="The platform reports that the job failed, was preempted or is unhealthy.",
        severity=Severity.PAGE,
        condition=failed_state,
        root_includes_evidence=True,
        reports_state=True,
        follows=("failure", "loss", "hang"),
    ),
    Rule(
        name="failure",
        title="Failure in the log",
        help="The log has a known failure, a traceback that ended the run, or a crash.",
        severity=Severity.PAGE,
        condition=failure,
        title_is_identity=True,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="hang",
        title="No progress",
        help="The run's steps have stopped for much longer than a step usually takes.",
        severity=Severity.PAGE,
        condition=hang,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="loss",
        title="Loss NaN or diverging",
        help="The loss is NaN or infinite several times in a row, or diverges.",
        severity=Severity.PAGE,
        condition=numerics,
        parameters=(QUIET_AFTER,),
    ),
    Rule(
        name="log_errors",
        title="Errors in the log",
        help="The log has new lines at level ERROR or above.",
        severity=Severity.WARN,
        condition=error_lines,
        follows=("failure", "loss", "failed_requests"),
        keep_parameter="quiet_after",
        parameters=(
            Parameter("quiet_after", Unit.DURATION, 900.0, "Resolves after this long without a new error"),
            Parameter("ignore", Unit.TEXT, "", "Lines with this text do not count as errors"),
        ),
    ),
    Rule(
        name="failed_requests",
        title="Requests fail",
        help="A deployment answers too many of its requests with 5xx.",
        severity=Severity.PAGE,
        condition=failed_requests,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.1, "Fires at this share of the requests"),
            Parameter("recovery", Unit.RATIO, 0.03, "Resolves below this"),
            Parameter("window", Unit.DURATION, 300.0, "Time over which requests are counted"),
        ),
        window_parameters=("window",),
    ),
    Rule(
        name="low_gpu_utilization",
        title="GPUs idle",
        help="The utilization of a GPU stays below a threshold.",
        severity=Severity.WARN,
        condition=low_gpu_utilization,
        follows=("failure", "hang"),
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.2, "Fires below this"),
            Parameter("recovery", Unit.RATIO, 0.3, "Resolves at this"),
            Parameter("for", Unit.DURATION, 900.0, "How long utilization must be low"),
            Parameter("warmup", Unit.DURATION, 600.0, "Ignored for this long after the first sample"),
        ),
        window_parameters=("for", "warmup"),
    ),
    Rule(
        name="gpu_straggler",
        title="GPU straggler",
        help="A GPU or node is much less or much more busy than the other GPUs of the job.",
        severity=Severity.WARN,
        condition=gpu_straggler,
        follows=("failure", "hang"),
        parameters=(
            Parameter("difference", Unit.RATIO, 0.15, "Fires at this distance from the median GPU"),
            Parameter("recovery", Unit.RATIO, 0.08, "Resolves when closer than this"),
            Parameter("for", Unit.DURATION, 600.0, "How long the GPU must differ"),
            Parameter("warmup", Unit.DURATION, 600.0, "Ignored for this long after the first sample"),
        ),
        window_parameters=("for", "warmup"),
    ),
    Rule(
        name="gpu_memory_pressure",
        title="GPU memory is filling up",
        help="A GPU's memory is near its limit, grows steadily and will be full soon.",
        severity=Severity.WARN,
        condition=gpu_memory_pressure,
        parameters=(
            Parameter("from", Unit.RATIO, 0.85, "Growth is judged above this"),
            *_growth(window=3600.0, warmup=1800.0, horizon=2700.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="host_memory_pressure",
        title="Host memory is filling up",
        help="A host's memory is nearly full, or grows steadily and will be full soon.",
        severity=Severity.WARN,
        condition=host_memory_pressure,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.95, "Fires above this"),
            Parameter("from", Unit.RATIO, 0.7, "Growth is judged above this"),
            *_growth(window=3600.0, warmup=1200.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="storage_pressure",
        title="Storage is filling up",
        help="Ephemeral storage or the cache is nearly full, or grows steadily and will be full soon.",
        severity=Severity.WARN,
        condition=storage_pressure,
        parameters=(
            Parameter("threshold", Unit.RATIO, 0.9, "Fires above this"),
            Parameter("from", Unit.RATIO, 0.6, "Growth is judged above this"),
            *_growth(window=7200.0, warmup=600.0),
        ),
        window_parameters=("window", "warmup"),
    ),
    Rule(
        name="no_data",
        title="No data from the platform",
        help="The platform does not answer, so trainwatch cannot observe the job.",
        severity=Severity.WARN,
        condition=no_data,
        root_includes_evidence=True,
        is_replayable=False,
        parameters=(Parameter("for", Unit.DURATION, 300.0, "How long the outage must last"),),
        hold_parameter="for",
    ),
    Rule(
        name="log_gap",
        title="Unreadable log lines",
        help="The log has lines that the platform's paging cannot return.",
        severity=Severity.INFO,
        condition=unreachable_lines,
        keep_firing_for=timedelta(minutes=15),
    ),
)


_NAMED: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


def rule_named(name: str) -> Rule | None:
    """Return the rule of this name, which may be the text of one that a person wrote; or None."""
    return _NAMED.get(name) or (own_rule(name) if " " in name else None)


def rules_of(settings: RuleSettings) -> tuple[Rule, ...]:
    """Return the built-in rules and those that a person wrote; also rules that are off."""
    return (*RULES, *(rule for name in settings.own if (rule := rule_named(name)) is not None))


def reports_state(name: str) -> bool:
    """Whether the rule of this name only repeats the job's own state."""
    rule = rule_named(name)
    return rule is not None and rule.reports_state
