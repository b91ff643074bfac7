"""Read what `trainwatch top` shows: one list for each platform, and the status of the jobs on the screen.

Everything is read by `CommandRunner`, with its redaction. A platform that limits requests is left alone for as long as
it asks, a list or a job that fails is read less and less often, and the board says what is not seen.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from bot.commands.answers import ErrorAnswer
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand, ProviderJobs, StatusAnswer, StatusCommand
from bot.domain.gaps import GapReason
from bot.domain.job_matching import KnownJob, Matcher, can_join, job_labels, matches_all, names_me, owned_by
from bot.domain.jobs import Job, JobRef
from bot.errors import BotError, ConfigError, UsageError
from bot.terminal.top.board import SHOWN_AFTER_END, JobAlert, JobDetail, PlatformView, TopBoard, TopRow

ReadAlerts = Callable[[datetime], Awaitable[Mapping[JobRef, tuple[JobAlert, ...]]]]
"""Returns the open alerts of trainwatch's database by job; raises BotError."""
LISTED_JOBS = 1_000
"""Jobs read from each platform."""
_STATUS_REQUESTS = 3
"""Requests for the status of one job: state, log and metrics."""


@dataclass(frozen=True, slots=True)
class TopPace:
    """How often things are read, in seconds."""

    list_s: float = 30.0
    status_s: float = 15.0
    alerts_s: float = 15.0
    longest_s: float = 600.0
    """The longest time between two tries."""
    concurrency: int = 4
    """Jobs read at once."""
    share: float = 0.5
    """The most of a platform's rate limit that is used."""


@dataclass(slots=True)
class _Due:
    """When something is read next."""

    at: float = 0.0
    fails: int = 0
    is_running: bool = False

    def wait(self, seconds: float, now: float, longest: float, *, failed: bool) -> None:
        self.fails = self.fails + 1 if failed else 0
        self.at = now + min(seconds * (1 << min(self.fails, 10)), max(longest, seconds))


@dataclass(slots=True)
class _Platform:
    due: _Due = field(default_factory=_Due)
    listed: ProviderJobs | None = None
    """The newest list that could be read."""
    listed_at: datetime | None = None
    problem: str | None = None
    lists: bool = True
    quiet_until: float = 0.0
    """The platform limits requests until then."""


class TopReader:
    """Reads in the background; `board` is what is known now."""

    def __init__(
        self,
        runner: CommandRunner,
        matchers: Sequence[Matcher] = (),
        alerts: ReadAlerts | None = None,
        pace: TopPace | None = None,
        time_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to read; needs a running loop. `time_s` returns seconds that never go back.

        Raises:
            ConfigError: no platform is set up.
            UsageError: `owner=me`, and it is not known who that is.
        """
        if names_me(matchers):
            if runner.user is None:
                raise UsageError(
                    "Your e-mail address is not set. Set TRAINWATCH_USER, or name one: owner=ada@acme.example."
                )
            matchers = owned_by(matchers, runner.user)
        self._runner, self._matchers, self._pace = runner, tuple(matchers), pace or TopPace()
        names = runner.registry.names
        if not names:
            reasons = " ".join(dict.fromkeys(problem.public for problem in runner.registry.problems.values()))
            raise ConfigError(f"No platform is set up. {reasons}".strip())
        self._platforms = {name: _Platform() for name in names}
        self._details: dict[JobRef, JobDetail] = {}
        self._due: dict[JobRef, _Due] = {}
        self._seen: set[JobRef] = set()
        self._read_alerts, self._alerts_due = alerts, _Due()
        self._alerts: Mapping[JobRef, tuple[JobAlert, ...]] = {}
        self._alerts_problem: str | None = None
        self._turns = asyncio.Semaphore(self._pace.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._time_s = time_s
        self.failure: BaseException | None = None
        """An internal error."""

    def board(self) -> TopBoard:
        """Everything that is known now."""
        now = self._runner.clock()
        jobs = [job for one in self._platforms.values() if one.listed for job in one.listed.jobs]
        rows = (TopRow(job, self._details.get(job.ref, JobDetail()), self._alerts.get(job.ref, ()))
                for job in map(self._newest, jobs))  # fmt: skip
        notes = [f"Alerts are not seen: {self._alerts_problem}"] if self._alerts_problem else []
        return TopBoard(now, tuple(row for row in rows if self._is_shown(row.job, now)), self._views(), tuple(notes))

    def read_due(self, visible: Sequence[JobRef]) -> None:
        """Start to read what is due: the lists, the alerts, and the status of these jobs."""
        now = self._time_s()
        for name, platform in self._platforms.items():
            self._start(platform.due, partial(self._list, name, platform))
        if self._read_alerts is not None:
            self._start(self._alerts_due, partial(self._update_alerts, self._read_alerts))
        for ref in visible:
            if now >= self._platforms[ref.provider].quiet_until:
                due = self._due.setdefault(ref, _Due())
                self._start(due, partial(self._status, ref, due, len(visible)))

    async def read_once(self, choose: Callable[[TopBoard], Sequence[JobRef]]) -> TopBoard:
        """Read the lists and the alerts, then the status of the jobs that are chosen of them."""
        self.read_due(())
        await self._settle()
        self.read_due(choose(self.board()))
        await self._settle()
        return self.board()

    async def aclose(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, due: _Due, read: Callable[[], Coroutine[None, None, None]]) -> None:
        if due.is_running or self._time_s() < due.at:
            return
        due.is_running = True
        task = asyncio.create_task(read())
        self._tasks.add(task)

        def end(done: asyncio.Task[None]) -> None:
            due.is_running = False
            self._tasks.discard(done)
            if not done.cancelled() and done.exception() is not None:
                self.failure = done.exception()

        task.add_done_callback(end)

    async def _list(self, name: str, platform: _Platform) -> None:
        answer = await self._runner.run(JobsCommand(name, LISTED_JOBS))
        listed = answer.providers[0] if isinstance(answer, JobsAnswer) else None
        problem = answer.public if isinstance(answer, ErrorAnswer) else listed.problem if listed else None
        platform.problem, platform.lists = problem, listed is None or listed.lists
        if listed is not None and problem is None:
            platform.listed, platform.listed_at = listed, self._runner.clock()
            self._seen.update(job.ref for job in listed.jobs if not job.state.is_terminal)
        wait_s = self._pace.list_s if platform.lists else self._pace.longest_s
        platform.due.wait(wait_s, self._time_s(), self._pace.longest_s, failed=problem is not None)

    async def _status(self, ref: JobRef, due: _Due, visible: int) -> None:
        async with self._turns:
            platform, before = self._platforms[ref.provider], self._details.get(ref, JobDetail())
            if self._time_s() < platform.quiet_until:
                return
            answer = await self._runner.run(StatusCommand(str(ref)))
            failed = isinstance(answer, ErrorAnswer)
            if isinstance(answer, ErrorAnswer):
                self._details[ref] = replace(before, problem=answer.public)
                self._leave_alone(platform, answer.retry_after)
            elif isinstance(answer, StatusAnswer):
                self._details[ref] = JobDetail(answer)
                if any(gap.reason is GapReason.RATE_LIMITED for gap in answer.gaps):
                    self._leave_alone(platform, timedelta(minutes=1))
        wait_s = self._pace.longest_s if self._has_ended(ref) else self._status_every_s(ref.provider, visible)
        due.wait(wait_s, self._time_s(), self._pace.longest_s, failed=failed)

    async def _update_alerts(self, read: ReadAlerts) -> None:
        try:
            self._alerts, self._alerts_problem = await read(self._runner.clock()), None
        except BotError as problem:
            self._alerts_problem = self._runner.redactor.redact(problem.public)[0]
        failed = self._alerts_problem is not None
        self._alerts_due.wait(self._pace.alerts_s, self._time_s(), self._pace.longest_s, failed=failed)

    def _leave_alone(self, platform: _Platform, span: timedelta | None) -> None:
        if span is not None:
            platform.quiet_until = max(platform.quiet_until, self._time_s() + span.total_seconds())

    def _status_every_s(self, provider: str, visible: int) -> float:
        rate = self._runner.registry.request_rates().get(provider)
        allowed = rate.max_per_minute * self._pace.share if rate is not None else float("inf")
        return max(self._pace.status_s, 60.0 * _STATUS_REQUESTS * visible / max(allowed, 1.0))

    def _has_ended(self, ref: JobRef) -> bool:
        answer = self._details[ref].answer if ref in self._details else None
        return answer is not None and answer.job.state.is_terminal

    def _newest(self, job: Job) -> Job:
        """The job as its status or the list has it, whichever is newer."""
        answer, listed_at = self._details.get(job.ref, JobDetail()).answer, self._platforms[job.ref.provider].listed_at
        return answer.job if answer is not None and listed_at is not None and answer.at >= listed_at else job

    def _is_shown(self, job: Job, now: datetime) -> bool:
        if not matches_all(self._matchers, job_labels(job)):
            return False
        if job.ref in self._seen or can_join(KnownJob.of(job)):
            return True
        return job.state.is_failure and job.ended_at is not None and now - job.ended_at < SHOWN_AFTER_END

    def _views(self) -> tuple[PlatformView, ...]:
        now, views = self._time_s(), []
        for name, one in self._platforms.items():
            is_quiet = now < one.quiet_until
            problem = one.problem or (f"{name} limits requests." if is_quiet else None)
            retry_s = max(one.due.at, one.quiet_until if is_quiet else 0.0) - now
            is_cut = one.listed is not None and one.listed.read >= LISTED_JOBS
            views.append(PlatformView(name, problem, max(0.0, retry_s), one.lists, one.listed_at, is_cut))
        return tuple(views)
