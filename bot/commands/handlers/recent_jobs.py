"""Share the status of a job among commands that need it at once: a burst must not use up the platform's rate limit."""

import asyncio
import contextvars
from dataclasses import dataclass, field

from bot.commands.handlers.job_lifetime import find_job
from bot.domain.jobs import Job, JobRef
from bot.providers.base import Provider

_KEEP_S = 2.0


@dataclass(frozen=True, slots=True)
class RecentJobs:
    """Jobs whose status was requested within the last two seconds, or is being requested."""

    asked: dict[JobRef, asyncio.Task[Job | None]] = field(default_factory=dict)

    async def find(self, provider: Provider, ref: JobRef) -> Job | None:
        """Return the job; None if the platform does not report it."""
        task = self.asked.get(ref)
        if task is None:
            # Without the context of this command: its budget must not end the request of others.
            task = asyncio.create_task(find_job(provider, ref), context=contextvars.Context())
            self.asked[ref] = task
            task.add_done_callback(lambda _task: asyncio.get_running_loop().call_later(_KEEP_S, self.asked.pop, ref))
        return await asyncio.shield(task)
