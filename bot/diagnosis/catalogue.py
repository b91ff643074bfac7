"""The catalogue of known failures, and its matcher.

`signatures.toml` beside this file is the data; `load_catalogue` is the one place that reads it, called where the
program is put together. `parse_catalogue` and `Catalogue` are pure. What a match means for the run (root, cascade,
severity after success) is decided in `incidents`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Literal, get_args

from bot.diagnosis.reading.required_literals import filter_pattern
from bot.domain.regex import Pattern, compile_pattern
from bot.errors import ConfigError

Category = Literal[
    "gpu_memory", "host_memory", "gpu_fault", "collective", "storage", "data",
    "numerics", "hang", "launch", "scheduler", "code",
]  # fmt: skip
Role = Literal["root", "weak", "cascade", "abort", "teardown", "note", "success", "start", "advice"]
Severity = Literal["page", "warn", "info"]

MEMORY = 4096
"""Distinct (masked) lines whose verdict is remembered: a thousand ranks say the same."""

WORTH_REMEMBERING = 600
"""Characters of a line above which its verdict is not kept: memory stays small."""

GROUP = 12
"""Signatures tried together before each is tried alone."""

_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|(?<=ank )\d+|\d{4,}")
"""What differs between ranks that say the same. Exit codes, Xids and signals are shorter, and stay."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One known failure (or one known non-failure)."""

    name: str
    pattern: str
    role: Role = "root"
    category: Category = "code"
    severity: Severity = "page"
    title: str = ""
    hint: str = ""
    source: str = ""
    decisive: bool = False
    """For a teardown line: does it alone prove that the run failed?"""
    filter: str = ""
    """What the page filter looks for, where the pattern's own literals are common words; `itself`: the pattern."""
    strength: str = ""
    """For a success line: `hard` means nothing after it matters."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Signatures in the order they are tried: advice first, then users' own, then ours."""

    signatures: tuple[Signature, ...]
    groups: tuple[tuple[Pattern[bytes], tuple[tuple[Pattern[bytes], Signature], ...]], ...]
    memory: dict[str, Signature | None] = field(default_factory=dict, compare=False, repr=False)

    def classify(self, text: str) -> Signature | None:
        """The first signature that a cleaned line matches."""
        key = _VOLATILE.sub("#", text)
        if len(key) > WORTH_REMEMBERING:
            return self._search(text.encode())
        if key in self.memory:
            return self.memory[key]
        if len(self.memory) >= MEMORY:
            self.memory.clear()
        self.memory[key] = signature = self._search(text.encode())
        return signature

    def start_of(self, signature: Signature, text: str) -> int:
        """Where in a line a signature matches; the line's end when it does not."""
        pattern = next(pattern for _, members in self.groups for pattern, member in members if member is signature)
        found = pattern.search(text.encode())
        return found.start() if found else len(text)

    def _search(self, text: bytes) -> Signature | None:
        for union, members in self.groups:
            if union.search(text) is None:
                continue
            for pattern, signature in members:
                if pattern.search(text) is not None:
                    return signature
        return None

    def by_name(self) -> Mapping[str, Signature]:
        """The signatures by their names."""
        return {signature.name: signature for signature in self.signatures}


def load_catalogue(extra: str = "") -> Catalogue:
    """Read the shipped catalogue, with a user's own TOML text on top.

    Raises:
        ConfigError: the user's text is not TOML, or an entry is not complete.
    """
    shipped = files("bot.diagnosis").joinpath("signatures.toml").read_text(encoding="utf-8")
    return build_catalogue(parse_catalogue(shipped), parse_catalogue(extra))


def parse_catalogue(text: str) -> list[Signature]:
    """Signatures from TOML text: a list of `[[signature]]` tables.

    Raises:
        ConfigError: names the entry and what is wrong with it.
    """
    try:
        tables = tomllib.loads(text).get("signature", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The catalogue of signatures is not TOML: {error}") from error
    return [_signature(table, number) for number, table in enumerate(tables, 1)]


def build_catalogue(shipped: Iterable[Signature], extra: Iterable[Signature] = ()) -> Catalogue:
    """Put catalogues together; an extra signature replaces a shipped one of its name, and is tried before ours."""
    own = list(extra)
    names = {signature.name for signature in own}
    rest = [signature for signature in shipped if signature.name not in names]
    advice = [signature for signature in own + rest if signature.role == "advice"]
    order = advice + [s for s in own if s.role != "advice"] + [s for s in rest if s.role != "advice"]
    compiled = [(compile_pattern(signature.pattern.encode()), signature) for signature in order]
    groups = [tuple(compiled[start : start + GROUP]) for start in range(0, len(compiled), GROUP)]
    return Catalogue(
        tuple(order),
        tuple((compile_pattern(filter_pattern(s.pattern for _, s in members).encode()), members) for members in groups),
    )


def prefilter_pattern(catalogue: Catalogue, structure: Iterable[str]) -> Pattern[bytes]:
    """One pattern that finds any line of a page which any signature, or `structure`, could match.

    Advice is left out: a line that only advice matches has nothing to hide.
    """
    told = [signature for signature in catalogue.signatures if signature.role != "advice"]
    own = [s.pattern if s.filter == "itself" else s.filter for s in told if s.filter]
    parts = [filter_pattern(s.pattern for s in told if not s.filter), *own, *structure]
    return compile_pattern("|".join(parts).encode())


def _signature(table: Mapping[str, object], number: int) -> Signature:
    name = str(table.get("name", ""))
    if not name or not table.get("pattern"):
        raise ConfigError(f"Signature {name or number} needs a name and a pattern.")
    unknown = set(table) - set(Signature.__dataclass_fields__)
    if unknown:
        raise ConfigError(f"Signature {name} has fields nobody reads: {', '.join(sorted(unknown))}.")
    for key, choices in (("category", Category), ("role", Role), ("severity", Severity)):
        if key in table and table[key] not in get_args(choices):
            raise ConfigError(f"Signature {name}: {key} is one of {', '.join(get_args(choices))}.")
    return Signature(**table)  # type: ignore[arg-type]
