"""The two files an installation may have of its own, signatures and rule settings: read, parsed, errors named.

Their content is interpreted in `bot.rules.diagnosis_config` and `bot.rules.defaults`; `bot.settings` has their paths.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.diagnosis.page_scanner import PageScanner
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError
from bot.rules.defaults import parse_defaults
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner

T = TypeVar("T")


def load_diagnosis_config(signatures: Path | None, rules: Path | None) -> DiagnosisConfig:
    """What is known of failures and rules: what is shipped, with the files of these two settings on top.

    Raises:
        ConfigError: a file cannot be read or is wrong; names the variable, the file, the line and the reason.
    """
    return DiagnosisConfig(load_scanner(signatures), load_rules(rules))


def load_scanner(signatures: Path | None) -> PageScanner:
    """The compiled signatures alone.

    Raises:
        ConfigError: as `load_diagnosis_config`.
    """
    return _read_own("TRAINWATCH_SIGNATURES", signatures, build_scanner)


def load_rules(rules: Path | None) -> RuleSettings:
    """How rules are set where nobody says otherwise, alone.

    Raises:
        ConfigError: as `load_diagnosis_config`.
    """
    return _read_own("TRAINWATCH_RULES", rules, parse_defaults)


def _read_own(variable: str, path: Path | None, parse: Callable[[str], T]) -> T:
    """A file of the installation's own, parsed; no file is as an empty one."""
    if path is None:
        return parse("")
    try:
        return parse(path.expanduser().read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{variable}: {path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{variable}: {path} is not UTF-8 text; save it again as UTF-8.") from None
    except ConfigError as problem:
        raise ConfigError(f"{variable}: {path}: {problem.public}") from None
