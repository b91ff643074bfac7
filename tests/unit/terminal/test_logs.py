"""`trainwatch logs` in a shell: which lines, in which order, and what is remarked beside them."""

from __future__ import annotations

import json
import re
from itertools import chain, repeat
from pathlib import Path

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.logs import Level, LogLine
from bot.errors import ConfigError, Unavailable
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
async def test_exactly_the_lines_asked_for_in_the_order_asked_for(
    options: list[str], expected: list[str], page_lines: int
) -> None:
    shell = Shell(FakeProvider(LINES, page_lines))
    assert await shell.type("logs", "mem:run/1", "--json", *options) == 0
    assert messages(shell) == expected


async def test_what_is_not_shown_is_remarked_on_the_error_stream() -> None:
    lines = [LogLine(1, "a"), LogLine(2, "b", level=Level.ERROR), LogLine(3, "token=4", level=Level.ERROR)]
    shell = Shell(FakeProvider(lines))
    await shell.type("logs", "mem:run/1", "--level", "error", "--tail", "1")
    assert shell.out == "1970-01-01 00:00:00.000Z ERROR    - token=4\n"
    assert shell.err == (
        "1 line shown, there are older ones: a larger --tail shows more\n"
        "1 line had no level, which --level leaves out\n"
    )


async def test_who_asked_for_a_number_of_lines_is_told_how_to_get_more() -> None:
    shell = Shell(FakeProvider([LogLine(1, "a"), LogLine(2, "b")]))
    await shell.type("logs", "mem:run/1", "--limit", "1")
    assert shell.err == "1 line shown, there are older ones: --limit N or --all shows more\n"


async def test_no_lines_are_said() -> None:
    shell = Shell(FakeProvider([]))
    assert await shell.type("logs", "mem:run/1") == 0
    assert (shell.out, shell.err) == ("", "no lines in this window\n")


async def test_secrets_are_hidden_unless_they_are_asked_for() -> None:
    provider = FakeProvider([LogLine(1, "password=hunter2")])
    hidden, shown = Shell(provider), Shell(provider)
    await hidden.type("logs", "mem:run/1")
    await shown.type("logs", "mem:run/1", "--no-redact")
    assert "hunter2" not in hidden.out
    assert hidden.err == "1 secret hidden; --no-redact shows what they are\n"
    assert "hunter2" in shown.out


@pytest.mark.parametrize("options", [["--all"], ["--tail", "290"]])
async def test_lines_read_before_a_failure_are_written(options: list[str]) -> None:
    failures = chain([None], repeat(Unavailable("mem is away.")))
    shell = Shell(FakeProvider(LINES, page_lines=100, log_errors=failures))
    with pytest.raises(Unavailable):
        await shell.type("logs", "mem:run/1", "--json", *options)
    assert len(messages(shell)) == 100


async def test_a_terminal_gets_colours() -> None:
    shell = Shell(FakeProvider([LogLine(NOW_NS, "boom", level=Level.ERROR)]), colour=True)
    await shell.type("logs", "mem:run/1")
    assert "\x1b[31mboom\x1b[0m" in shell.out


async def test_no_more_than_two_pages_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant memory: when a page is asked for, every page but the last two has been written."""
    shell = Shell(provider := FakeProvider(LINES, page_lines=10))
    written: list[int] = []
    provider.on_query = lambda query: written.append(shell.out.count("\n"))
    await shell.type("logs", "mem:run/1", "--all")
    assert all(lines >= 10 * (page - 2) for page, lines in enumerate(written))


async def test_an_artifact_is_downloaded_as_it_is_but_for_secrets(tmp_path: Path) -> None:
    artifact = b"one\ntwo \xff\npassword=hunter2\nlast without end"
    target = tmp_path / "run.log"
    shell = Shell(FakeDownloadProvider(artifact=artifact))
    assert await shell.type("logs", "mem:run/1", "--download", str(target)) == 0
    assert target.read_bytes() == artifact.replace(b"hunter2", b"[hidden]")
    assert shell.err == f"{target.stat().st_size} bytes in {target}\n"
    await shell.type("logs", "mem:run/1", "--download", str(target), "--no-redact")
    assert target.read_bytes() == artifact


async def test_lines_are_downloaded_where_there_is_no_artifact_or_a_filter(tmp_path: Path) -> None:
    target = tmp_path / "run.log"
    await Shell(FakeProvider(LINES)).type("logs", "mem:run/1", "--download", str(target), "--json")
    assert [json.loads(row)["message"] for row in target.read_text().splitlines()] == numbers(300)
    filtered = FakeDownloadProvider(LINES, artifact=b"no")
    await Shell(filtered).type("logs", "mem:run/1", "--download", str(target), "--include", "line 299")
    assert re.fullmatch(r"\S+ \S+Z -        - line 299\n", target.read_text())


async def test_a_download_that_fails_leaves_no_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "run.log"
    shell = Shell(FakeProvider(log_errors=iter([Unavailable("mem is away.")])))
    with pytest.raises(Unavailable):
        await shell.type("logs", "mem:run/1", "--download", str(target))
    assert not target.exists()


async def test_a_file_that_cannot_be_written_is_a_setting_to_mend(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "no" / "such" / "folder")):
        with pytest.raises(ConfigError):
            await Shell(FakeProvider(LINES)).type("logs", "mem:run/1", "--download", name)
