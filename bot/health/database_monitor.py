"""Whether the database can be used: it is written to every ten seconds, so that /readyz answers at once."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.checks import CheckResult
from bot.domain.durations import spoken_seconds
from bot.store.store import Store

CHECK_EVERY_S = 10.0
SILENT_AFTER_S = 60.0
INTEGRITY_EVERY_S = 600.0
_REMEDY = "Find the process that holds it, or restart the server."


@dataclass(slots=True)
class DatabaseMonitor:
    """Checks the database, as a Worker of `run_loop`. Times are monotonic."""

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    _results: list[CheckResult] = field(default_factory=list, init=False)
    _answered_s: float = field(init=False)
    _checked_s: float = field(default=float("-inf"), init=False)
    _integrity_s: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._answered_s = self.monotonic()

    async def tick(self) -> int:
        """Check when it is time. Always returns 0, because it is idle in between."""
        now_s = self.monotonic()
        if now_s - self._checked_s < CHECK_EVERY_S:
            return 0
        self._checked_s = now_s
        with_integrity = now_s - self._integrity_s >= INTEGRITY_EVERY_S
        try:
            async with asyncio.timeout(SILENT_AFTER_S / 2):
                self._results = await self.store.check(with_integrity=with_integrity)
        except TimeoutError:
            return 0
        self._answered_s = self.monotonic()
        if with_integrity and all(one.ok for one in self._results):
            self._integrity_s = self._answered_s
        return 0

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""

    def results(self) -> list[CheckResult]:
        """Return what the last check found. Without one for a minute, the database does not answer."""
        silence_s = self.monotonic() - self._answered_s
        if silence_s >= SILENT_AFTER_S:
            return [CheckResult("Database", False, f"no answer for {spoken_seconds(silence_s)}", _REMEDY)]
        return self._results or [CheckResult("Database", True, "not checked yet")]
