"""The access file is read, and its mistakes are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.commands.access_file import parse_access
from bot.domain.access import OPEN_ACCESS, AccessRole, Person
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef
from bot.errors import ConfigError

DOCUMENT = Path(__file__).parents[3] / "docs/access.md"
ADA, BEN = Person("U0ADA1234", "C0TRAIN123"), Person("U0BEN", "C0TRAIN123", frozenset({"S0ONCALL1"}))

LLAMA = KnownJob(JobRef("baseten", "a/b"), "llama-70b", owner="ada")


def documented() -> str:
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_example_gives_the_documented_roles() -> None:
    policy = parse_access(documented())
    assert AccessRole.ADMINISTER is policy.role_of(ADA, None)
    assert AccessRole.OPERATE is policy.role_of(BEN, "baseten:a/b")
    assert AccessRole.READ is policy.role_of(BEN, "fireworks:a/b")
    assert AccessRole.READ is policy.role_of(BEN, None)
    assert AccessRole.OPERATE is policy.best_role_of(BEN)
    assert AccessRole.READ is policy.role_of(Person("U0BEN", "C0OTHER", BEN.groups), "baseten:a/b")
    assert policy.allows_shared_channel("C0SHARED1")
    assert not policy.allows_shared_channel("C0OTHER")


def test_an_empty_file_is_as_open_as_none() -> None:
    assert OPEN_ACCESS == parse_access("")


def test_a_grant_cannot_take_a_role_away() -> None:
    policy = parse_access('default = "operate"\n[[grant]]\nrole = "read"\nusers = ["U0ADA1234"]')
    assert AccessRole.OPERATE is policy.role_of(ADA, None)


@pytest.mark.parametrize(
    ("pattern", "job", "covered"),
    [
        ("*", "baseten:a/b", True),
        ("baseten*:a/*", "baseten-model:a/b", True),
        ("baseten:a/*", "baseten:a/*", True),
        ("baseten:a/*", "baseten:a/llama-*", True),
        ("baseten:a/llama-*", "baseten:a/*", False),
        ("baseten:a/?", "baseten:a/*", False),
        ("baseten:a/b", "baseten:a/b", True),
        ("baseten:* owner=ada@acme.example", LLAMA, True),
        ("baseten:* owner=ben@acme.example", LLAMA, False),
        ("name~llama", LLAMA, True),
        ("name~llama", "baseten:a/b", False),
    ],
)
def test_grants_take_the_patterns_of_watch(pattern: str, job: KnownJob | str, *, covered: bool) -> None:
    policy = parse_access(f'default = "read"\n[[grant]]\nrole = "operate"\njobs = ["{pattern}"]')
    assert policy.role_of(ADA, job) is (AccessRole.OPERATE if covered else AccessRole.READ)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("default = ", "Invalid TOML"),
        ('default = "admin"', "`default`: Invalid enum value 'admin'"),
        ("colour = 1", "unknown field `colour`"),
        ("teams = 5", "`teams`: Expected `array`"),
        ("teams = [5]", "`teams`: Expected `str`"),
        ('teams = ["acme"]', "`teams` must be a workspace or organization id such as T0123ABCD, not 'acme'"),
        ('shared_channels = ["#general"]', "`shared_channels` must be a channel id"),
        ('[[grant]]\nrole = "read"\nusers = ["U0ADA1234"]', "Set `default`"),
        ('default = "read"\n[[grant]]\nrole = "read"', "[[grant]] number 1: name users, groups, channels or jobs"),
        ('default = "read"\n[[grant]]\nusers = ["U1"]', "[[grant]] number 1: Object missing required field `role`"),
        ('default = "read"\n[[grant]]\nrole = "root"\n', "[[grant]] number 1: `role`: Invalid enum value 'root'"),
        ('default = "read"\n[[grant]]\nrole = "read"\nusers = ["@ada"]', "`users` must be a user id such as"),
        ('default = "read"\n[[grant]]\nrole = "read"\ngroups = ["U0ADA1234"]', "`groups` must be a user group id"),
        ('default = "read"\n[[grant]]\nrole = "read"\njobs = ["train"]', "`jobs` must be patterns such as"),
        ('default = "read"\n[[grant]]\nrole = "read"\njobs = [""]', "`jobs` must be patterns such as"),
        ('default = "read"\n[[grant]]\nrole = "read"\njobs = ["owner=me"]', "`jobs` must be patterns such as"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_access(text)
    assert problem in caught.value.public
