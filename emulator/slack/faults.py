"""Failures to order: the next calls of a Web API method fail as a test or a story says.

Not Slack's own rules (those are in `methods/` and `limits`). Pure but for its own counters.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

from emulator.slack.model import SlackError

RESPONSE_URL = "response_url"
"""Stands for a method: uses of response URLs fail."""


class ConnectionLost(Exception):
    """The connection is to be reset in place of an answer."""


@dataclass(slots=True)
class Fault:
    """One ordered failure."""

    error: str
    status: int = 200
    retry_after_s: int | None = None
    delay_s: float = 0.0
    """Waited before Slack does what was asked."""
    is_applied: bool = False
    """True: Slack does what was asked and the answer is lost, the ambiguous case."""
    answer_delay_s: float = 0.0
    """Waited before the answer, when Slack has done what was asked."""
    is_reset: bool = False
    """True: the connection is reset in place of an answer."""
    times: int = 1
    probability: float = 1.0
    """The share of calls that it strikes; those that it spares are not counted."""

    def as_error(self) -> Exception:
        """The answer the caller gets."""
        if self.is_reset:
            return ConnectionLost()
        return SlackError(self.error, status=self.status, retry_after_s=self.retry_after_s)


@dataclass(slots=True)
class Faults:
    """The failures ordered, by method; each is used up by `times` calls."""

    chance: random.Random = field(default_factory=lambda: random.Random(0))
    struck: Counter[str] = field(default_factory=Counter)
    """How often each failure struck, by its error."""
    _ordered: dict[str, list[Fault]] = field(default_factory=dict)

    def order(self, method: str, fault: Fault) -> None:
        """Make the next `fault.times` calls of `method` (`*` for any) fail."""
        self._ordered.setdefault(method, []).append(fault)

    def take(self, method: str) -> Fault | None:
        """The failure this call must meet, if one was ordered; `*` means methods, not response URLs."""
        for name in (method, "*") if method != RESPONSE_URL else (method,):
            for fault in self._ordered.get(name, []):
                if fault.probability < 1 and self.chance.random() >= fault.probability:
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._ordered[name].remove(fault)
                self.struck[fault.error] += 1
                return fault
        return None

    def clear(self) -> None:
        """Forget what was ordered."""
        self._ordered.clear()
