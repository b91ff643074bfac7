"""Resolve what a person typed for a job: a reference, a page, an id, a name, or the beginning of an id or name.

A reference and a page that its provider knows need no request. Anything else is looked up among the jobs that are
watched, and then among the newest jobs of every platform.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.commands.answers import ErrorAnswer
from bot.commands.handlers.jobs import list_jobs
from bot.domain.job_matching import JobName, KnownJob, closest_jobs, match_name, match_page
from bot.domain.wording import plural
from bot.errors import BotError, ConfigError, ProviderError, StoreUnavailable, UsageError
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job

DIRECTORY_SIZE = 100
"""Jobs of each platform that a name is looked up in."""
MAX_SUGGESTIONS = 5
_FRESH_FOR = timedelta(seconds=30)
_TIMEOUT_S = 8.0
"""For all platforms together; a person waits."""
_MAX_SHOWN = 60

JobsSource = Callable[[], Awaitable[Sequence[KnownJob]]]
"""Fetches jobs that a name may mean."""
SaveJobs = Callable[[Sequence[KnownJob], datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ResolvedJob:
    """The job that was meant."""

    ref: str
    note: str | None = None
    """Which job was taken for which text; None for a reference."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The newest jobs of every platform."""

    jobs: tuple[KnownJob, ...] = ()
    missing: tuple[str, ...] = ()
    """The platforms that could not be asked."""


@dataclass(slots=True)
class JobDirectory:
    """Keeps the newest jobs for half a minute, so that many questions cost one request per platform."""

    save: SaveJobs | None = None
    """Adds jobs to the index of known jobs; None where jobs are not recorded."""
    _fetched_at: datetime | None = None
    _directory: Directory = field(default_factory=Directory)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, registry: Registry, redactor: Redactor, now: datetime) -> Directory:
        """Return the newest jobs. A platform that fails or is slow is named instead."""
        async with self._lock:
            if self._fetched_at is None or not timedelta(0) <= now - self._fetched_at < _FRESH_FOR:
                self._directory = await _fetch(registry, redactor)
                self._fetched_at = now
                await self.record(self._directory.jobs, now)
            return self._directory

    async def record(self, jobs: Sequence[KnownJob], now: datetime) -> None:
        """Add listed jobs to the index. Without a database the listing still answers the command."""
        if self.save is not None and jobs:
            with contextlib.suppress(StoreUnavailable):
                await self.save(jobs, now)


async def _fetch(registry: Registry, redactor: Redactor) -> Directory:
    async def fetch(name: str) -> Directory:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                (listed,) = (await list_jobs(registry, name, DIRECTORY_SIZE, redactor)).providers
        except TimeoutError:
            return Directory(missing=(name,))
        return Directory(tuple(map(KnownJob.of, listed.jobs)), (name,) if listed.problem else ())

    found = await asyncio.gather(*map(fetch, registry.names))
    return Directory(
        tuple(job for one in found for job in one.jobs), tuple(name for one in found for name in one.missing)
    )


@dataclass(frozen=True, slots=True)
class JobLookup:
    """Resolves references for one command."""

    registry: Registry
    redactor: Redactor
    directory: JobDirectory
    now: datetime
    watched: Sequence[JobsSource] = ()
    """Watched jobs to look in first, in this order."""

    async def resolve(self, typed: str) -> ResolvedJob | ErrorAnswer:
        """Return the job, or what to say when no job or several were meant.

        Raises:
            ConfigError: the platform of the reference is not set up.
        """
        try:
            name = self._parse(typed)
        except ConfigError:
            if await self._is_watched(typed):
                return ResolvedJob(typed)
            raise
        if isinstance(name, ResolvedJob):
            return name
        if isinstance(name, ErrorAnswer):
            return ResolvedJob(typed) if await self._is_watched(typed) else name
        known: list[KnownJob] = []
        for source in (*self.watched, self._list_newest):
            known += (jobs := await source())
            if matches := _match(name, jobs):
                return await self._choose(name, typed, matches, known)
        older = await self._find_older(name)
        if len(older) == 1:
            return ResolvedJob(str(older[0].ref), _describe(typed, older[0]))
        return await self._explain_missing(name, typed, known)

    async def _choose(
        self, name: JobName, typed: str, matches: Sequence[KnownJob], known: Sequence[KnownJob]
    ) -> ResolvedJob | ErrorAnswer:
        """Take the only match; or offer all matches, also those among jobs that were not read yet."""
        if len(matches) == 1:
            return ResolvedJob(str(matches[0].ref), _describe(typed, matches[0]))
        matches = _match(name, (*known, *await self._list_newest()))
        shown = self.redactor.redact(typed)[0]
        problem = f"{plural(len(matches), 'job')} match `{_cut(shown)}`. Which one?"
        return ErrorAnswer(problem, is_misuse=True, typed=typed, suggestions=tuple(matches))

    async def suggest(self, ref: str) -> tuple[KnownJob, ...]:
        """Return jobs that may have been meant by a reference whose job does not exist."""
        text = ref.rpartition("/")[2].rpartition(":")[2]
        try:
            jobs = await self._list_newest()
        except BotError:
            return ()
        matches = match_name(JobName(text), jobs) or closest_jobs(text, jobs, MAX_SUGGESTIONS)
        return tuple(job for job in matches if str(job.ref) != ref)[:MAX_SUGGESTIONS]

    def _parse(self, typed: str) -> ResolvedJob | ErrorAnswer | JobName:
        """Read a reference or a page without a request; anything else is a name."""
        try:
            return ResolvedJob(str(self.registry.resolve(typed)[1]))
        except UsageError as problem:
            platform, colon, text = typed.partition(":")
            if colon and not text.startswith("//"):
                platform = platform.strip().lower()
                if platform not in self.registry.names or not text.strip():
                    return ErrorAnswer(problem.public, problem.usage, is_misuse=True)
                return JobName(text.strip(), platform)
            return JobName(typed)

    async def _is_watched(self, typed: str) -> bool:
        """Whether the text is the reference of a watched job, whose platform may not be set up any more."""
        for source in self.watched:
            if typed in [str(job.ref) for job in await source()]:
                return True
        return False

    async def _find_older(self, name: JobName) -> list[KnownJob]:
        """Ask each platform that accepts the text as an id for a job that is not among its newest."""

        async def find(platform: str) -> KnownJob | None:
            provider = self.registry.get(platform)
            ref = provider.parse_ref(name.text)
            if ref is None:
                return None
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    return KnownJob.of(redact_job(await provider.get_job(ref), self.redactor))
            except (ProviderError, TimeoutError):
                return None

        platforms = self.registry.names if "://" not in name.text else ()
        found = await asyncio.gather(*(find(one) for one in platforms if name.provider in (None, one)))
        return [job for job in found if job is not None]

    async def _list_newest(self) -> Sequence[KnownJob]:
        return (await self.directory.get(self.registry, self.redactor, self.now)).jobs

    async def _explain_missing(self, name: JobName, typed: str, known: Sequence[KnownJob]) -> ErrorAnswer:
        missing = (await self.directory.get(self.registry, self.redactor, self.now)).missing
        if not self.registry.names and not known:
            raise ConfigError("No platform is set up. Run `trainwatch check` to see what is missing.")
        close = () if "://" in name.text else closest_jobs(name.text, known, MAX_SUGGESTIONS)
        parts = [f"No job found for `{_cut(self.redactor.redact(typed)[0])}`."]
        unusable = [one for one in self.registry.problems if "://" in typed and one.partition("-")[0] in typed]
        parts += [f"Not set up: {', '.join(unusable)}."] if unusable else []
        parts += [f"No list of jobs from {', '.join(missing)}; use a full reference there."] if missing else []
        parts.append("Did you mean:" if close else "`jobs` lists the newest jobs.")
        return ErrorAnswer(" ".join(parts), is_misuse=True, typed=self.redactor.redact(typed)[0], suggestions=close)


def _match(name: JobName, jobs: Sequence[KnownJob]) -> Sequence[KnownJob]:
    return match_page(name.text, jobs) if "://" in name.text else match_name(name, jobs)


def _describe(typed: str, job: KnownJob) -> str:
    name = f" ({job.name})" if job.name and job.name.casefold() != typed.casefold() else ""
    return f"`{_cut(typed)}` is `{job.ref}`{name}."


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
