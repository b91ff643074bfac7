"""Load the configuration files of an installation: signatures, rule settings, access and patterns of secrets.

`bot.rules.diagnosis_config` and `access_file` parse them; `bot.settings` has their paths. A file that cannot be read or
is invalid raises ConfigError, which names the variable, the file, the line and the reason.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.commands.access_file import parse_access
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.access import OPEN_ACCESS, AccessPolicy
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError
from bot.redaction.user_patterns import UserPattern, parse_secret_patterns
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner, parse_defaults

T = TypeVar("T")


def load_diagnosis_config(signatures: Path | None, rules: Path | None) -> DiagnosisConfig:
    """Load the shipped configuration with these files on top."""
    return DiagnosisConfig(load_scanner(signatures), load_rules(rules))


def load_scanner(signatures: Path | None) -> PageScanner:
    """Compile the shipped signatures with those of this file before them."""
    return load_file("TRAINWATCH_SIGNATURES", signatures, build_scanner)


def load_rules(rules: Path | None) -> RuleSettings:
    """Load the rule settings that apply where a channel sets nothing."""
    return RuleSettings() if rules is None else load_file("TRAINWATCH_RULES", rules, parse_defaults)


def load_access(access: Path | None) -> AccessPolicy:
    """Load who may use the bot; without a file everyone in its workspace."""
    return OPEN_ACCESS if access is None else load_file("TRAINWATCH_ACCESS", access, parse_access)


def load_secret_patterns(patterns: Path | None) -> tuple[UserPattern, ...]:
    """Load the patterns of further secrets to hide."""
    return () if patterns is None else load_file("TRAINWATCH_SECRET_PATTERNS", patterns, parse_secret_patterns)


def load_file(variable: str, path: Path | None, parse: Callable[[str], T]) -> T:
    """Read and parse a file; None is an empty one.

    Raises:
        ConfigError: names the variable, the file and the reason.
    """
    try:
        return parse("" if path is None else path.expanduser().read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{variable}: cannot read {path}: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{variable}: {path} is not UTF-8 text. Save it again as UTF-8.") from None
    except ConfigError as problem:
        raise ConfigError(f"{variable}: {path}: {problem.public}") from None
