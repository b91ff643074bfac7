"""Find jobs: the one that a person means by an id, a name or a page, and all that a pattern matches. Pure."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from bot.domain.jobs import Job, JobRef, JobState
from bot.errors import UsageError

_MIN_PREFIX = 2
_CUTOFF = 0.5
_ONE_CHARACTER = re.compile(r"\?[\w/*-]|(?<![A-Za-z0-9?])\?")
"""A `?` in a pattern; after a letter or digit at the end it ends a question."""
_LABELLED = re.compile(r"(owner|name)(~|=)", re.IGNORECASE)
ME = "me"
"""As an owner: whoever types it."""


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


@dataclass(frozen=True, slots=True)
class Matcher:
    """A match on a label: `provider`, `job`, `name`, `owner`, `rule` or `severity`."""

    label: str
    value: str
    others: tuple[str, ...] = ()
    """Further values that match."""
    is_pattern: bool = False
    """Whether `value` is a pattern with `*` and `?`, which ignores case."""
    is_negated: bool = False
    """Whether it matches where it would not, and the other way round."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the label has one of the values, or fits the pattern."""
        value = labels.get(self.label)
        is_same = value is not None and fits_pattern(value, self.value) if self.is_pattern else value == self.value
        return (is_same or value in self.others) is not self.is_negated


def can_join(job: KnownJob) -> bool:
    """Whether a pattern watches a job: not one that has ended, nor a deployment without replicas."""
    return job.state is not None and not job.state.is_terminal and job.state is not JobState.IDLE


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether labels pass every matcher."""
    return all(matcher.matches(labels) for matcher in matchers)


def fits_pattern(text: str, pattern: str) -> bool:
    """Whether the whole text fits a pattern: `*` is any text, `?` any character; case does not matter."""
    return fnmatchcase(text.casefold(), pattern.casefold().replace("[", "[[]"))


def job_labels(job: KnownJob | Job) -> dict[str, str]:
    """Return the labels of a job that matchers are tested on."""
    owner = job.owner if isinstance(job, KnownJob) else job.user
    return {
        "job": str(job.ref),
        "name": job.name or "",
        "owner": (owner or "").lower(),
        "provider": job.ref.provider,
    }


def is_job_pattern(word: str) -> bool:
    """Whether a word selects jobs, rather than naming one: `baseten:proj/*`, `owner=ada`, `name~llama-*`."""
    head = word.partition("=")[0]
    is_wild = "*" in head or ("*" in word and ":" in head) or (":" in head and _ONE_CHARACTER.search(head) is not None)
    return "://" not in word and (is_wild or _LABELLED.match(word) is not None)


def parse_matchers(words: Sequence[str], excluded: Sequence[str] = ()) -> tuple[Matcher, ...]:
    """Read what selects jobs: `baseten:proj/*`, `owner=me`, `name~llama-*`; without the jobs of `excluded`.

    Raises:
        UsageError: a word is not one of these.
    """
    wanted = dict.fromkeys(_parse_matcher(word) for word in words)
    return (*wanted, *dict.fromkeys(replace(_parse_matcher(word), is_negated=True) for word in excluded))


def format_matchers(matchers: Iterable[Matcher]) -> tuple[str, ...]:
    """Return matchers on jobs as the words that `parse_matchers` reads, with an option before what is excluded."""
    words: list[str] = []
    for matcher in matchers:
        is_wild = matcher.is_pattern and _is_wild(matcher.value) and not matcher.others
        value = matcher.others[0] if matcher.is_pattern and matcher.others else matcher.value
        word = value if matcher.label == "job" else f"{matcher.label}{'~' if is_wild else '='}{value}"
        words += ["--exclude", word] if matcher.is_negated else [word]
    return tuple(words)


def platform_of(matchers: Iterable[Matcher]) -> str | None:
    """Return the platform that matchers are limited to; None for any."""
    jobs = (one.value for one in matchers if one.label == "job" and not one.is_negated)
    return next((value.partition(":")[0] for value in jobs), None)


def names_me(matchers: Iterable[Matcher]) -> bool:
    """Whether a matcher means the person who types it."""
    return any(one.label == "owner" and one.value == ME for one in matchers)


def owned_by(matchers: Iterable[Matcher], person: str) -> tuple[Matcher, ...]:
    """Return the matchers with a person's address for `owner=me`."""
    mine = _owner(person)
    return tuple(
        replace(mine, is_negated=one.is_negated) if one.label == "owner" and one.value == ME else one
        for one in matchers
    )


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


def _parse_matcher(typed: str) -> Matcher:
    word = typed.strip("`\"'")
    if labelled := _LABELLED.match(word):
        value, label = word[labelled.end() :].strip("`\"'"), labelled[1].lower()
        if not value:
            raise UsageError(f"`{word}` needs a value, such as {_EXAMPLES[label]}.")
        if label == "owner" and labelled[2] == "=" and not _is_wild(value):
            return _owner(value)
        is_part = labelled[2] == "~" and not _is_wild(value)
        return Matcher(label, f"*{value}*" if is_part else value, is_pattern=True)
    platform, colon, job = word.partition(":")
    if not colon or not job or not platform:
        raise UsageError(
            f"A pattern begins with the platform, such as `baseten:lq4j9zm/*`. Got `{word[:80]}`. "
            "To match names, use `name~llama-*`."
        )
    return Matcher("job", f"{platform.lower()}:{job}", is_pattern=_is_wild(job))


_EXAMPLES = {"owner": "`owner=me` or `owner=ada@acme.example`", "name": "`name~llama-*`"}


def _owner(person: str) -> Matcher:
    """Match an address and its first part; or a name without an address, also as the first part of one."""
    address, local = owner_keys(person)
    if address in (local, ME):
        return Matcher("owner", ME) if address == ME else Matcher("owner", f"{local}@*", (local,), is_pattern=True)
    return Matcher("owner", address, (local,))


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


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
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - not for help

    try:
        address = urlsplit(url)
    except ValueError:  # such as "https://[bad"
        return set()
    parts = re.split(r"[/?&=#:]+", f"{address.path}?{address.query}#{address.fragment}")
    return {unquote(part).casefold() for part in parts if part}
