"""The catalogue of known failures and its matcher.

`signatures.toml` beside this file holds the data. `load_catalogue` reads it at start-up; everything else is pure.
A match says only which signature fits a line; `failures.root_cause` decides what that means for the run.
"""

import re
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from typing import Literal, get_args

import msgspec

from bot.diagnosis.categories import Category
from bot.diagnosis.confidence import Weights, load_weights
from bot.diagnosis.hints.choices import PATTERNLESS, HintChoice, index_hints, parse_hints, shipped_hints
from bot.diagnosis.reading.attempts import is_given_up
from bot.diagnosis.reading.required_literals import filter_pattern
from bot.diagnosis.run_verdicts import VerdictRule, load_verdict_rules
from bot.domain.alerts import Severity
from bot.domain.regex import Pattern, compile_pattern
from bot.errors import ConfigError

Role = Literal[
    "root", "weak", "stop", "cascade", "abort", "teardown", "note", "success", "start", "advice", "retry_notice",
]  # fmt: skip
HintSubject = Literal["", "file", "host", "device", "rank", "amount", "name", "assertion"]
"""What a hint refers to and the log must name."""
VerdictName = Literal["", "restart as is", "fix first", "change node", "wait"]
HIDING_ROLES = frozenset({"advice", "retry_notice"})
"""A line that matches one of these cannot match any other signature."""
UNREPORTED_ROLES = HIDING_ROLES | {"success", "start"}
"""Signatures of these roles never become a failure, so they need no title."""

CACHED_LINES = 4096
"""Number of distinct (masked) lines whose match is cached: a thousand ranks print the same lines."""
CACHED_LENGTH = 600
"""Longer lines are not cached, to bound the memory used."""

FILTER_BYTES = 64 << 20
"""Memory for the page filter: with less, RE2 gives up its fast search."""

GROUP_SIZE = 12
"""Number of signatures joined into one pattern; each is tried alone only if the joined pattern matches."""

_RETRY_NOTICE = "advice_retry"
"""Signature of lines that count attempts. The last one that fails is not followed by another."""

VOLATILE = re.compile(r"0x[0-9a-fA-F]+|(?<=ank )\d+|(?<![0-9])(?<!\b0\.)\d{4,}")
"""The parts in which ranks' lines differ. Exit codes, Xids, signal numbers and fractions remain."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One known failure, or one known line that is not a failure."""

    name: str
    pattern: str
    role: Role = "root"
    category: Category = "code"
    severity: Severity = Severity.PAGE
    title: str = ""
    hint: str = ""
    source: str = ""
    filter: str = ""
    """A pattern for the page filter, used if the literals of `pattern` are common words; `itself` means `pattern`."""
    decisive: bool = False
    """For a teardown line: does it prove on its own that the run failed?"""
    strength: Literal["", "hard", "end"] = ""
    """After a `hard` success, later failures do not matter; a `hard` start ends earlier failures.

    An `end` only ends earlier failures, of a run that worked on after them.
    """
    resolves: tuple[str, ...] = ()
    """For a start line: names of signatures whose failures it ends, as a pulled image ends attempts that failed."""
    min_repeats: int = 1
    """With fewer matches, the failure is only a warning while the log continues."""
    identifies_missing_rank: bool = False
    """Do the lines of several ranks reveal the rank that did not take part in a collective?"""
    explained_by: str = ""
    """Name of a note signature; if that note is in the log, this failure is only a warning."""
    serving_hint: str = ""
    """Replaces the hint in the log of a server, which has no training to change."""
    outranks_stop: bool = False
    """Does the failure explain a stop before it, as a time limit explains the signal that ends the job?"""
    is_final: bool = False
    """Is it how a scheduler records the end of a job, before the output that the job had written until then?"""
    names: HintSubject = ""
    """What the hint refers to: of the error lines around the failure, one that names it is quoted."""
    by_message: bool = False
    """Does the message decide the category, if it suggests one? For what a program reports of any failure."""
    outranks_advice: bool = False
    """Is it matched before advice and retry notices, whose words its lines contain?"""
    keeps_hint: bool = False
    """Does its hint hold in any category? Else the hint of the category that the message suggests replaces it."""
    verdict: VerdictName = ""
    """What to do with the run. Shipped signatures leave it to `run_verdicts.toml`."""


SignatureGroup = tuple[Pattern[bytes], tuple[tuple[Pattern[bytes], Signature], ...]]
"""A pattern that matches whenever one of its members might, and the members."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Signatures in matching order: hiding roles, then the user's, then the shipped ones."""

    signatures: tuple[Signature, ...]
    groups: tuple[SignatureGroup, ...]
    patterns: Mapping[str, Pattern[bytes]]
    """By the name of the signature."""
    hints: Mapping[str, tuple[HintChoice, ...]] = field(default_factory=dict)
    """Hints that apply only with certain evidence, by signature."""
    verdict_rules: tuple[VerdictRule, ...] = ()
    weights: Weights = field(default_factory=dict)
    """What each sign adds to the confidence of a failure."""
    cache: dict[str, Signature | None] = field(default_factory=dict, compare=False, repr=False)

    def classify(self, text: str) -> Signature | None:
        """Return the first signature that matches a line without its prefixes."""
        key = VOLATILE.sub("#", text)
        if len(key) > CACHED_LENGTH:
            return self._search(text.encode())
        if key in self.cache:
            return self.cache[key]
        if len(self.cache) >= CACHED_LINES:
            self.cache.clear()
        self.cache[key] = signature = self._search(text.encode())
        return signature

    def classify_exception(self, text: str) -> Signature | None:
        """Return the first signature of a root cause that an exception matches, whatever else its message advises."""
        return self._search(text.encode(), ("root",))

    def match_span(self, name: str, text: str) -> tuple[int, int] | None:
        """Return the start and end, in characters, of what a signature matches in a line; None if it does not."""
        pattern = self.patterns.get(name)
        data = text.encode("utf-8", "replace")
        found = None if pattern is None else pattern.search(data)
        if found is None:
            return None
        start = len(data[: found.start()].decode("utf-8", "replace"))
        return start, start + len(data[found.start() : found.end()].decode("utf-8", "replace"))

    def _search(self, text: bytes, roles: Container[str] = ()) -> Signature | None:
        for union, members in self.groups:
            if union.search(text) is None:
                continue
            for pattern, signature in members:
                if (roles and signature.role not in roles) or pattern.search(text) is None:
                    continue
                if signature.name == _RETRY_NOTICE and is_given_up(text.decode("utf-8", "replace")):
                    continue
                return signature
        return None


def load_catalogue(extra: str = "") -> Catalogue:
    """Read the shipped catalogue, with the signatures of a user's TOML text before it.

    Raises:
        ConfigError: the user's text is not valid TOML, or an entry is wrong.
    """
    shipped = files("bot.diagnosis").joinpath("signatures.toml").read_text(encoding="utf-8")
    own = parse_catalogue(extra)
    catalogue = build_catalogue(parse_catalogue(shipped), own)
    verdicts = load_verdict_rules({signature.name: signature.verdict for signature in own if signature.verdict})
    return replace(
        catalogue, hints=_hints(catalogue, own, parse_hints(extra)), verdict_rules=verdicts, weights=load_weights()
    )


def parse_catalogue(text: str) -> list[Signature]:
    """Parse TOML text with `[[signature]]` tables.

    Raises:
        ConfigError: names the entry and the error.
    """
    try:
        tables = tomllib.loads(text).get("signature", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The signatures are not valid TOML: {error}") from error
    return [_parse_signature(table, number) for number, table in enumerate(tables, 1)]


def build_catalogue(shipped: Iterable[Signature], extra: Iterable[Signature] = ()) -> Catalogue:
    """Combine two catalogues; an extra signature replaces a shipped one of the same name.

    Raises:
        ConfigError: a pattern is not valid, or `explained_by` names an unknown signature.
    """
    own = list(extra)
    names = {signature.name for signature in own}
    rest = [signature for signature in shipped if signature.name not in names]
    hiding = [signature for signature in own + rest if signature.role in HIDING_ROLES]
    others = [signature for signature in own + rest if signature.role not in HIDING_ROLES]
    order = [one for one in others if one.outranks_advice] + hiding + [one for one in others if not one.outranks_advice]
    known = {signature.name for signature in order}
    for one in order:
        for key, named in (("explained_by", {one.explained_by} - {""}), ("resolves", set(one.resolves))):
            if wrong := sorted(named - known):
                raise ConfigError(f"Signature {one.name}: unknown signature {wrong[0]} in {key}.")
    compiled = [(compile_pattern(signature.pattern.encode()), signature) for signature in order]
    groups = [tuple(compiled[start : start + GROUP_SIZE]) for start in range(0, len(compiled), GROUP_SIZE)]
    return Catalogue(
        tuple(order),
        tuple((compile_pattern(filter_pattern(s.pattern for _, s in members).encode()), members) for members in groups),
        {signature.name: pattern for pattern, signature in compiled},
    )


def _hints(
    catalogue: Catalogue, own: Iterable[Signature], own_hints: Sequence[HintChoice]
) -> Mapping[str, tuple[HintChoice, ...]]:
    """Combine a user's hints with the shipped ones, without those of signatures that the user replaced."""
    known = {signature.name for signature in catalogue.signatures} | PATTERNLESS
    if wrong := sorted({name for choice in own_hints for name in choice.signatures} - known):
        raise ConfigError(f"Unknown signature {wrong[0]} in a hint.")
    shipped = index_hints((), shipped_hints())
    replaced = {signature.name for signature in own}
    kept = {name: choices for name, choices in shipped.items() if name not in replaced}
    return {name: (*index_hints(own_hints, ()).get(name, ()), *kept.get(name, ())) for name in known}


def prefilter_pattern(catalogue: Catalogue, structure: Iterable[str]) -> Pattern[bytes]:
    """Build the pattern that finds any line of a page which a signature, or one of `structure`, could match.

    Advice is left out: a line that matches only advice is not a failure anyway. It has no capturing groups: with any,
    RE2 searches each line that it finds a second time, in a slower way.
    """
    searched = [signature for signature in catalogue.signatures if signature.role != "advice"]
    own = [s.pattern if s.filter == "itself" else s.filter for s in searched if s.filter]
    parts = [filter_pattern(s.pattern for s in searched if not s.filter), *own, *structure]
    return compile_pattern(_CAPTURE.sub(_uncaptured, "|".join(parts)).encode(), FILTER_BYTES)


_CAPTURE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?P?<\w+>|(?!\?))", re.DOTALL)
"""What is not the start of a capturing group, and what is."""


def _uncaptured(found: re.Match[str]) -> str:
    return "(?:" if found[0].startswith("(") else found[0]


def _parse_signature(table: Mapping[str, object], number: int) -> Signature:
    name = str(table.get("name", ""))
    if not name or not table.get("pattern"):
        raise ConfigError(f"Signature {name or number} needs a name and a pattern.")
    unknown = sorted(set(table) - {known.name for known in fields(Signature)})
    if unknown:
        raise ConfigError(f"Signature {name} has unknown fields: {', '.join(unknown)}.")
    for key, choices in (
        ("category", get_args(Category)),
        ("role", get_args(Role)),
        ("severity", tuple(Severity)),
        ("names", get_args(HintSubject)[1:]),
        ("verdict", get_args(VerdictName)[1:]),
    ):
        if key in table and table[key] not in choices:
            raise ConfigError(f"Signature {name}: {key} must be one of {', '.join(choices)}.")
    try:
        signature = msgspec.convert(table, Signature)
    except msgspec.ValidationError as error:
        raise ConfigError(f"Signature {name}: {str(error).replace(' - at `$.', ' in `')}.") from None
    if signature.min_repeats < 1:
        raise ConfigError(f"Signature {name}: min_repeats must be at least 1.")
    return signature
