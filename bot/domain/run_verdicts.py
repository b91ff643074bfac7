"""What to do with a run that failed: restart it as it is, fix something first, change its node, or wait."""

import enum
from dataclasses import dataclass


class Remedy(enum.StrEnum):
    """The four things that can be done with a run that failed."""

    RESTART = "restart as is"
    """What ended it does not come from the run, or need not happen again."""
    FIX = "fix first"
    """The same failure is to be expected again until something changes."""
    CHANGE_NODE = "change node"
    """A node, its GPUs or its links failed."""
    WAIT = "wait"
    """A quota, capacity or a service is missing, and comes back by itself."""


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """What to do with a run, and why. trainwatch never does it by itself."""

    remedy: Remedy
    reason: str
    """One clause without a period, such as `the same batch runs out again`."""
    missing: str = ""
    """What would make it certain, such as `the log of the rank that died first`; "": nothing."""
    is_from_log_only: bool = True
    """Whether no earlier run was compared."""

    @property
    def label(self) -> str:
        """The remedy at the start of a sentence, such as `Fix first`."""
        return self.remedy.capitalize()

    @property
    def sentence(self) -> str:
        """The remedy and its reason."""
        return f"{self.label}: {self.reason}."


def verdict_fields(verdict: RunVerdict | None) -> dict[str, object]:
    """The fields of a verdict in JSON documents; null if there is none."""
    return {
        "verdict": verdict.remedy.value if verdict else None,
        "verdict_reason": verdict.reason if verdict else None,
        "verdict_missing": verdict.missing or None if verdict else None,
    }
