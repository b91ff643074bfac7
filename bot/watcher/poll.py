"""Polling: claim the jobs that are due → look at each, side by side → decide → save, in batches.

`tick` never waits for a job: it starts what is due and saves what is ready, so that a slow platform delays only its own
jobs. What a look fetches is in `observe.py`, what it means in `decide.py`, when the next one is due in `pace.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.alerts import Memory
from bot.domain.durations import Clock, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.observations import Observation
from bot.domain.watches import ClaimedWatch, PollResult
from bot.errors import BotError, StoreUnavailable
from bot.providers.base import Priority
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_observation
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.evaluate import metrics_window, wanted_rules
from bot.rules.log_diagnoser import read_log
from bot.rules.settings import overlay
from bot.store.store import Store
from bot.watcher.decide import Decision, decide
from bot.watcher.intervals import PollIntervals, next_interval
from bot.watcher.observe import Look, Seen, observe

log = logging.getLogger(__name__)

_GATHER_S = 0.1
"""How long looks that are ready wait for others, to be saved with them in one transaction, and the next claimed."""
_FINEST_STEP, _COARSEST_STEP = timedelta(seconds=5), timedelta(seconds=15)
"""Distance of two metric samples: a quarter of the poll interval within these, so that a seldom look costs less."""
_LONG_WINDOW = timedelta(hours=1)
"""For a longer one the platform chooses the distance: a first look, or one after a long absence."""
_MOST_CLAIMED = 100
"""Jobs claimed in one transaction."""
_LOOK_SHARE = 0.8
"""How much of the lease a look may take; the rest is for judging and saving."""
_LINE_CHARS = 100
_BRIEF_CHARS = 50_000
"""A log up to this long, each line taken for `_LINE_CHARS` more, is judged at once: about 5 ms; more, in a thread."""
_OUR_FAULT = "trainwatch itself failed while looking; its log says why."


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How polling is done."""

    pace: PollIntervals = field(default_factory=PollIntervals)
    concurrency: int = 100
    """Jobs looked at at once, at most half of them of one platform."""
    lease: timedelta = timedelta(seconds=90)
    """A job not saved by then is given to another process: at least three HTTP time-outs."""
    lookback: timedelta = timedelta(minutes=15)
    """How much log from before the subscription is read at first."""
    overlap: timedelta = timedelta(seconds=90)
    drain: timedelta = timedelta(seconds=90)
    """How long after its end a job's log is still read for late lines."""


class Poller:
    """Looks at the jobs that are due."""

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
        self._settings = settings or PollSettings()
        self._redactor = redactor
        self._jitter = jitter
        self._looks: dict[asyncio.Task[PollResult], ClaimedWatch] = {}
        self._ready: list[asyncio.Task[PollResult]] = []
        """The looks that are done and not yet saved."""
        self._many_ready = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while a long log is judged: one thread leaves the event loop its turns, several would not."""

    async def tick(self) -> int:
        """Save what is ready and start what is due.

        Returns:
            How many jobs were saved or started, are ready or being judged; 0 when there is nothing to do.
        """
        saved = await self._save_ready()
        claimed = await self._claim()
        for watch in map(self._with_defaults, claimed):
            look = asyncio.create_task(self._poll(watch))
            look.add_done_callback(self._note_ready)
            self._looks[look] = watch
        if self._looks:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many_ready.wait(), _GATHER_S)
        return saved + len(claimed) + len(self._ready) + self._turn.locked()

    def _note_ready(self, look: asyncio.Task[PollResult]) -> None:
        self._ready.append(look)
        if len(self._ready) * 2 >= self._settings.concurrency:
            self._many_ready.set()

    async def _claim(self) -> list[ClaimedWatch]:
        """As many as there are places for, of which one platform gets at most half: none waits for another."""
        most = max(1, self._settings.concurrency // 2)
        taken = Counter(watch.job.provider for watch in self._looks.values())
        full = [provider for provider, places in taken.items() if places >= most]
        room = most - max((places for places in taken.values() if places < most), default=0)
        limit = min(self._settings.concurrency - len(self._looks), room, _MOST_CLAIMED)
        if limit <= 0:
            return []
        under_way = [watch.id for watch in self._looks.values()]
        return await self._store.watches.claim_due(
            self._clock(), lease=self._settings.lease, limit=limit, busy=under_way, full=full
        )

    async def stop(self) -> None:
        """Save what is ready, break off the rest and give it back to be polled at once by someone else."""
        try:
            await self._save_ready()
        finally:
            unfinished = dict(self._looks)
            self._looks.clear()
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            self._ready.clear()
            if unfinished:
                await self._store.watches.release(list(unfinished.values()), self._clock())

    async def _save_ready(self) -> int:
        ready, self._ready = self._ready, []
        self._many_ready.clear()
        if not ready:
            return 0
        watches = [self._looks.pop(task) for task in ready]
        results = [task.result() for task in ready]
        try:
            held = await self._store.watches.settle(results, self._clock())
        except StoreUnavailable:
            # Nothing was written: the next tick saves them, instead of the lease's end bringing them again.
            self._looks.update(zip(ready, watches, strict=True))
            self._ready = ready + self._ready
            raise
        for watch in watches:
            if watch.id not in held:
                log.warning(
                    "poll was not saved: the job was taken by another process or changed", extra={"job": str(watch.job)}
                )
        return len(ready)

    def _with_defaults(self, watch: ClaimedWatch) -> ClaimedWatch:
        """The watch with its channels' settings over the installation's."""
        defaults = self._diagnosis_config.defaults
        wishes = (replace(one, settings=overlay(defaults, one.settings)) for one in watch.subscriptions)
        return replace(watch, subscriptions=tuple(wishes))

    async def _poll(self, watch: ClaimedWatch) -> PollResult:
        """Look and decide; whatever happens, there is a result with a next time.

        What cannot be judged is judged once more without its lines and metrics, so that the channel hears of it.
        """
        now = self._clock()
        seen = await self._look(watch, now)
        for attempt in (seen, _without_data(seen, watch)):
            try:
                if not _is_long(attempt.observation):
                    return self._judged(watch, attempt, now)
                async with self._turn:
                    return await asyncio.to_thread(self._judged, watch, attempt, now)
            except Exception:  # one bad job must not stop the others
                log.exception("poll crashed", extra={"job": str(watch.job)})
        return self._crashed(watch)

    async def _look(self, watch: ClaimedWatch, now: datetime) -> Seen:
        """Fetch; what goes wrong on our own side is a gap too, so that the channel hears of it."""
        try:
            provider = self._registry.get(watch.job.provider, Priority.BACKGROUND)
            return await observe(provider, self._what(watch, now), now)
        except BotError as error:
            public = error.public
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            log.exception("look was broken off by what it called", extra={"job": str(watch.job)})
            public = _OUR_FAULT
        except Exception:  # the channel must hear that we are blind, whatever the reason
            log.exception("look crashed", extra={"job": str(watch.job)})
            public = _OUR_FAULT
        gap = Gap(Part.STATUS, GapReason.UNAVAILABLE, public)
        return Seen(Observation(watch.job, now, gaps=(gap, replace(gap, part=Part.LOGS))), watch.cursor, more=False)

    def _judged(self, watch: ClaimedWatch, seen: Seen, now: datetime) -> PollResult:
        observation = redact_observation(seen.observation, self._redactor)
        diagnosis, state = read_log(self._diagnosis_config.reader, watch.memory.get("log"), observation, now)
        decision = decide(
            watch,
            observation,
            diagnosis,
            now=now,
            more=seen.more,
            drain=self._settings.drain,
        )
        return self._result(watch, seen, decision, now, state)

    def _what(self, watch: ClaimedWatch, now: datetime) -> Look:
        metrics_from = _metrics_from(watch, now)
        behind = metrics_from is not None and now - metrics_from > _LONG_WINDOW
        begin, overlap = watch.created_at - self._settings.lookback, self._settings.overlap
        logs_at = _moment(watch.memory, "logs_at") or watch.seen_at
        return Look(
            job=watch.job,
            cursor=watch.cursor,
            logs_from_ns=ns_from_datetime(begin),
            logs_again_ns=ns_from_datetime(max(logs_at - overlap, begin) if logs_at else begin),
            overlap=overlap,
            limit=self._settings.lease * _LOOK_SHARE,
            metrics_from=metrics_from,
            metrics_step=None if behind else min(max(self._settings.pace.running / 4, _FINEST_STEP), _COARSEST_STEP),
        )

    def _result(
        self, watch: ClaimedWatch, seen: Seen, decision: Decision, now: datetime, log_state: object
    ) -> PollResult:
        blind = _blind(seen.observation)
        fails = watch.fails + 1 if blind else 0
        quiet = 0 if seen.observation.lines else _number(watch.memory, "quiet_polls") + 1
        interval = next_interval(
            self._settings.pace,
            decision.job.state,
            fails=fails,
            quiet_polls=quiet,
            retry_after=seen.retry_after,
            jitter=self._jitter(),
        )
        metrics_at = watch.memory.get("metrics_at") if seen.observation.gap(Part.METRICS) else now.isoformat()
        behind = seen.more or _is_log_unread(seen.observation)
        logs_at = watch.memory.get("logs_at") if behind else now.isoformat()
        memory: Memory = {
            **decision.memory,
            "quiet_polls": quiet,
            "metrics_at": metrics_at,
            "logs_at": logs_at,
            "log": log_state,
        }
        return PollResult(
            watch_id=watch.id,
            token=watch.token,
            next_due_at=now if seen.more and not blind else now + interval,
            fails=fails,
            cursor=seen.cursor,
            last_job=decision.job,
            seen_at=watch.seen_at if blind else now,
            memory=memory,
            alerts=decision.alerts,
            incidents=decision.incidents,
            deliveries=decision.deliveries,
            unsubscribe=decision.over,
        )

    def _crashed(self, watch: ClaimedWatch) -> PollResult:
        state = watch.last_job.state if watch.last_job else JobState.UNKNOWN
        interval = next_interval(
            self._settings.pace,
            state,
            fails=watch.fails + 1,
            quiet_polls=0,
            retry_after=None,
            jitter=self._jitter(),
        )
        return PollResult(
            watch_id=watch.id,
            token=watch.token,
            next_due_at=self._clock() + interval,
            fails=watch.fails + 1,
            cursor=watch.cursor,
            last_job=watch.last_job,
            seen_at=watch.seen_at,
            memory=watch.memory,
        )


def _metrics_from(watch: ClaimedWatch, now: datetime) -> datetime | None:
    """At first far enough back to judge at once; then a little before the last look, for samples that come late.

    Never further back than at first, however long ago the last look was: such an answer would be too large for ever.
    """
    needed = metrics_window(wanted_rules(one.settings for one in watch.subscriptions))
    if needed is None:
        return None
    earliest = now - needed
    return max(_moment(watch.memory, "metrics_at") or earliest, earliest) - timedelta(minutes=3)


def _is_cancelled() -> bool:
    """Whether somebody ends this task, and not just something in it was cancelled."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _blind(observation: Observation) -> bool:
    """Whether nothing of the job was seen, neither its status nor its log."""
    return observation.job is None and _is_log_unread(observation) and not observation.lines


def _is_log_unread(observation: Observation) -> bool:
    return any(gap.part is Part.LOGS and gap.reason is not GapReason.UNREACHABLE_LINES for gap in observation.gaps)


def _is_long(observation: Observation) -> bool:
    return sum(len(line.message) + _LINE_CHARS for line in observation.lines) > _BRIEF_CHARS


def _without_data(seen: Seen, watch: ClaimedWatch) -> Seen:
    """The look with what it says of the job's status alone; the log is read again by the next look."""
    status = tuple(gap for gap in seen.observation.gaps if gap.part is Part.STATUS)
    missing = tuple(Gap(part, GapReason.UNAVAILABLE, _OUR_FAULT) for part in (Part.LOGS, Part.METRICS))
    observation = replace(seen.observation, lines=(), series=(), gaps=(*status, *missing))
    return replace(seen, observation=observation, cursor=watch.cursor, more=False)


def _number(memory: Memory, name: str) -> int:
    value = memory.get(name)
    return value if isinstance(value, int) else 0


def _moment(memory: Memory, name: str) -> datetime | None:
    value = memory.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else None
