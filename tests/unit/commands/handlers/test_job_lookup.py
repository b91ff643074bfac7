"""Resolving what a person typed for a job, on fake platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.commands.answers import ErrorAnswer
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner, ResolvedCommand
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef
from bot.errors import ConfigError, NotSupported, Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider, registry_of


class LookupHarness:
    """Two platforms: `mem` with three jobs, and `other` with one."""

    def __init__(self) -> None:
        self.mem, self.other = FakeProvider(jobs={}), FakeProvider(name="other", jobs={})
        for job_id, name in (("p1/h8gpu42", "llama-70b-sft"), ("p1/h8gpu43", "llama-70b-dpo"), ("p2/z1", "gemma")):
            self.mem.add_job(job_id, name=name)
        self.other.add_job("q/h9cpu", name="tokenizer")
        self.clock = ManualClock(NOW)
        registry = registry_of(self.mem, self.other, problems={"locked": ConfigError("LOCKED_API_KEY is not set.")})
        self.runner = CommandRunner(registry, self.clock, Redactor())

    async def resolve(self, typed: str, *watched: KnownJob) -> str:
        """The reference and the note, or the error and its suggestions."""

        async def source() -> Sequence[KnownJob]:
            return watched

        resolved = await self.runner.resolve(parse(f"status {typed}"), [source] if watched else [])
        if isinstance(resolved, ErrorAnswer):
            return " ".join((resolved.public, *(str(one.ref) for one in resolved.suggestions)))
        assert isinstance(resolved, ResolvedCommand)
        return f"{getattr(resolved.command, 'ref', None)} {resolved.note or ''}".rstrip()


@pytest.fixture
def lookup() -> LookupHarness:
    return LookupHarness()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("mem:p1/h8gpu42", "mem:p1/h8gpu42"),
        ("mem:p9/none", "mem:p9/none"),
        ("https://mem.example/p1/h8gpu42", "mem:p1/h8gpu42"),
    ],
)
async def test_references_and_pages_need_no_request(lookup: LookupHarness, typed: str, expected: str) -> None:
    assert expected == await lookup.resolve(typed)
    assert (lookup.mem.lists, lookup.other.lists) == (0, 0)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("h8gpu42", "mem:p1/h8gpu42 `h8gpu42` is `mem:p1/h8gpu42` (llama-70b-sft)."),
        ("gemma", "mem:p2/z1 `gemma` is `mem:p2/z1`."),
        ("TOKEN", "other:q/h9cpu `TOKEN` is `other:q/h9cpu` (tokenizer)."),
        ("mem:gemma", "mem:p2/z1 `mem:gemma` is `mem:p2/z1` (gemma)."),
        ("https://mem.example/projects/p1/jobs/h8gpu43", "mem:p1/h8gpu43"),
        ("<https://mem.example/projects/p1/jobs/h8gpu43|job>", "mem:p1/h8gpu43"),
        ("llama", "2 jobs match `llama`. Which one? mem:p1/h8gpu42 mem:p1/h8gpu43"),
        ("https://mem.example/a/projects/p1", "2 jobs match `https://mem.example/a/projects/p1`. Which one?"),
        ("lama-70b-sft", "No job found for `lama-70b-sft`. Did you mean: mem:p1/h8gpu42 mem:p1/h8gpu43"),
        ("zzzzzzzz", "No job found for `zzzzzzzz`. `jobs` lists the newest jobs."),
        ("https://elsewhere.example/zzz", "No job found for `https://elsewhere.example/zzz`. `jobs` lists"),
        ("https://app.locked.example/zzz", "No job found for `https://app.locked.example/zzz`. Not set up: locked."),
        ("meme:p1", "There is no platform named `meme`. Did you mean mem?"),
        ("locked:p1", "LOCKED_API_KEY is not set."),
    ],
)
async def test_anything_else_is_looked_up(lookup: LookupHarness, typed: str, expected: str) -> None:
    assert (await lookup.resolve(typed)).startswith(expected)


async def test_watched_jobs_come_first(lookup: LookupHarness) -> None:
    watched = KnownJob(JobRef("mem", "p1/h8gpu43"), "llama-70b-dpo")
    assert (await lookup.resolve("llama", watched)).startswith("mem:p1/h8gpu43 `llama` is `mem:p1/h8gpu43`")
    assert lookup.mem.lists == 0


async def test_all_jobs_are_offered_when_several_watched_ones_match(lookup: LookupHarness) -> None:
    lookup.mem.add_job("p1/h8gpu44", name="llama-70b-rl")
    watched = [KnownJob(JobRef("mem", f"p1/h8gpu4{number}"), "llama-70b") for number in (3, 2)]
    expected = "3 jobs match `h8`. Which one? mem:p1/h8gpu43 mem:p1/h8gpu42 mem:p1/h8gpu44"
    assert expected == await lookup.resolve("h8", *watched)


async def test_the_reference_of_a_watched_job_needs_no_platform(lookup: LookupHarness) -> None:
    for ref in (JobRef("gone", "x"), JobRef("locked", "x")):
        assert str(ref) == await lookup.resolve(str(ref), KnownJob(ref))


async def test_many_people_cost_one_list_per_platform(lookup: LookupHarness) -> None:
    lookup.mem.list_s = 0.01
    await asyncio.gather(*(lookup.resolve("gemma") for _ in range(20)))
    lookup.clock.advance(timedelta(seconds=20))
    await lookup.resolve("gemma")
    assert (lookup.mem.lists, lookup.other.lists) == (1, 1)
    lookup.clock.advance(timedelta(seconds=20))
    await lookup.resolve("gemma")
    assert (lookup.mem.lists, lookup.other.lists) == (2, 2)


async def test_an_id_that_is_not_among_the_newest_jobs_is_asked_for(lookup: LookupHarness) -> None:
    old = lookup.mem.add_job("p0/old", name="ancient")
    lookup.mem.unlisted.add(old.ref.id)
    assert await lookup.resolve("p0/old") == "mem:p0/old `p0/old` is `mem:p0/old` (ancient)."
    assert (await lookup.resolve("p0/none")).startswith("No job found for `p0/none`.")


@pytest.mark.parametrize("error", [Unavailable("mem is down."), NotSupported("mem lists no jobs.")])
async def test_a_platform_that_fails_is_named(lookup: LookupHarness, error: BaseException) -> None:
    lookup.mem.list_error = error
    assert "other:q/h9cpu `tokenizer` is `other:q/h9cpu`." == await lookup.resolve("tokenizer")
    expected = "No job found for `gemma`. No list of jobs from mem; use a full reference there."
    assert (await lookup.resolve("gemma")).startswith(expected)


async def test_without_platforms_the_fix_is_named() -> None:
    runner = CommandRunner(registry_of(), ManualClock(NOW), Redactor())
    resolved = await runner.resolve(parse("status gemma"))
    assert isinstance(resolved, ErrorAnswer)
    assert "trainwatch check" in resolved.public


@pytest.mark.parametrize(
    "text", ["logs gemma --tail 5", "watch gemma log_errors=off", "unwatch gemma", "silence 2h gemma", "why gemma",
             "rules test gemma", "rules gemma", "metrics gemma --since 2h"],
)  # fmt: skip
async def test_every_command_about_a_job_takes_a_name(lookup: LookupHarness, text: str) -> None:
    resolved = await lookup.runner.resolve(parse(text))
    assert isinstance(resolved, ResolvedCommand)
    assert resolved.command == parse(text.replace("gemma", "mem:p2/z1"))


@pytest.mark.parametrize("text", ["jobs", "rules", "help", "list", "unwatch --all", "silence 2h", "silence end 7"])
async def test_commands_without_a_job_pass(lookup: LookupHarness, text: str) -> None:
    assert ResolvedCommand(parse(text)) == await lookup.runner.resolve(parse(text))
