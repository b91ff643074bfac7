"""`trainwatch top`: what is read, how often, in which order it is shown, and one frame for scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.shell import TopCommand
from bot.domain.jobs import Job, JobRef, JobState
from bot.errors import ConfigError, RateLimited, StoreUnavailable, Unavailable, UsageError
from bot.terminal.output import Output
from bot.terminal.render.screen import Screen, cell_width
from bot.terminal.top.board import JobAlert, JobDetail, PlatformView, SortKey, TopBoard, TopRow, View, chosen_rows
from bot.terminal.top.frame import live_frame, single_frame
from bot.terminal.top.reader import TopPace, TopReader
from bot.terminal.top.run import run_top
from tests.fakes.provider import NOW, FakeProvider
from tests.support.waiting import eventually
from tests.unit.terminal.shell import SECRET
from tests.unit.terminal.top_samples import OUT_OF_MEMORY, provider_of, runner_of, sample_board

NOW_AND_ALWAYS = TopPace(list_s=0.0, status_s=0.0, alerts_s=0.0, longest_s=0.0)


def refs(board: TopBoard) -> list[JobRef]:
    return [row.job.ref for row in board.rows]


async def run(*argv: str, providers: tuple[FakeProvider, ...], width: int | None = None) -> tuple[int, str]:
    command = parse_argv(["top", *argv])
    assert isinstance(command, TopCommand)
    out = io.StringIO()
    code = await run_top(command, runner_of(*providers), Output(out, io.StringIO(), width=width), None, is_live=False)
    return code, out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(40, 20), (80, 24), (200, 50)])
def test_frames(width: int, height: int, snapshot: SnapshotAssertion) -> None:
    frame = live_frame(sample_board(), View(), Screen(width), height)
    assert len(frame.lines) == height
    assert "\n".join(frame.lines) == snapshot


def test_problems_come_first_then_running_then_waiting_jobs() -> None:
    rows = chosen_rows(sample_board().rows, View())
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    assert {row.job.state for row in rows[:5]} == {JobState.FAILED, JobState.UNHEALTHY, JobState.RUNNING}
    assert any(row.alerts for row in rows[:5])


@pytest.mark.parametrize("key", list(SortKey))
def test_every_order_has_every_job(key: SortKey) -> None:
    rows = sample_board(30).rows
    assert set(chosen_rows(rows, View(key))) == set(rows)
    assert key.following in SortKey


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 12), ("EMBEDDER", 3), ("東京", 3), ("failed", 2), ("ada@", 12), ("out of mem", 1), ("zzz", 0)],
)
def test_a_filter_finds_names_states_people_and_problems(text: str, count: int) -> None:
    assert len(chosen_rows(sample_board().rows, View(search=text))) == count


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=250), st.sampled_from(list(JobState)), st.text(max_size=80)), max_size=60),
    st.integers(1, 220),
    st.integers(1, 60),
    st.integers(0, 80),
    st.booleans(),
)
def test_any_frame_fits_its_screen(
    jobs: list[tuple[str, JobState, str]], width: int, height: int, first: int, colour: bool
) -> None:
    rows = tuple(
        TopRow(Job(JobRef("mem", f"run/{at}"), state, "X", name=name), JobDetail(problem=problem or None),
               (JobAlert(OUT_OF_MEMORY.severity, problem, NOW),) if problem and at % 2 else ())
        for at, (name, state, problem) in enumerate(jobs)
    )  # fmt: skip
    board = TopBoard(NOW, rows, (PlatformView("mem", "away " * 50, 3.0),), ("x" * 300,))
    view = View(first=first, selected=rows[-1].job.ref if rows else None)
    frame = live_frame(board, view, Screen(width, colour), height)
    assert len(frame.lines) == height
    if not colour and width >= 24:
        assert all(cell_width(line) <= width for line in frame.lines)
    if rows and height >= 6:
        assert frame.selected in frame.visible


async def test_one_list_a_platform_and_only_visible_jobs_are_read() -> None:
    one, other = provider_of(1_000), provider_of(3, "other")
    reader = TopReader(runner_of(one, other))
    board = await reader.read_once(lambda board: refs(board)[:20])
    assert (one.lists, other.lists) == (1, 1)
    assert len(one.job_queries) + len(other.job_queries) == 20
    assert len(board.rows) == 1_003
    reader.read_due(refs(board)[:20])
    await reader.aclose()
    assert (one.lists, other.lists) == (1, 1)
    assert len(one.job_queries) + len(other.job_queries) == 20


async def test_a_status_states_progress_gpus_and_loss() -> None:
    reader = TopReader(runner_of(provider_of(1)))
    (row,) = (await reader.read_once(refs)).rows
    assert row.done == pytest.approx(99 / 400)
    assert row.time_left == timedelta(seconds=4 * 301)
    assert row.utilization == pytest.approx(0.93)
    assert row.memory == (70 * 2.0**30, 80 * 2.0**30)
    assert len(row.losses) == 100


async def test_a_platform_that_limits_requests_is_left_alone_and_named() -> None:
    provider = provider_of(30)
    provider.status_error = RateLimited("Too many requests.", provider="mem", retry_after=timedelta(seconds=90))
    reader = TopReader(runner_of(provider), pace=replace(NOW_AND_ALWAYS, concurrency=1))
    board = await reader.read_once(refs)
    assert len(provider.job_queries) == 1
    frame = "\n".join(single_frame(board, View(), Screen(100)))
    assert "mem: mem limits requests. Tries again in 90 s." in frame
    reader.read_due(refs(board))
    await reader.aclose()
    assert len(provider.job_queries) == 1


async def test_a_list_that_fails_is_tried_less_often_and_the_last_one_stays() -> None:
    provider = provider_of(2)
    reader = TopReader(runner_of(provider), pace=TopPace(list_s=0.0))
    await reader.read_once(refs)
    provider.list_error = Unavailable(f"No answer with {SECRET}.", provider="mem")
    board = await reader.read_once(refs)
    assert len(board.rows) == 2
    assert board.platforms[0].problem == "No answer with [hidden]."
    passed = [0.0]
    slow = TopReader(runner_of(provider), pace=TopPace(list_s=10.0, longest_s=60.0), time_s=lambda: passed[0])
    waits = []
    for _ in range(5):
        board = await slow.read_once(refs)
        waits.append(board.platforms[0].retry_s)
        passed[0] += waits[-1]
    assert waits == [20, 40, 60, 60, 60]
    assert "Its jobs are not seen." in "\n".join(single_frame(board, View(), Screen(100)))


async def test_an_error_of_one_job_is_shown_beside_it() -> None:
    provider = provider_of(2)
    reader = TopReader(runner_of(provider))
    board = await reader.read_once(lambda _: [])
    del provider.jobs["run/1"]
    reader.read_due(refs(board))
    await eventually(lambda: len(provider.job_queries) >= 2 and any(row.detail.problem for row in reader.board().rows))
    troubled = next(row for row in reader.board().rows if row.detail.problem)
    assert troubled.job.ref.id == "run/1"
    assert troubled.trouble.startswith("Not seen: ")
    await reader.aclose()


async def test_a_job_that_ended_stays_with_its_cause_and_old_ends_are_not_listed() -> None:
    provider = provider_of(2)
    provider.jobs["run/old"] = replace(provider.add_job("run/old", JobState.FAILED), ended_at=NOW - timedelta(hours=2))
    provider.jobs["run/new"] = replace(
        provider.add_job("run/new", JobState.FAILED), ended_at=NOW - timedelta(minutes=2)
    )
    provider.add_job("run/done", JobState.SUCCEEDED)
    reader = TopReader(runner_of(provider), pace=NOW_AND_ALWAYS)
    assert {ref.id for ref in refs(await reader.read_once(refs))} == {"run/0", "run/1", "run/new"}
    provider.log("run/0", "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB")
    provider.jobs["run/0"] = replace(provider.jobs["run/0"], state=JobState.FAILED)
    board = await reader.read_once(refs)
    row = next(row for row in board.rows if row.job.ref.id == "run/0")
    assert row.job.state is JobState.FAILED
    assert "out of memory" in row.trouble


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["name~embedder"], {"run/3", "run/7"}),
        (["mem:run/1*"], {"run/1"}),
        (["other:*"], set()),
        (["owner=me"], {"run/2"}),
        (["mem:*", "--exclude", "name~*-1"], {"run/0", *(f"run/{at}" for at in range(2, 8))}),
    ],
)
async def test_patterns_choose_jobs(words: list[str], expected: set[str]) -> None:
    provider = provider_of(8)
    provider.jobs["run/2"] = replace(provider.jobs["run/2"], user="ada@acme.example")
    command = parse_argv(["top", *words])
    assert isinstance(command, TopCommand)
    reader = TopReader(runner_of(provider, user="ada@acme.example"), command.matchers)
    assert {ref.id for ref in refs(await reader.read_once(lambda _: []))} == expected


def test_a_reference_is_not_a_pattern() -> None:
    with pytest.raises(UsageError, match="not a pattern"):
        parse_argv(["top", "mem:run/1"])


async def test_what_cannot_be_shown_is_explained() -> None:
    with pytest.raises(ConfigError, match="No platform is set up"):
        TopReader(runner_of())
    command = parse_argv(["top", "owner=me"])
    assert isinstance(command, TopCommand)
    with pytest.raises(UsageError, match="Set TRAINWATCH_USER"):
        TopReader(runner_of(provider_of(1)), command.matchers)


async def test_alerts_are_shown_and_their_absence_is_named() -> None:
    async def read(at: datetime) -> Mapping[JobRef, tuple[JobAlert, ...]]:
        return {JobRef("mem", "run/1"): (OUT_OF_MEMORY,)}

    async def fail(at: datetime) -> Mapping[JobRef, tuple[JobAlert, ...]]:
        raise StoreUnavailable(f"The database at {SECRET} is busy.")

    frame = "\n".join(
        single_frame(await TopReader(runner_of(provider_of(3)), (), read).read_once(refs), View(), Screen(120))
    )
    assert "CUDA out of memory" in frame.splitlines()[2]
    board = await TopReader(runner_of(provider_of(3)), (), fail).read_once(refs)
    assert board.notes == ("Alerts are not seen: The database at [hidden] is busy.",)


async def test_one_frame_for_scripts() -> None:
    code, out = await run("--once", providers=(provider_of(60),))
    assert code == 0
    assert "\x1b" not in out
    assert len(out.splitlines()) == 53
    assert out.splitlines()[-1] == "Showing 50 of 60 jobs."


async def test_json_has_every_job_and_what_is_not_seen() -> None:
    away = provider_of(0, "other")
    away.list_error = Unavailable("No answer.", provider="other")
    code, out = await run("--json", providers=(provider_of(60), away))
    document = json.loads(out)
    assert code == 1
    assert len(document["jobs"]) == 60
    assert sum(one["is_read"] for one in document["jobs"]) == 50
    assert document["jobs"][0]["progress"]["step"] == 99
    assert document["jobs"][0]["gpu_memory_limit_bytes"] == 80 * 2**30
    assert document["platforms"][1] == {"provider": "other", "problem": "No answer.", "listed_at": None}


async def test_secrets_stay_hidden() -> None:
    provider = provider_of(1)
    provider.jobs["run/0"] = replace(provider.jobs["run/0"], name=f"run with {SECRET}")
    for argv in (["--once"], ["--json"]):
        _, out = await run(*argv, providers=(provider,))
        assert SECRET not in out
        assert "[hidden]" in out
