"""Parse the access file (TOML): roles, other workspaces and shared channels. Pure; docs/access.md describes it."""

import re
import tomllib
from typing import Literal

import msgspec

from bot.domain.access import ANY, AccessPolicy, AccessRole, Grant
from bot.domain.job_matching import Matcher, names_me, parse_matchers
from bot.errors import ConfigError, UsageError

_IDS = {
    "users": (r"[UW][A-Z0-9]{2,20}", "a user id such as U0123ABCD"),
    "groups": (r"S[A-Z0-9]{2,20}", "a user group id such as S0123ABCD"),
    "channels": (r"[CGD][A-Z0-9]{2,20}", "a channel id such as C0123ABCD"),
    "shared_channels": (rf"[CG][A-Z0-9]{{2,20}}|{re.escape(ANY)}", 'a channel id such as C0123ABCD, or "*"'),
    "teams": (r"(?:T|E)[A-Z0-9]{2,20}", "a workspace or organization id such as T0123ABCD"),
}
_RoleName = Literal["none", "read", "operate", "administer"]


class _GrantEntry(msgspec.Struct, forbid_unknown_fields=True):
    """One `[[grant]]`."""

    role: _RoleName
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


class _AccessFile(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    default: _RoleName | None = None
    teams: tuple[str, ...] = ()
    shared_channels: tuple[str, ...] = ()
    grant: tuple[_GrantEntry, ...] = ()


def parse_access(text: str) -> AccessPolicy:
    """Parse the text of an access file.

    Raises:
        ConfigError: names the entry and the problem.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _AccessFile)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Invalid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(_describe(str(error))) from None
    if file.grant and file.default is None:
        raise ConfigError('Set `default`, the role of everyone else, such as default = "read".')
    _check_ids("", teams=file.teams, shared_channels=file.shared_channels)
    return AccessPolicy(
        default=AccessRole(file.default or "administer"),
        grants=tuple(_grant(number, entry) for number, entry in enumerate(file.grant, 1)),
        teams=frozenset(file.teams),
        shared_channels=frozenset(file.shared_channels),
    )


def _grant(number: int, entry: _GrantEntry) -> Grant:
    where = f"[[grant]] number {number}: "
    _check_ids(where, users=entry.users, groups=entry.groups, channels=entry.channels)
    if not (entry.users or entry.groups or entry.channels or entry.jobs):
        raise ConfigError(f"{where}name users, groups, channels or jobs. For everyone, set `default`.")
    return Grant(
        AccessRole(entry.role),
        frozenset(entry.users),
        frozenset(entry.groups),
        frozenset(entry.channels),
        tuple(_matchers(where, text) for text in entry.jobs),
    )


def _matchers(where: str, text: str) -> tuple[Matcher, ...]:
    """Read one entry of `jobs`: the words of a pattern, as after `watch`."""
    words = [word for word in text.split() if word != ANY]
    try:
        matchers = parse_matchers(words)
    except UsageError:
        matchers = ()
    if (words and not matchers) or not text.strip() or names_me(matchers):
        raise ConfigError(
            f"{where}`jobs` must be patterns such as baseten:*, owner=ada@acme.example or name~llama-*, not {text!r}."
        )
    return matchers


def _check_ids(where: str, **lists: tuple[str, ...]) -> None:
    for name, values in lists.items():
        pattern, rule = _IDS[name]
        for value in values:
            if not re.fullmatch(pattern, value):
                raise ConfigError(f"{where}`{name}` must be {rule}, not {value[:40]!r}.")


def _describe(problem: str) -> str:
    """The message of msgspec, with its path as people count: `$.grant[0].role` is in the first [[grant]]."""
    message, _, path = problem.partition(" - at `$")
    entry = re.match(r"\.grant\[(\d+)\]\.?(\w*)", path)
    if entry is None:
        key = path.strip(".`[]0123456789")
        return f"{f'`{key}`: ' if key else ''}{message}."
    name = f"`{entry[2]}`: " if entry[2] else ""
    return f"[[grant]] number {int(entry[1]) + 1}: {name}{message}."
