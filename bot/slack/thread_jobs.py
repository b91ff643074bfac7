"""Which job a thread is about, so that a mention in it needs to name none.

The thread of an alert has its incident in the store, that of a run its job. The threads of other answers are
remembered by this process.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from bot.domain.alerts import Receipt
from bot.store.store import Store

_MAX_THREADS = 5_000


@dataclass(slots=True)
class ThreadJobs:
    """The jobs of threads."""

    store: Store
    _recent: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)

    async def find(self, channel: str, thread_ts: str) -> str | None:
        """Return the reference of the thread's job, or None."""
        root = Receipt(channel, thread_ts)
        incident = await self.store.incidents.find_by_root(root)
        if incident is not None:
            return str(incident.job.ref)
        return self._recent.get((channel, thread_ts)) or await self.store.runs.find_job(root)

    def remember(self, channel: str, thread_ts: str | None, job: str | None) -> None:
        """Remember the job of the newest answer in a thread."""
        if thread_ts is None or job is None:
            return
        self._recent[channel, thread_ts] = job
        self._recent.move_to_end((channel, thread_ts))
        if len(self._recent) > _MAX_THREADS:
            self._recent.popitem(last=False)
