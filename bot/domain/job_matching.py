"""Find the job that a person means by a bare id, a name, the beginning of either, or the address of a page. Pure."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit

from bot.domain.jobs import Job, JobRef, JobState

_MIN_PREFIX = 2
_CUTOFF = 0.5


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job that a name may mean."""

    ref: JobRef
    name: str | None = None
    state: JobState | None = None
    owner: str | None = None
    """Who started it, as the platform names them: mostly an e-mail address."""
    url: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seen_at: datetime | None = None
    """When a listing last had it, give or take an hour."""

    @classmethod
    def of(cls, job: Job) -> "KnownJob":
        """Keep what identifies a job."""
        times = job.created_at, job.started_at, job.ended_at
        return cls(job.ref, job.name, job.state, job.user, job.url, *times)

    @property
    def scope(self) -> str:
        """The project, account or model that the job belongs to; "" on a platform without them."""
        return self.ref.id.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class JobName:
    """What a person typed for a job, when it is not a reference."""

    text: str
    provider: str | None = None
    """The platform, if it was typed too."""


def match_name(wanted: JobName, jobs: Iterable[KnownJob]) -> tuple[KnownJob, ...]:
    """Return the jobs whose id or name is the text; without one, those whose id or name begins with it."""
    text = wanted.text.casefold().strip("/")
    candidates = [job for job in _distinct(jobs) if wanted.provider in (None, job.ref.provider)]
    exact = tuple(job for job in candidates if text in _keys(job))
    if exact or len(text) < _MIN_PREFIX:
        return exact
    return tuple(job for job in candidates if any(key.startswith(text) for key in _keys(job)))


def match_page(url: str, jobs: Iterable[KnownJob]) -> tuple[KnownJob, ...]:
    """Return the jobs whose id is part of a URL; without one, those of the project or model in it."""
    parts = _url_parts(url)
    candidates = _distinct(jobs)
    own = tuple(job for job in candidates if job.ref.id.rpartition("/")[2].casefold() in parts)
    return own or tuple(job for job in candidates if job.ref.id.partition("/")[0].casefold() in parts)


def owner_keys(person: str) -> tuple[str, str]:
    """Return how platforms may name a person: by e-mail address, or by the part before the @; in lower case."""
    address = person.strip().lower()
    return address, address.partition("@")[0]


def closest_jobs(text: str, jobs: Iterable[KnownJob], count: int) -> tuple[KnownJob, ...]:
    """Return the jobs that may have been meant, most similar first."""
    wanted = text.casefold()
    scored = []
    for job in _distinct(jobs):
        score = max(_similarity(wanted, key) for key in _keys(job))
        if score >= _CUTOFF:
            scored.append((score, job))
    scored.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(job for _, job in scored[:count])


def _keys(job: KnownJob) -> Iterator[str]:
    """What a job may be called; of `model · environment`, also the environment."""
    yield job.ref.id.casefold()
    yield job.ref.id.rpartition("/")[2].casefold()
    if job.name:
        yield job.name.casefold()
        yield from (part.strip() for part in job.name.casefold().split("·")[1:])


def _similarity(text: str, key: str) -> float:
    if len(text) > _MIN_PREFIX and text in key:
        return 1.0
    matcher = difflib.SequenceMatcher(None, text, key)
    return matcher.ratio() if matcher.real_quick_ratio() >= _CUTOFF else 0.0


def _distinct(jobs: Iterable[KnownJob]) -> Sequence[KnownJob]:
    return list({job.ref: job for job in jobs}.values())


def _url_parts(url: str) -> set[str]:
    try:
        address = urlsplit(url)
    except ValueError:  # such as "https://[bad"
        return set()
    parts = re.split(r"[/?&=#:]+", f"{address.path}?{address.query}#{address.fragment}")
    return {unquote(part).casefold() for part in parts if part}
