# ruff: noqa: RUF001 - typographic quotes and dashes are the point
"""What can be typed, and the errors for what cannot."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.subcommands.arguments import InputContext, Window
from bot.commands.subcommands.jobs import JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.commands.subcommands.shell import CheckCommand, FollowCommand, ServeCommand, UpgradeCommand, VersionCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)
from bot.commands.subcommands.table import HelpCommand
from bot.domain.alerts import Severity
from bot.domain.durations import ns_from_datetime
from bot.domain.logs import Level, LogFilter, Order
from bot.errors import UsageError

HOUR = timedelta(hours=1)
TEN = ns_from_datetime(datetime(2026, 3, 13, 10, tzinfo=UTC))


def test_every_filter_option_is_read() -> None:
    command = parse(
        "logs baseten:p/j --start 2026-03-13T10:00:00Z --end 2026-03-13T11:00:00.000000001+01:00 --level warn "
        '--grep "loss=(nan|inf)" --include a --include "b c" --exclude d --replica abcde --rank 3 --rank 4,5 '
        "--request-id r-1 --limit 50 --asc --public"
    )
    wanted = LogFilter(Level.WARNING, "loss=(nan|inf)", ("a", "b c"), ("d",), ("abcde",), (3, 4, 5), "r-1")
    expected = LogsCommand(
        "baseten:p/j", Window(None, TEN, TEN + 1), wanted, limit=50, take=Order.ASC, show=Order.ASC, public=True
    )
    assert expected == command


def test_default_is_the_newest_hundred_lines_oldest_first() -> None:
    expected = LogsCommand("a:b", Window(), LogFilter(), limit=100, take=Order.DESC, show=Order.ASC)
    assert expected == parse("logs a:b")


@pytest.mark.parametrize(
    ("text", "limit", "take", "show"),
    [
        ("--all", None, Order.DESC, Order.ASC),
        ("--tail 20", 20, Order.DESC, Order.ASC),
        ("--tail 20 --asc", 20, Order.DESC, Order.ASC),
        ("--limit 20 --asc", 20, Order.ASC, Order.ASC),
        ("--limit 1,000 --desc", 1000, Order.DESC, Order.DESC),
        ("--after 2026-03-13T10:00:00Z --desc", 100, Order.ASC, Order.DESC),
    ],
)
def test_limit_and_order_options(text: str, limit: int | None, take: Order, show: Order) -> None:
    command = parse(f"logs a:b {text}")
    assert isinstance(command, LogsCommand)
    assert (limit, take, show) == (command.limit, command.take, command.show)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", HelpCommand()),
        ("  help ", HelpCommand()),
        ("help LOGS", HelpCommand("logs")),
        ("logs --help", HelpCommand("logs")),
        ("metrics a:b --since 2h", MetricsCommand("a:b", Window(timedelta(hours=2)))),
        ("status a:b --public", StatusCommand("a:b", public=True)),
        ("jobs", JobsCommand()),
        ("jobs running", JobsCommand(limit=100, state="running")),
        ("jobs Baseten failed", JobsCommand("baseten", 100, "failed")),
        ("jobs failed baseten --limit 5", JobsCommand("baseten", 5, "failed")),
        ("jobs mine", JobsCommand(limit=100, mine=True)),
        ("jobs my running", JobsCommand(limit=100, state="running", mine=True)),
        ("jobs --user ada@example.org", JobsCommand(limit=100, user="ada@example.org")),
        ("jobs Baseten: --limit 5", JobsCommand("baseten", limit=5)),
        ("watch a:b log_errors=off severity=warn", WatchCommand("a:b", ("log_errors=off", "severity=warn"))),
        ('watch a:b log_errors.ignore="no such"', WatchCommand("a:b", ("log_errors.ignore=no such",))),
        ("subscribe a:b", WatchCommand("a:b")),
        ("unwatch a:b", UnwatchCommand("a:b")),
        ("unsubscribe a:b", UnwatchCommand("a:b")),
        ("unwatch --all", UnwatchCommand(None)),
        ("list", ListCommand()),
        ("silence 2h", SilenceCommand(timedelta(hours=2))),
        ("silence a:b 1h30m", SilenceCommand(timedelta(minutes=90), "a:b")),
        (
            'mute 1d a:b --rule low_gpu_utilization --severity WARN --reason "new disks"',
            SilenceCommand(timedelta(days=1), "a:b", "low_gpu_utilization", Severity.WARN, "new disks"),
        ),
        ("silence end #7", UnsilenceCommand(7)),
        ("unmute 7", UnsilenceCommand(7)),
    ],
)
def test_every_subcommand_is_read(text: str, expected: object) -> None:
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], HelpCommand()),
        (["--help"], HelpCommand()),
        (["logs", "-h"], HelpCommand("logs")),
        (["db", "--help"], HelpCommand("db")),
        (["--version"], VersionCommand()),
        (["version"], VersionCommand()),
        (["serve"], ServeCommand()),
        (["check", "--json"], CheckCommand(json=True)),
        (["check", "--health"], CheckCommand(health=True)),
        (["db", "upgrade"], UpgradeCommand()),
        (["logs", "a:b", "--json", "-n", "5"], LogsCommand("a:b", limit=5, json=True)),
        (["logs", "a:b", "--download", "x.log"], LogsCommand("a:b", limit=None, download="x.log")),
        (["logs", "a:b", "-f"], LogsCommand("a:b", follow=True)),
        (["logs", "a:b", "-f", "--since", "1h"], LogsCommand("a:b", Window(HOUR), limit=None, follow=True)),
        (["logs", "a:b", "--grep=--flag"], LogsCommand("a:b", filter=LogFilter(grep="--flag"))),
        (["logs", "a:b", "--no-redact"], LogsCommand("a:b", redact=False)),
        (["logs", "a:b", "--include", "&lt; “x”"], LogsCommand("a:b", filter=LogFilter(includes=("&lt; “x”",)))),
        (["watch", "a:b"], FollowCommand("a:b")),
    ],
)  # fmt: skip
def test_shell_arguments_are_read(argv: list[str], expected: object) -> None:
    assert expected == parse_argv(argv)


@pytest.mark.parametrize(
    "text",
    [
        "logs a:b --since 30m --grep 'loss is' --limit 7",
        "LOGS a:b --SINCE 30m --Grep 'loss is' --limit 7",
        "Logs a:b —since 30m –grep “loss is” —limit 7  ",
        "logs a:b -—since 30min --grep ‘loss is’ --limit 7",
        "logs a:b -since 30m -grep „loss is“ -limit=7",
        "logs\u00a0a:b --since=30m\n--grep=“loss is“ --limit 7",
        "log a:b --since '30 minutes' -g \"loss is\" --limit 7",
    ],
)
def test_typographic_quotes_and_dashes_are_read_as_plain_ones(text: str) -> None:
    expected = LogsCommand("a:b", Window(timedelta(minutes=30)), LogFilter(grep="loss is"), limit=7)
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://app.baseten.co/training/p/logs/j", "https://app.baseten.co/training/p/logs/j"),
        ("app.baseten.co/training/p", "https://app.baseten.co/training/p"),
        ("baseten:p/j", "baseten:p/j"),
    ],
)
def test_job_can_be_named_by_its_page(typed: str, expected: str) -> None:
    assert StatusCommand(expected) == parse(f"status {typed}")


def test_backslashes_and_apostrophes_are_kept() -> None:
    command = parse(r"""logs a:b --grep \d+\.\d+\s --include can't --include "a \"b\" \n" --exclude 'C:\\'""")
    assert isinstance(command, LogsCommand)
    assert r"\d+\.\d+\s" == command.filter.grep
    assert ("can't", r'a "b" \n') == command.filter.includes
    assert ("C:\\",) == command.filter.excludes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logz a:b", "Unknown subcommand `logz`. Did you mean `log`?"),
        ("statsu a:b", "Did you mean `status`?"),
        ("frobnicate", "Subcommands: logs, metrics,"),
        ("baseten:p/j", "What should I do with `baseten:p/j`? Try `status baseten:p/j`"),
        ("llama-70b-sft", "What should I do with `llama-70b-sft`? Try `status llama-70b-sft`"),
        ("h8gpu42", "What should I do with `h8gpu42`?"),
        ("serve", "`serve` works only on the command line."),
        ("logs", "Which job? Give its ID, name or dashboard URL."),
        ("logs a:b c d", "Unexpected argument `c`."),
        ("logs a:b --grep loss is", "Put text with spaces in quotes."),
        ("logs a:b --sinse 3h", "Unknown option `--sinse` for `logs`. Did you mean `--since`?"),
        ("logs a:b --until 2026-01-01", "Did you mean `--end`?"),
        ("logs a:b --json", "`--json` works only on the command line."),
        ("metrics a:b --colour x", "Unknown option `--colour` for `metrics`. Options: --since,"),
        ("logs a:b --since", "`--since` needs a value. Look back this far"),
        ("logs a:b --grep --all", '`--grep="--all"`'),
        ('logs a:b --grep ""', "needs a value that is not empty"),
        ("logs a:b --all=yes", "`--all` takes no value."),
        ("logs a:b --limit 5 --limit 6", "`--limit` is given twice"),
        ("logs a:b --since 30", "`--since 30` needs a unit: 30m or 30h?"),
        ("logs a:b --since soon", "Can't read the time `soon` for `--since`. Use 30m, 03:00, yesterday"),
        ("logs a:b loss", "Unexpected argument `loss`. For text search, use `--include loss`."),
        ("logs a:b --since 11/12", "`--since 11/12` could be two dates. Write the year, month and day"),
        ("logs a:b --since 2400-01-01", "`2400-01-01` for `--since` is not between 1970 and 2262."),
        ("logs a:b --start 2026-13-01", "Can't read the time `2026-13-01` for `--start`."),
        ("logs a:b --start 2026-03-02 --end 2026-03-01", "`--start` must be before `--end`."),
        ("logs a:b --level loud", "Invalid level `loud`. Use debug,"),
        ("logs a:b --limit 0", "Invalid number `0` for `--limit`. Use a whole number from 1"),
        ("logs a:b --limit ٣", "whole number from 1"),
        ("logs a:b --limit 1000000000000000000000000000000", "whole number from 1 to 100,000,000."),
        ("jobs --limit 10001", "whole number from 1 to 10,000."),
        ("logs a:b --rank x", "Invalid rank `x`. Use whole numbers"),
        ("logs a:b --rank 3-1", "Invalid range of ranks `3-1`."),
        ("logs a:b --rank 0-9999999", "`--rank` accepts at most 10,000 ranks."),
        ("logs a:b --rank 12345678", "Invalid rank `12345678`."),
        ("logs a:b --since 99999999h", "`--since 99999999h` is too long. The maximum is 50,000d."),
        ("metrics a:b --since PT99999999H", "is too long. The maximum is 50,000d."),
        ("diagnose a:b --since 3000000d", "is too long. The maximum is 50,000d."),
        (f"rules test a:b --since {10**30}w", "is too long. The maximum is 50,000d."),
        ("logs a:b --end 99999999h", "`99999999h` for `--end` is not between 1970 and 2262."),
        (f"logs a:b --around {10**30}", "is not between 1970 and 2262."),
        ("logs a:b --since 0001-01-01", "is not between 1970 and 2262."),
        ("logs a:b --end 9999-12-31T23:59:59Z", "is not between 1970 and 2262."),
        ("logs a:b --since 1h --start 2026-01-01", "Use either `--since` or `--start`, not both."),
        ("logs a:b --tail 5 --all", "Use either `--tail` or `--all`, not both."),
        ("logs a:b --asc --desc", "Use either `--asc` or `--desc`, not both."),
        ('logs a:b --grep "loss', "Unclosed quote before `loss`. Add a closing"),
        ("unwatch", "Which job? Give its ID, name or dashboard URL. `jobs` lists them."),
        ("unwatch a:b --all", "Name one job to unwatch, or use `--all`."),
        ("silence", "Name one duration such as 30m"),
        ("silence 30", "`30` needs a unit: 30m or 30h?"),
        ("silence llama", "Name one duration such as 30m"),
        ("silence 30x", "Invalid duration `30x`."),
        ("silence 30 a:b", "`30` needs a unit: 30m or 30h?"),
        ("silence 99999999h a:b", "Duration `99999999h` is too long. The maximum is 365d."),
        ("silence P400D", "Duration `P400D` is too long. The maximum is 365d."),
        ("notify reminders 366d", "The maximum is 365d."),
        ("silence end 12345678901", "Name one silence by its number"),
        ("silence end", "Name one silence by its number: `silence end ID`."),
        ("silence 1h --severity loud", "Invalid severity `loud`. Use page, warn or info."),
        ("unmute", "Name one silence by its number: `silence end ID`."),
        ("jobs runing", "Unknown platform or state `runing`. Did you mean `running`?"),
        ("jobs baseten fireworks", "Unexpected argument `fireworks`. Use one platform and one state."),
        ("jobs running failed", "Unexpected argument `failed`."),
        ("list a:b", "Unexpected argument `a:b`."),
    ],
)
def test_invalid_text_is_explained(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert expected in caught.value.public


@pytest.mark.parametrize(
    ("typed", "ranks"),
    [
        ("--rank 0-3", (0, 1, 2, 3)),
        ("--rank 0,4-7", (0, 4, 5, 6, 7)),
        ("--rank 8 --rank 2..3", (8, 2, 3)),
        ("--rank 1\u20133,2", (1, 2, 3)),
    ],
)
def test_ranges_of_ranks_are_read(typed: str, ranks: tuple[int, ...]) -> None:
    command = parse(f"logs a:b {typed}")
    assert isinstance(command, LogsCommand)
    assert command.filter.ranks == ranks


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["unwatch", "a:b"], "`unwatch` works only in Slack."),
        (["logs", "a:b", "--public"], "`--public` works only in Slack."),
        (["db"], "trainwatch db upgrade"),
        (["db", "downgrade"], "trainwatch db upgrade"),
        (["serve", "--port", "1"], "Unknown option `--port` for `serve`. Options: none."),
        (["logs", "a:b", "-f", "--end", "2026-01-01"], "Following has no end."),
        (["logs", "a:b", "-f", "-o", "x"], "redirect them: `> file`"),
    ],
)
def test_invalid_shell_arguments_are_explained(argv: list[str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_argv(argv)
    assert expected in caught.value.public


IN_THREAD = InputContext(job="mem:run/1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logs --tail 5", LogsCommand("mem:run/1", limit=5)),
        ("status", StatusCommand("mem:run/1")),
        ("status a:b", StatusCommand("a:b")),
        ("watch log_errors=off", WatchCommand("mem:run/1", ("log_errors=off",))),
        ("watch a:b log_errors=off", WatchCommand("a:b", ("log_errors=off",))),
        ("rules test log_errors=off", ReplayCommand("mem:run/1", settings=("log_errors=off",))),
        ("silence 2 hours", SilenceCommand(timedelta(hours=2), "mem:run/1")),
        ("unwatch", UnwatchCommand("mem:run/1")),
        ("unwatch --all", UnwatchCommand(None)),
    ],
)
def test_a_command_without_a_job_takes_that_of_the_thread(text: str, expected: object) -> None:
    assert expected == parse(text, IN_THREAD)


@pytest.mark.parametrize("typed", ["`a:b`", "a:b,", "<https://mem.example/run/1|run 1>", "*a:b*"])
def test_marks_around_a_reference_are_ignored(typed: str) -> None:
    command = parse(f'status "{typed}"')
    assert isinstance(command, StatusCommand)
    assert command.ref in ("a:b", "https://mem.example/run/1")


def test_usage_error_has_the_usage_line_of_its_subcommand() -> None:
    with pytest.raises(UsageError) as caught:
        parse("logs a:b --since never")
    assert caught.value.usage == "/train logs REF [OPTIONS]"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("loss (nan", "at character 6, `(nan`: unclosed `(`"),
        ("a**", "two repetitions in a row"),
        ("*a", "at character 1, `*a`"),
        ("(?<=a)b", "no look-behind"),
        ("x(?!y)", "at character 2, `(?!y)`: RE2 has no negative look-ahead"),
        (r"(a)\1", r"at character 4, `\1`: RE2 has no backreferences"),
        ("x{2000}", "at character 2, `{2000}`: the repetition is too large"),
        ("((x{100}){100}){100}", "the repetition is too large"),
        (r"(\pL|\d){200}", "the pattern is too large"),
        ("[z-a]", "the range is reversed"),
        ("[abc", "unclosed `[`"),
        ("x" * 1001, "1,001 characters. Use at most 1,000."),
        ("(" * 900, "unclosed `(`"),
    ],
)
def test_invalid_pattern_is_explained_with_its_position(pattern: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"logs a:b --grep '{pattern}'")
    assert expected in caught.value.public


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("--around 2026-03-13 --tail 5", "Use either `--around` or `--tail`, not both."),
        ("--around 2026-03-13 --since 5m", "Use either `--around` or `--since`, not both."),
        ("--skip 5", "`--skip` needs `--before TIME` or `--after TIME`."),
        ("-C 5", "`--context` needs `--around TIME`."),
        ("--around 2026-03-13 -C 9999", "`--context` is at most 2,000."),
    ],
)
def test_around_does_not_combine_with_other_choices_of_lines(options: str, error: str) -> None:
    with pytest.raises(UsageError, match=re.escape(error)):
        parse(f"logs a:b {options}")


def test_around_command_survives_formatting() -> None:
    for options in (
        "--before 2026-03-13 --skip 7",
        "--around 2026-03-13",
        "--around 2026-03-13T10:00:00.123456789Z -C 7 --rank 3",
    ):
        command = parse(f"logs a:b {options}")
        assert isinstance(command, LogsCommand)
        assert command == parse(format_command(command))
