"""`trainwatch logs`: which lines are printed, in which order, and with which notes."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import chain, repeat
from pathlib import Path

import pytest

from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.logs import Level, LogLine
from bot.errors import Unavailable
from bot.terminal.exit_codes import ExitCode
from tests.fakes.provider import NOW, FakeDownloadProvider, FakeProvider
from tests.unit.terminal.shell import Shell

NOW_NS = ns_from_datetime(NOW)
LINES = [LogLine(NOW_NS - 5000 + number // 3, f"line {number}") for number in range(300)]


def messages(shell: Shell) -> list[str]:
    return [json.loads(row)["message"] for row in shell.out.splitlines()]


def numbers(*span: int) -> list[str]:
    return [f"line {number}" for number in range(*span)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], numbers(200, 300)),
        (["--tail", "20"], numbers(280, 300)),
        (["--limit", "20", "--asc"], numbers(20)),
        (["--limit", "20", "--desc"], numbers(299, 279, -1)),
        (["--all"], numbers(300)),
        (["--all", "--desc"], numbers(299, -1, -1)),
        (["--all", "--grep", "7$"], numbers(7, 300, 10)),
        (["--tail", "2", "--include", "line 1"], numbers(198, 200)),
    ],
)
@pytest.mark.parametrize("page_lines", [7, 1000])
async def test_prints_selected_lines_in_order(options: list[str], expected: list[str], page_lines: int) -> None:
    shell = Shell(FakeProvider(LINES, page_lines))
    assert await shell.type("logs", "mem:run/1", "--json", *options) == 0
    assert messages(shell) == expected


async def test_hidden_lines_are_noted_on_stderr() -> None:
    lines = [LogLine(1, "a"), LogLine(2, "b", level=Level.ERROR), LogLine(3, "token=4", level=Level.ERROR)]
    shell = Shell(FakeProvider(lines))
    await shell.type("logs", "mem:run/1", "--level", "error", "--tail", "1")
    assert shell.out == "1970-01-01 00:00:00.000Z ERROR    - token=4\n"
    assert shell.err == (
        "Showing 1 line. For older lines, use a larger --tail.\n"
        "1 line is below --level or without a level, like tracebacks.\n"
    )


async def test_limited_output_explains_how_to_get_more() -> None:
    shell = Shell(FakeProvider([LogLine(1, "a"), LogLine(2, "b")]))
    await shell.type("logs", "mem:run/1", "--limit", "1")
    assert shell.err == "Showing 1 line. For older lines, use --limit N or --all.\n"


async def test_empty_log_is_noted() -> None:
    shell = Shell(FakeProvider([]))
    assert await shell.type("logs", "mem:run/1") == 0
    assert (shell.out, shell.err) == ("", "No lines in this time range.\n")


async def test_secrets_are_redacted_unless_no_redact() -> None:
    provider = FakeProvider([LogLine(1, "password=hunter2")])
    hidden, shown = Shell(provider), Shell(provider)
    await hidden.type("logs", "mem:run/1")
    await shown.type("logs", "mem:run/1", "--no-redact")
    assert "hunter2" not in hidden.out
    assert hidden.err == "1 secret hidden. To show secrets, use --no-redact.\n"
    assert "hunter2" in shown.out


@pytest.mark.parametrize("options", [["--all"], ["--tail", "290"]])
async def test_lines_before_a_failure_are_printed(options: list[str]) -> None:
    failures = chain([None], repeat(Unavailable("mem is away.")))
    shell = Shell(FakeProvider(LINES, page_lines=100, log_errors=failures))
    assert ExitCode.FAILED == await shell.type("logs", "mem:run/1", "--json", *options)
    assert len(messages(shell)) == 100
    assert shell.err == "trainwatch: mem is away.\n"


async def test_terminal_output_is_coloured() -> None:
    shell = Shell(FakeProvider([LogLine(NOW_NS, "boom", level=Level.ERROR)]), colour=True)
    await shell.type("logs", "mem:run/1")
    assert "\x1b[31mboom\x1b[0m" in shell.out


async def test_at_most_two_pages_are_in_memory() -> None:
    """When a page is requested, all pages but the last two have been printed."""
    shell = Shell(provider := FakeProvider(LINES, page_lines=10))
    written: list[int] = []
    provider.on_query = lambda query: written.append(shell.out.count("\n"))
    await shell.type("logs", "mem:run/1", "--all")
    assert all(lines >= 10 * (page - 2) for page, lines in enumerate(written))


async def test_downloaded_artifact_differs_only_in_secrets(tmp_path: Path) -> None:
    artifact = b"one\ntwo \xff\npassword=hunter2\nlast without end"
    target = tmp_path / "run.log"
    shell = Shell(FakeDownloadProvider(artifact=artifact))
    assert await shell.type("logs", "mem:run/1", "--download", str(target)) == 0
    assert target.read_bytes() == artifact.replace(b"hunter2", b"[hidden]")
    hidden = "1 secret hidden. To show secrets, use --no-redact."
    assert shell.err == f"{hidden}\nWrote {target.stat().st_size} bytes to {target}.\n"
    await shell.type("logs", "mem:run/1", "--download", str(target), "--no-redact", "--force")
    assert target.read_bytes() == artifact


async def test_lines_are_downloaded_without_artifact_or_with_filter(tmp_path: Path) -> None:
    target = tmp_path / "run.log"
    await Shell(FakeProvider(LINES)).type("logs", "mem:run/1", "--download", str(target), "--json")
    assert [json.loads(row)["message"] for row in target.read_text().splitlines()] == numbers(300)
    filtered = FakeDownloadProvider(LINES, artifact=b"no")
    await Shell(filtered).type("logs", "mem:run/1", "--download", str(target), "--include", "line 299", "--force")
    assert re.fullmatch(r"\S+ \S+Z -        - line 299\n", target.read_text())


async def test_failed_download_creates_no_final_file(tmp_path: Path) -> None:
    target = tmp_path / "run.log"
    shell = Shell(FakeProvider(log_errors=iter([Unavailable("mem is away.")])))
    assert ExitCode.FAILED == await shell.type("logs", "mem:run/1", "--download", str(target))
    assert not target.exists()


async def test_unwritable_file_is_a_usage_error(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "no" / "such" / "folder")):
        assert ExitCode.USAGE == await Shell(FakeProvider(LINES)).type("logs", "mem:run/1", "--download", name)


async def test_error_names_the_file_that_was_typed(tmp_path: Path) -> None:
    shell = Shell(FakeProvider(LINES))
    await shell.type("logs", "mem:run/1", "--download", str(tmp_path / "no" / "run.log"))
    assert str(tmp_path / "no" / "run.log:") in shell.err
    assert ".part" not in shell.err


async def test_existing_file_is_replaced_only_with_force(tmp_path: Path) -> None:
    target = tmp_path / "run.log"
    target.write_text("mine")
    shell = Shell(provider := FakeProvider(LINES))
    assert ExitCode.USAGE == await shell.type("logs", "mem:run/1", "--download", str(target))
    assert shell.err == f"trainwatch: {target} exists. To replace it, use `--force`; or specify another file.\n"
    assert (target.read_text(), provider.queries) == ("mine", [])
    assert await Shell(FakeProvider(LINES)).type("logs", "mem:run/1", "--download", str(target), "--force") == 0
    assert target.read_text().count("\n") == 300


def test_download_to_a_device_writes_to_it() -> None:
    shell = Shell(FakeProvider(LINES))
    assert asyncio.run(shell.type("logs", "mem:run/1", "--download", "/dev/null")) == 0
    assert not Path("/dev/null.part").exists()


async def test_around_marks_the_nearest_line() -> None:
    shell = Shell(FakeProvider(LINES))
    assert await shell.type("logs", "mem:run/1", "--around", format_ns(LINES[150].timestamp_ns), "-C", "3") == 0
    rows = shell.out.splitlines()
    assert numbers(147, 156) == [row.split(" - ")[-1] for row in rows]
    assert [row[:2] for row in rows] == ["  "] * 3 + ["> "] + ["  "] * 5
    assert shell.err == (
        f"9 lines; > marks the one nearest to {format_ns(LINES[150].timestamp_ns)}.\n"
        "For more lines, use a larger --context.\n"
    )


async def test_around_as_json_has_the_mark_as_a_field() -> None:
    shell = Shell(FakeProvider(LINES))
    await shell.type("logs", "mem:run/1", "--around", format_ns(LINES[150].timestamp_ns), "--json")
    marked = [row["message"] for row in map(json.loads, shell.out.splitlines()) if row["marked"]]
    assert marked == ["line 150"]


async def test_around_explains_an_empty_log() -> None:
    shell = Shell(FakeProvider())
    assert await shell.type("logs", "mem:run/1", "--around", "2026-03-13") == 0
    assert (shell.out, shell.err) == ("", "This log has no lines.\n")
