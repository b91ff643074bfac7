"""What a subscription reports, in plain words: one sentence after `watch`. Pure."""

from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import rules_of

_SPOKEN = {
    "job_failed": "failures",
    "failure": "failures",
    "hang": "hangs",
    "loss": "NaN",
    "log_errors": "errors",
    "failed_requests": "failed requests",
    "low_gpu_utilization": "idle GPUs",
    "gpu_straggler": "stragglers",
    "gpu_memory_pressure": "memory filling up",
    "host_memory_pressure": "memory filling up",
    "storage_pressure": "full disks",
}
"""Rules about what trainwatch cannot see go without saying."""


def expected_alerts(settings: RuleSettings) -> str:
    """`You'll hear about failures, NaN, idle GPUs and memory filling up.`, and whether a message follows the run.

    `settings` are those of a subscription, laid over the installation's.
    """
    least = settings.min_severity.rank
    is_on = {one.name for one in rules_of(settings) if one.name not in settings.off and one.severity.rank >= least}
    names = list(dict.fromkeys(spoken for name, spoken in _SPOKEN.items() if name in is_on))
    names += [f"`{name}`" for name in settings.own if name in is_on]
    follows = " One message follows the run." if settings.run.follows_run else ""
    if not names:
        return f"All alert rules are off.{follows}"
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"You'll hear about {listed}.{follows}"
