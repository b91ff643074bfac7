"""List the jobs of platforms: once for each platform and interval, however many channels and people want it.

New jobs join the patterns that they match in the transaction that saves the listing (`bot.store.joins`). A listing
takes at most a quarter of a platform's rate, so a platform that needs many requests is listed less often.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.durations import Clock
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import Job, JobState
from bot.domain.listings import LISTINGS_PER_POLL, MAX_LISTED, ClaimedListing, ListingResult
from bot.domain.observations import POLL_INTERVAL
from bot.errors import ConfigError, ProviderError
from bot.providers.base import Priority
from bot.providers.budget import CommandBudget, spending
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job
from bot.store.store import Store
from bot.watcher.intervals import PollIntervals, next_interval

log = logging.getLogger(__name__)

_RATE_SHARE = 0.25
_WAIT_S = 0.5
"""How often claims are looked after while a listing runs."""
_LEASE_SHARE = 8
_SHORTEST_LEASE = timedelta(seconds=2)
"""A killed process delays a listing by its lease."""
_INTERNAL = "Internal error; see the trainwatch log."


@dataclass(frozen=True, slots=True)
class ListingSettings:
    """How often jobs are listed."""

    poll_interval: timedelta = POLL_INTERVAL
    """A new job is watched within this time, also if a process is killed meanwhile."""
    timeout: timedelta = timedelta(minutes=2)
    limit: int = MAX_LISTED

    @property
    def interval(self) -> timedelta:
        """Time between two listings for patterns."""
        return self.poll_interval / LISTINGS_PER_POLL

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts; it is renewed while a listing runs."""
        return max(self.poll_interval / _LEASE_SHARE, _SHORTEST_LEASE)


class JobLister:
    """Lists the platforms that are due."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        clock: Clock,
        redactor: Redactor,
        settings: ListingSettings | None = None,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._registry, self._listings, self._clock = registry, store.listings, clock
        self._redactor, self._settings, self._jitter = redactor, settings or ListingSettings(), jitter
        self._running: dict[asyncio.Task[ListingResult], ClaimedListing] = {}
        self._renewed_at: datetime | None = None

    async def tick(self) -> int:
        """Save the listings that are done and start those that are due; return how many are busy."""
        saved = await self._save_done()
        await self._renew()
        busy = {claimed.provider for claimed in self._running.values()}
        free = [name for name in self._registry.names if name not in busy]
        now = self._clock()
        claimed = await self._listings.claim_due(free, now, lease=self._settings.lease) if free else []
        for one in claimed:
            self._running[asyncio.create_task(self._list(one))] = one
        if claimed:
            self._renewed_at = now
        if self._running:
            await asyncio.wait(self._running, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        return saved + len(claimed) + len(self._running)

    async def stop(self) -> None:
        """Save what is done; cancel and release the rest, so that another process can list it at once."""
        try:
            await self._save_done()
        finally:
            unfinished = dict(self._running)
            self._running.clear()
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            if unfinished:
                await self._listings.release(list(unfinished.values()), self._clock())

    async def _save_done(self) -> int:
        done = [task for task in self._running if task.done()]
        for task in done:
            claimed = self._running.pop(task)
            joined = await self._listings.save(task.result(), self._clock())
            if joined:
                log.info("jobs joined patterns", extra={"provider": claimed.provider, "jobs": joined})
        return len(done)

    async def _renew(self) -> None:
        """Extend the claims of running listings when half of their lease has passed."""
        now = self._clock()
        if self._running and (self._renewed_at is None or now - self._renewed_at >= self._settings.lease / 2):
            self._renewed_at = now
            await self._listings.renew(list(self._running.values()), now + self._settings.lease)

    async def _list(self, claimed: ClaimedListing) -> ListingResult:
        """List the jobs of one platform. Does not raise: a failure is a result."""
        began_at, limit = self._clock(), self._settings.limit
        with spending(CommandBudget()) as budget:
            try:
                provider = self._registry.get(claimed.provider, Priority.BACKGROUND)
                async with asyncio.timeout(self._settings.timeout.total_seconds()):
                    listed = await provider.list_jobs(limit=limit)
                # In a thread, as thousands of jobs take most of a second.
                jobs = await asyncio.to_thread(self._redact, listed[:limit])
            except (ProviderError, ConfigError) as error:
                return self._failed(claimed, error.public, getattr(error, "retry_after", None))
            except TimeoutError:
                return self._failed(claimed, "It took too long.", None)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling() > 0:  # it was this task, not something it awaited
                    raise
                log.exception("listing was cancelled by its provider", extra={"provider": claimed.provider})
                return self._failed(claimed, _INTERNAL, None)
            except Exception:  # a bug in one provider must not stop the listings of others
                log.exception("listing crashed", extra={"provider": claimed.provider})
                return self._failed(claimed, _INTERNAL, None)
        state = replace(
            claimed.state,
            listed_at=began_at,
            jobs=len(jobs),
            requests=budget.requests,
            is_cut=len(listed) >= limit,
            has_owners=any(job.owner for job in jobs) or (claimed.state.has_owners and not jobs),
            fails=0,
            failing_since=None,
            problem="",
        )
        if claimed.state.fails:
            log.info("jobs are listed again", extra={"provider": claimed.provider})
        return ListingResult(claimed, state, began_at + self._interval(claimed, budget.requests), jobs)

    def _redact(self, jobs: Sequence[Job]) -> tuple[KnownJob, ...]:
        return tuple(KnownJob.of(redact_job(job, self._redactor)) for job in jobs)

    def _failed(self, claimed: ClaimedListing, problem: str, retry_after: timedelta | None) -> ListingResult:
        now, public = self._clock(), self._redactor.redact(problem)[0]
        fails = claimed.state.fails + 1
        since = claimed.state.failing_since or now
        if fails == 1:
            log.warning("jobs cannot be listed", extra={"provider": claimed.provider, "reason": public})
        state = replace(claimed.state, fails=fails, failing_since=since, problem=public)
        interval = self._settings.interval
        intervals = PollIntervals(running=interval, longest=max(interval, timedelta(minutes=1)))
        wait = next_interval(intervals, JobState.RUNNING, fails=fails, retry_after=retry_after, jitter=self._jitter())
        return ListingResult(claimed, state, now + wait)

    def _interval(self, claimed: ClaimedListing, requests: int) -> timedelta:
        """Time until the next listing: seldom if only people want it or if it takes many requests."""
        wanted = self._settings.interval if claimed.has_patterns else max(self._settings.interval, timedelta(minutes=1))
        rate = self._registry.request_rates().get(claimed.provider)
        if rate is None or rate.max_per_minute <= 0:
            return wanted
        return max(wanted, timedelta(minutes=requests / (rate.max_per_minute * _RATE_SHARE)))
