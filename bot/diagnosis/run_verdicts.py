"""Choose the verdict on a run from its failure alone: the first rule of `run_verdicts.toml` that applies.

`rules.run_history` then adds what earlier runs show. Pure, except that `load_verdict_rules` reads the shipped file.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from bot.domain.regex import Pattern, compile_pattern
from bot.domain.run_verdicts import Remedy, RunVerdict

_UNKNOWN = RunVerdict(Remedy.FIX, "the same failure is to be expected again", "what the lines around it say")


@dataclass(frozen=True, slots=True)
class JudgedFailure:
    """What a verdict depends on."""

    signature: str
    category: str
    text: str
    """The decisive line, else the title."""
    is_page: bool
    has_checkpoint: bool
    """Does the log report a saved checkpoint?"""


@dataclass(frozen=True, slots=True)
class VerdictRule:
    """One row of the table; an empty condition applies to all failures."""

    verdict: RunVerdict
    signatures: frozenset[str] = frozenset()
    category: str = ""
    pattern: Pattern[bytes] | None = None
    """Searched in the decisive line."""
    has_checkpoint: bool | None = None
    judges_warnings: bool = False
    """Whether it also applies to a failure that is only a warning, such as a stop by a person."""

    def applies(self, failure: JudgedFailure) -> bool:
        """Whether all conditions hold."""
        return (
            (not self.signatures or failure.signature in self.signatures)
            and (not self.category or failure.category == self.category)
            and (failure.is_page or self.judges_warnings)
            and self.has_checkpoint in (None, failure.has_checkpoint)
            and (self.pattern is None or self.pattern.search(failure.text.encode()) is not None)
        )


def judge_failure(failure: JudgedFailure, rules: Iterable[VerdictRule]) -> RunVerdict | None:
    """Return the verdict of the first rule that applies; None for a warning or a note that no rule is about."""
    found = next((rule.verdict for rule in rules if rule.applies(failure)), None)
    return found or (_UNKNOWN if failure.is_page else None)


def load_verdict_rules(own: Mapping[str, str]) -> tuple[VerdictRule, ...]:
    """Read the shipped rules, after those of the user's signatures.

    Args:
        own: the name of a signature → its remedy.
    """
    text = files("bot.diagnosis").joinpath("run_verdicts.toml").read_text(encoding="utf-8")
    users = (
        VerdictRule(RunVerdict(Remedy(remedy), "your signature states it"), frozenset({name}), judges_warnings=True)
        for name, remedy in own.items()
    )
    return (*users, *map(_parse_rule, tomllib.loads(text)["verdict"]))


def _parse_rule(table: Mapping[str, object]) -> VerdictRule:
    signatures, pattern, checkpoint = table.get("signatures", []), table.get("pattern"), table.get("checkpoint")
    assert isinstance(signatures, list)
    return VerdictRule(
        RunVerdict(Remedy(str(table["verdict"])), str(table["reason"]), str(table.get("missing", ""))),
        frozenset(map(str, signatures)),
        str(table.get("category", "")),
        compile_pattern(str(pattern).encode()) if pattern else None,
        None if checkpoint is None else bool(checkpoint),
        bool(table.get("judges_warnings", False)),
    )
