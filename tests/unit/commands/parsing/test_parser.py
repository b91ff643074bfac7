# ruff: noqa: RUF001 - typographic quotes and dashes are the point
"""What can be typed, and what is said when it cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.jobs import JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.shell import CheckCommand, ServeCommand, UpgradeCommand, VersionCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)
from bot.commands.subcommands.window import Window
from bot.domain.alerts import Severity
from bot.domain.durations import ns_from_datetime
from bot.domain.logs import Level, LogFilter, Order
from bot.errors import UsageError

HOUR = timedelta(hours=1)
TEN = ns_from_datetime(datetime(2026, 3, 13, 10, tzinfo=UTC))


def test_each_filter_of_the_log_query_is_read() -> None:
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


def test_without_options_the_newest_hundred_lines_are_shown_oldest_first() -> None:
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
def test_how_many_lines_and_from_which_end(text: str, limit: int | None, take: Order, show: Order) -> None:
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
def test_each_subcommand_is_read(text: str, expected: object) -> None:
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
        (["watch", "a:b"], WatchCommand("a:b")),
    ],
)  # fmt: skip
def test_a_shell_types_the_same_words(argv: list[str], expected: object) -> None:
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
def test_phones_and_slack_may_change_what_was_typed(text: str) -> None:
    expected = LogsCommand("a:b", Window(timedelta(minutes=30)), LogFilter(grep="loss is"), limit=7)
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("<https://app.baseten.co/training/p/logs/j|app.baseten.co/…>", "https://app.baseten.co/training/p/logs/j"),
        ("<https://app.baseten.co/training/p?a=1&amp;b=2>", "https://app.baseten.co/training/p?a=1&b=2"),
        ("<http://app.baseten.co/training/p|app.baseten.co/training/p>", "https://app.baseten.co/training/p"),
        ("app.baseten.co/training/p", "https://app.baseten.co/training/p"),
        ("baseten:p/j", "baseten:p/j"),
    ],
)
def test_a_job_may_be_named_by_its_page(typed: str, expected: str) -> None:
    assert StatusCommand(expected) == parse(f"status {typed}")


def test_what_slack_escaped_and_linked_is_searched_as_typed() -> None:
    command = parse(
        "logs a:b --include &lt;eos&gt; --include a&amp;&amp;b --include <http://pool.ntp.org|pool.ntp.org>"
    )
    assert isinstance(command, LogsCommand)
    assert ("<eos>", "a&&b", "pool.ntp.org") == command.filter.includes


def test_backslashes_and_apostrophes_are_letters() -> None:
    command = parse(r"""logs a:b --grep \d+\.\d+\s --include can't --include "a \"b\" \n" --exclude 'C:\\'""")
    assert isinstance(command, LogsCommand)
    assert r"\d+\.\d+\s" == command.filter.grep
    assert ("can't", r'a "b" \n') == command.filter.includes
    assert ("C:\\",) == command.filter.excludes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logz a:b", "did you mean `log`?"),
        ("statsu a:b", "did you mean `status`?"),
        ("frobnicate", "there are logs, metrics,"),
        ("baseten:p/j", "Say first what you want: `status baseten:p/j`"),
        ("serve", "`serve` works only on the command line."),
        ("logs", "Which job?"),
        ("logs a:b c d", "`c` is one word too many."),
        ("logs a:b --grep loss is", "Text with spaces needs quotes."),
        ("logs a:b --sinse 3h", "did you mean `--since`?"),
        ("logs a:b --until 2026-01-01", "did you mean `--end`?"),
        ("logs a:b --json", "`--json` works only on the command line."),
        ("metrics a:b --grep x", "`metrics` has no option `--grep`; it knows --since,"),
        ("logs a:b --since", "`--since` needs a value behind it"),
        ("logs a:b --grep --all", '`--grep="--all"`'),
        ('logs a:b --grep ""', "needs a value that is not empty"),
        ("logs a:b --all=yes", "`--all` is a switch"),
        ("logs a:b --limit 5 --limit 6", "`--limit` is given twice"),
        ("logs a:b --since 30", "30 of what? Write 30m or 30h."),
        ("logs a:b --since soon", "write 90s, 30m, 2h or 3d"),
        ("logs a:b --start 2h", "for a span back from now use --since"),
        ("logs a:b --start 2026-13-01", "is no time"),
        ("logs a:b --start 2026-03-02 --end 2026-03-01", "ends before it begins"),
        ("logs a:b --level loud", "the levels are debug,"),
        ("logs a:b --limit 0", "whole number from 1"),
        ("logs a:b --limit ٣", "whole number from 1"),
        ("logs a:b --rank x", "a rank is a number"),
        ("logs a:b --since 1h --start 2026-01-01", "`--since` and `--start` do not go together"),
        ("logs a:b --tail 5 --all", "`--tail` and `--all` do not go together"),
        ("logs a:b --asc --desc", "`--asc` and `--desc` do not go together"),
        ('logs a:b --grep "loss', "is never closed"),
        ("unwatch", "Name one job to unwatch, or `--all`."),
        ("unwatch a:b --all", "Name one job to unwatch, or `--all`."),
        ("silence", "For how long?"),
        ("silence 30", "30 of what?"),
        ("silence end", "Which silence ends?"),
        ("silence 1h --severity loud", "it is page, warn or info"),
        ("help lgos", "did you mean `logs`?"),
        ("help xyz", "There is no subcommand `xyz`; there are logs, metrics, status"),
        ("unmute", "Which silence ends?"),
        ("list a:b", "`a:b` is one word too many."),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in caught.value.public


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["unwatch", "a:b"], "`unwatch` works only in Slack."),
        (["logs", "a:b", "--public"], "`--public` works only in Slack."),
        (["db"], "trainwatch db upgrade"),
        (["db", "downgrade"], "trainwatch db upgrade"),
        (["serve", "--port", "1"], "`serve` has no option `--port`"),
        (["logs", "a:b", "-f", "--end", "2026-01-01"], "following has no end"),
        (["logs", "a:b", "-f", "-o", "x"], "redirect it"),
    ],
)
def test_what_a_shell_cannot_do_is_explained(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_argv(argv)
    assert said in caught.value.public


def test_a_usage_error_carries_the_usage_line_of_its_subcommand() -> None:
    with pytest.raises(UsageError) as caught:
        parse("logs a:b --since never")
    assert caught.value.usage == "/train logs REF [OPTIONS]"


@pytest.mark.parametrize(
    ("pattern", "said"),
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
def test_invalid_pattern_is_explained_with_its_position(pattern: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"logs a:b --grep '{pattern}'")
    assert said in caught.value.public
