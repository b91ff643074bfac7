"""Failures to order: the next calls of a Web API method fail as a test or a story says.

Not Slack's own rules (those are in `methods/` and `limits`). Pure but for its own counters.
"""

from dataclasses import dataclass, field

from emulator.slack.model import SlackError


@dataclass(slots=True)
class Fault:
    """One ordered failure."""

    error: str
    status: int = 200
    retry_after_s: int | None = None
    delay_s: float = 0.0
    is_applied: bool = False
    """True: Slack does what was asked and the answer is lost, the ambiguous case."""
    times: int = 1

    def as_error(self) -> SlackError:
        """The answer the caller gets."""
        return SlackError(self.error, status=self.status, retry_after_s=self.retry_after_s)


@dataclass(slots=True)
class Faults:
    """The failures ordered, by method; each is used up by `times` calls."""

    _ordered: dict[str, list[Fault]] = field(default_factory=dict)

    def order(self, method: str, fault: Fault) -> None:
        """Make the next `fault.times` calls of `method` (`*` for any) fail."""
        self._ordered.setdefault(method, []).append(fault)

    def take(self, method: str) -> Fault | None:
        """The failure this call must meet, if one was ordered."""
        for name in (method, "*"):
            queue = self._ordered.get(name, [])
            if queue:
                fault = queue[0]
                fault.times -= 1
                if fault.times <= 0:
                    queue.pop(0)
                return fault
        return None

    def clear(self) -> None:
        """Forget what was ordered."""
        self._ordered.clear()
