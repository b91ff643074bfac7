"""Poll jobs: claim those that are due, observe them side by side, decide, and save the results in batches.

`tick` never waits for a job: it starts what is due and saves what is done, so that a slow platform delays only its own
jobs. `bot.providers.observe` fetches, `decide.py` decides, `intervals.py` computes the next poll.
"""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot import metrics
from bot.diagnosis.findings import Diagnosis
from bot.domain.downtime import Downtime
from bot.domain.durations import Clock, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.jobs import JobState
from bot.domain.logs import DEFAULT_OVERLAP
from bot.domain.observations import LOG_LOOKBACK, Observation
from bot.domain.run_history import RunHistory
from bot.domain.watches import ClaimedWatch, PollResult, PollShare
from bot.errors import BotError, StoreUnavailable
from bot.providers.base import Priority
from bot.providers.observe import ObservationRequest, metrics_start, observe
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_observation
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.evaluate import longest_metrics_window, resume_diagnosis, wanted_rules
from bot.rules.rule import load_state
from bot.rules.run_history import NODE_CATEGORIES, NODE_WINDOW, SAME_WINDOW
from bot.rules.run_updates import needs_queue
from bot.rules.settings import overlay
from bot.store.store import Store
from bot.watcher.decide import DecisionSettings, WatchState, decide, run_to_compare
from bot.watcher.intervals import PollIntervals, next_interval
from bot.watcher.reachability import Reachability

log = logging.getLogger(__name__)

_BATCH_WAIT_S = 0.1
"""How long finished polls wait for others, to be saved in one transaction."""
_FINEST_STEP, _COARSEST_STEP = timedelta(seconds=5), timedelta(seconds=15)
"""Limits of the time between two metric samples, which is a quarter of the poll interval."""
_LONG_WINDOW = timedelta(hours=1)
"""For a longer metrics window the platform chooses the step: the first poll, or one after a long absence."""
_MAX_CLAIMED = 100
"""Jobs claimed in one transaction."""
_OBSERVING_SHARE = 0.8
"""How much of the lease observing may take; the rest is for deciding and saving."""
_LINE_CHARS = 100
_SHORT_LOG_CHARS = 50_000
"""Logs up to this long are diagnosed on the event loop (about 5 ms), longer ones in a thread. Each line counts
`_LINE_CHARS` extra."""
INTERNAL_ERROR_TEXT = "Internal error while polling; see the trainwatch log."


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How jobs are polled."""

    intervals: PollIntervals = field(default_factory=PollIntervals)
    concurrency: int = 100
    """Jobs polled at once, at most half of them on one platform."""
    lease: timedelta = timedelta(seconds=90)
    """A job not saved by then goes to another process: at least three HTTP timeouts."""
    lookback: timedelta = LOG_LOOKBACK
    """How much log from before the subscription the first poll reads."""
    overlap: timedelta = DEFAULT_OVERLAP
    drain: timedelta = timedelta(seconds=90)
    """How long after its end a job's log is still read for late lines."""
    grouping: Grouping = STANDARD
    downtime: Downtime | None = None
    """The time before the start, when no process ran."""
    share: Callable[[], PollShare | None] = lambda: None
    """Returns the part of the jobs that this process polls first; None: all."""


@dataclass(frozen=True, slots=True)
class _ReadLog:
    """What one poll read, redacted, and the diagnosis of the log so far."""

    observation: Observation
    diagnosis: Diagnosis | None
    log_state: Mapping[str, object] | None


class Poller:
    """Polls the jobs that are due."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        clock: Clock,
        redactor: Redactor,
        diagnosis_config: DiagnosisConfig,
        settings: PollSettings | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._registry, self._store, self._clock, self._diagnosis_config = registry, store, clock, diagnosis_config
        self._settings, self._redactor, self._jitter = settings or PollSettings(), redactor, jitter
        its = self._settings
        self._decision_settings = DecisionSettings(its.drain, its.intervals, its.grouping, its.downtime)
        self._polls: dict[asyncio.Task[PollResult], ClaimedWatch] = {}
        self._done: list[asyncio.Task[PollResult]] = []
        """Polls that are done but not saved."""
        self._recorded: dict[asyncio.Task[PollResult], PollResult] = {}
        """Results that could not be saved, so that each poll is counted once."""
        self._started_at: dict[int, datetime] = {}
        """When the last poll of each watch started."""
        self._reachability = Reachability(self._settings.intervals.running)
        self._back: set[str] = set()
        """Platforms that answer again, whose jobs still back off."""
        self._many_done = asyncio.Event()
        self._thread_lock = asyncio.Lock()
        """Held while a long log is diagnosed: several threads would starve the event loop, one does not."""

    async def tick(self) -> int:
        """Save what is done and start what is due.

        Returns:
            How many jobs were saved or started, are done or being diagnosed; 0 when there is nothing to do.
        """
        saved = await self._save_done()
        await self._end_backoff()
        claimed = await self._claim()
        for watch in map(self._with_defaults, claimed):
            task = asyncio.create_task(self._poll(watch))
            task.add_done_callback(self._note_done)
            self._polls[task] = watch
            self._started_at[watch.id] = self._clock()
        if self._polls:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many_done.wait(), _BATCH_WAIT_S)
        return saved + len(claimed) + len(self._done) + self._thread_lock.locked()

    def _note_done(self, task: asyncio.Task[PollResult]) -> None:
        self._done.append(task)
        if len(self._done) * 2 >= self._settings.concurrency:
            self._many_done.set()

    async def _claim(self) -> list[ClaimedWatch]:
        """Claim as many jobs as there are free slots; one platform gets at most half of all slots."""
        most = max(1, self._settings.concurrency // 2)
        taken = Counter(watch.job.provider for watch in self._polls.values())
        full = [provider for provider, count in taken.items() if count >= most]
        free = most - max((count for count in taken.values() if count < most), default=0)
        limit = min(self._settings.concurrency - len(self._polls), free, _MAX_CLAIMED)
        if limit <= 0:
            return []
        busy = [watch.id for watch in self._polls.values()]
        return await self._store.watches.claim_due(
            self._clock(),
            lease=self._settings.lease,
            limit=limit,
            busy=busy,
            full=full,
            share=self._settings.share(),
            reopen_within=self._settings.grouping.reopen_within,
        )

    def platforms(self) -> dict[str, bool]:
        """Return for each polled platform whether any of its jobs could be read."""
        return self._reachability.states(self._clock())

    async def stop(self) -> None:
        """Save what is done, cancel the rest, and release it so that another process can poll it at once."""
        try:
            await self._save_done()
        finally:
            unfinished = dict(self._polls)
            self._polls.clear()
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            self._done.clear()
            if unfinished:
                await self._store.watches.release(list(unfinished.values()), self._clock())

    async def _save_done(self) -> int:
        done, self._done = self._done, []
        self._many_done.clear()
        if not done:
            return 0
        watches = [self._polls.pop(task) for task in done]
        outcomes, recorded = zip(done, watches, strict=True), self._recorded
        results = [recorded.get(task) or self._record(watch, task.result()) for task, watch in outcomes]
        self._recorded = {}
        try:
            held = await self._store.watches.settle(results, self._clock(), self._settings.grouping)
        except StoreUnavailable:
            # Nothing was written. Keep the results for the next tick instead of waiting for the lease to end.
            self._polls.update(zip(done, watches, strict=True))
            self._done = done + self._done
            self._recorded = dict(zip(done, results, strict=True))
            raise
        for watch in watches:
            if watch.id not in held:
                extra = {"job": str(watch.job)}
                log.warning("poll not saved: another process took the job, or it changed", extra=extra)
        return len(done)

    def _record(self, watch: ClaimedWatch, result: PollResult) -> PollResult:
        """Note whether the platform answered. A poll from before the end of its outage is repeated soon."""
        now, provider = self._clock(), watch.job.provider
        has_read = result.fails == 0
        metrics.POLLS.labels(provider, "read" if has_read else "failed").inc()
        if self._reachability.record(provider, watch.id, now, has_read=has_read):
            self._back.add(provider)
        started_at = self._started_at.pop(watch.id, now)
        if now < started_at:  # the clock was set back during the poll
            result = replace(result, next_due_at=result.next_due_at - (started_at - now))
        metrics.POLL_SECONDS.labels(provider).observe(max(0.0, (now - started_at).total_seconds()))
        if has_read or not self._reachability.is_back_since(provider, started_at):
            return result
        return replace(result, next_due_at=min(result.next_due_at, now + self._settings.intervals.running / 2))

    async def _end_backoff(self) -> None:
        """Poll all jobs of a platform that is back, and one of each unreachable platform once per interval."""
        for provider in list(self._back):
            waiting = await self._store.watches.end_backoff(provider, self._clock())
            self._back.discard(provider)
            log.info("platform answers again", extra={"platform": provider, "jobs": waiting})
        for provider in self._reachability.take_probes(self._clock()):
            await self._store.watches.end_backoff(provider, self._clock(), limit=1)

    def _with_defaults(self, watch: ClaimedWatch) -> ClaimedWatch:
        """Lay each channel's settings over the installation's."""
        defaults = self._diagnosis_config.defaults
        merged = (replace(one, settings=overlay(defaults, one.settings)) for one in watch.subscriptions)
        return replace(watch, subscriptions=tuple(merged))

    async def _poll(self, watch: ClaimedWatch) -> PollResult:
        """Observe and decide. Whatever happens, the result has a time for the next poll.

        When deciding crashes, it is tried again with the status alone, so that the channel is notified.
        """
        now = self._clock()
        observation = await self._observe(watch, now)
        for attempt in (observation, _status_only(observation, watch)):
            try:
                if not _is_long(attempt):
                    read = self._read(watch, attempt)
                    return self._decide(watch, read, await self._history_of(watch, read))
                async with self._thread_lock:
                    read = await asyncio.to_thread(self._read, watch, attempt)
                    history = await self._history_of(watch, read)
                    return await asyncio.to_thread(self._decide, watch, read, history)
            except Exception:  # one bad job must not stop the others
                log.exception("poll crashed", extra={"job": str(watch.job)})
        return self._postponed(watch)

    async def _observe(self, watch: ClaimedWatch, now: datetime) -> Observation:
        """Observe the job; an error of our own becomes a gap too, so that the channel is notified."""
        try:
            provider = self._registry.get(watch.job.provider, Priority.BACKGROUND)
            return await observe(provider, self._request(watch, now), now)
        except BotError as error:
            public, reason = error.public, GapReason.UNAVAILABLE
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:  # it was this task, not something it awaited
                raise
            log.exception("observation was cancelled by its provider", extra={"job": str(watch.job)})
            public, reason = INTERNAL_ERROR_TEXT, GapReason.INTERNAL
        except Exception:  # whatever the reason, the channel must learn that the job cannot be observed
            log.exception("observation crashed", extra={"job": str(watch.job)})
            public, reason = INTERNAL_ERROR_TEXT, GapReason.INTERNAL
        gaps = tuple(Gap(part, reason, public) for part in (Part.STATUS, Part.LOGS))
        return Observation(watch.job, now, gaps=gaps, cursor=watch.cursor)

    def _read(self, watch: ClaimedWatch, observation: Observation) -> _ReadLog:
        redacted = redact_observation(observation, self._redactor)
        return _ReadLog(redacted, *resume_diagnosis(self._diagnosis_config.scanner, watch.memory.get("log"), redacted))

    async def _history_of(self, watch: ClaimedWatch, read: _ReadLog) -> RunHistory | None:
        """Find the earlier runs to compare a new failure with; None if there is none, or they cannot be read now."""
        run = run_to_compare(watch, read.observation, read.diagnosis)
        if run is None:
            return None
        try:
            return await self._store.ended_runs.history_of(run, NODE_CATEGORIES, NODE_WINDOW, SAME_WINDOW)
        except StoreUnavailable:  # the alert does not wait for it; the next poll asks again
            return None

    def _decide(self, watch: ClaimedWatch, read: _ReadLog, history: RunHistory | None) -> PollResult:
        return decide(
            watch,
            read.observation,
            read.diagnosis,
            read.log_state,
            self._decision_settings,
            jitter=self._jitter(),
            history=history,
        )

    def _request(self, watch: ClaimedWatch, now: datetime) -> ObservationRequest:
        state = load_state(watch.memory, WatchState)
        window = longest_metrics_window(wanted_rules(one.settings for one in watch.subscriptions))
        metrics_from = metrics_start(window, _not_after(state.metrics_at, now), now)
        is_long = metrics_from is not None and now - metrics_from > _LONG_WINDOW
        begin, overlap = watch.created_at - self._settings.lookback, self._settings.overlap
        read_at = _not_after(state.logs_at or watch.seen_at, now)
        step = min(max(self._settings.intervals.running / 4, _FINEST_STEP), _COARSEST_STEP)
        return ObservationRequest(
            job=watch.job,
            logs_from_ns=ns_from_datetime(begin),
            cursor=watch.cursor,
            resume_from_ns=ns_from_datetime(max(read_at - overlap, begin) if read_at else begin),
            overlap=overlap,
            metrics_from=metrics_from,
            metrics_step=None if is_long else step,
            with_queue=needs_queue(watch.last_job, state.run, state.threads, watch.subscriptions, now),
            timeout=self._settings.lease * _OBSERVING_SHARE,
        )

    def _postponed(self, watch: ClaimedWatch) -> PollResult:
        """The watch as it was, with one more failure."""
        state = watch.last_job.state if watch.last_job else JobState.UNKNOWN
        fails = watch.fails + 1
        wait = next_interval(self._settings.intervals, state, fails=fails, retry_after=None, jitter=self._jitter())
        return PollResult(
            watch_id=watch.id,
            token=watch.token,
            next_due_at=self._clock() + wait,
            fails=fails,
            cursor=watch.cursor,
            last_job=watch.last_job,
            seen_at=watch.seen_at,
            memory=watch.memory,
        )


def _not_after(stored: datetime | None, now: datetime) -> datetime | None:
    """A stored time, or `now` if a clock that was set back since wrote it."""
    return None if stored is None else min(stored, now)


def _is_long(observation: Observation) -> bool:
    return sum(len(line.message) + _LINE_CHARS for line in observation.lines) > _SHORT_LOG_CHARS


def _status_only(observation: Observation, watch: ClaimedWatch) -> Observation:
    """The observation without lines and metrics; the next poll reads the log again."""
    status = tuple(gap for gap in observation.gaps if gap.part is Part.STATUS)
    missing = tuple(Gap(part, GapReason.INTERNAL, INTERNAL_ERROR_TEXT) for part in (Part.LOGS, Part.METRICS))
    return replace(observation, lines=(), series=(), gaps=(*status, *missing), cursor=watch.cursor, more=False)
