"""Which log entries a Fireworks request gets, and the page tokens that bind a request to the ones before it.

Not the routes (``fireworks.py``). A token is the position to go on from, a digest of the request's other parameters,
and the time it was issued: the server keeps nothing.
"""

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

import msgspec

from emulator.logs import Line
from emulator.quirks import FireworksQuirks
from emulator.world import BatchJob, to_ns

DEFAULT_PAGE = 100
LARGEST_PAGE = 10_000
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


class InvalidArgument(ValueError):
    """The request breaks a rule of the document; the text says which."""


@dataclass(frozen=True, slots=True)
class EntriesRequest:
    """What a request for a batch job's log may say."""

    ranks: frozenset[int] = frozenset()
    page_size: int = DEFAULT_PAGE
    page_token: str = ""
    start_ns: int | None = None
    substring: str = ""
    from_head: bool = False
    read_mask: str = ""

    @property
    def digest(self) -> str:
        """What a page token is bound to: everything but the token itself."""
        bound = (sorted(self.ranks), self.page_size, self.start_ns, self.substring, self.from_head, self.read_mask)
        return hashlib.sha256(repr(bound).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Entries:
    """One page: its lines, and the token of the next ("" at the end)."""

    lines: list[Line]
    next_token: str


class Token(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on: the number of the next line, for whom, since when."""

    position: int
    digest: str
    issued_ns: int
    after_empty_page: bool = False


def entries_of(job: BatchJob, request: EntriesRequest, now_ns: int, quirks: FireworksQuirks) -> Entries:
    """Return the page that this request gets.

    Raises:
        InvalidArgument: the token is unreadable, expired, or belongs to other parameters.
    """
    token = _read_token(request, now_ns, quirks)
    start = 0 if request.start_ns is None else job.log.position(request.start_ns)
    stop = len(job.log.lines)
    if token is not None and request.from_head:
        start = token.position
    elif token is not None:
        stop = token.position
    found = (
        (number, line)
        for number, line in job.log.visible(start, stop, now_ns, newest_first=not request.from_head)
        if (not request.ranks or line.rank in request.ranks) and request.substring in line.message
    )
    if quirks.empty_pages and token is not None and not token.after_empty_page:
        return Entries([], _write_token(Token(token.position, request.digest, now_ns, after_empty_page=True)))
    size = request.page_size if quirks.page_cap is None else min(request.page_size, quirks.page_cap)
    page = list(islice(found, size))
    if next(found, None) is None:
        return Entries([line for _, line in page], "")
    last = page[-1][0]
    position = last + 1 if request.from_head else last
    return Entries([line for _, line in page], _write_token(Token(position, request.digest, now_ns)))


def format_stamp(timestamp_ns: int) -> str:
    """Format as protobuf's JSON does: 0, 3, 6 or 9 digits, as many as are needed."""
    seconds, nanoseconds = divmod(timestamp_ns, 10**9)
    whole = _whole_second(seconds)
    for digits in (0, 3, 6):
        if nanoseconds % 10 ** (9 - digits) == 0:
            break
    else:
        digits = 9
    fraction = f".{nanoseconds // 10 ** (9 - digits):0{digits}d}" if digits else ""
    return f"{whole}{fraction}Z"


def parse_stamp(text: str) -> int:
    """Read an RFC 3339 time with up to nine digits into nanoseconds since the epoch.

    Raises:
        InvalidArgument: it is none.
    """
    match = STAMP.fullmatch(text)
    if match is None:
        raise InvalidArgument(f'invalid value for type timestamp: "{text}"')
    whole, fraction, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(whole.upper() + offset)
    except ValueError as error:
        raise InvalidArgument(f'invalid value for type timestamp: "{text}"') from error
    return to_ns(moment) + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _whole_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _write_token(token: Token) -> str:
    return urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _read_token(request: EntriesRequest, now_ns: int, quirks: FireworksQuirks) -> Token | None:
    text = request.page_token
    if not text:
        return None
    try:
        token = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Token)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument("invalid page token") from error
    if token.digest != request.digest:
        raise InvalidArgument("page token does not match the request's other parameters")
    lifetime = quirks.token_lifetime
    if lifetime is not None and now_ns - token.issued_ns > lifetime.total_seconds() * 1e9:
        raise InvalidArgument("page token has expired")
    return token
