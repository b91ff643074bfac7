"""Pressing Older or Newer in Slack shows every line once, also those that did not fit into a message."""

from __future__ import annotations

import random

import pytest

from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor
from bot.slack.render.logs import render_logs
from tests.fakes.provider import NOW, REF, FakeProvider
from tests.unit.slack.validity import buttons, shown

FIRST_NS = ns_from_datetime(NOW) - 3600 * 10**9


def log_of(seed: int) -> list[LogLine]:
    """Long and short lines; groups with one timestamp, some larger than a message."""
    dice, at_ns, lines = random.Random(seed), FIRST_NS, list[LogLine]()
    while len(lines) < 900:
        at_ns += dice.choice((1, 10**6, 10**9))
        count = dice.choice((1, 1, 1, 5, 250))
        lines += [LogLine(at_ns, f"<{len(lines) + n}>{'x' * dice.choice((3, 90, 600))}") for n in range(count)]
    return lines


async def press(provider: FakeProvider, command: str) -> tuple[list[int], dict[str, str]]:
    """Run a command; return the numbers of the lines that the message shows, and its buttons."""
    parsed = parse(command)
    assert isinstance(parsed, LogsCommand)
    read = read_page if parsed.around_ns is None else read_around
    answer: LogsAnswer = await read(provider, REF, parsed, Redactor(), NOW)
    message = render_logs(answer)
    rows = shown(message).partition("```")[2]
    numbers = [int(part.partition("&gt;")[0]) for part in rows.split("&lt;")[1:] if part[0].isdigit()]
    return numbers, buttons(message)


async def walk(provider: FakeProvider, links: dict[str, str], label: str) -> list[int]:
    """Press a button until it is gone or shows nothing; return all numbers, in the order of the presses."""
    pages: list[list[int]] = []
    while label in links:
        numbers, links = await press(provider, links[label])
        if not numbers:
            break
        pages.append(numbers)
    return [number for page in (pages if label.startswith("Newer") else pages[::-1]) for number in page]


@pytest.mark.parametrize("seed", range(6))
async def test_older_and_newer_from_a_moment_show_every_line_once(seed: int) -> None:
    lines = log_of(seed)
    provider = FakeProvider(lines)
    around_ns = lines[random.Random(seed).randrange(len(lines))].timestamp_ns
    numbers, links = await press(provider, f"logs {REF} --around {format_ns(around_ns)}")
    before = await walk(provider, links, "◀ Older")
    after = await walk(provider, links, "Newer ▶")
    assert [*before, *numbers, *after] == list(range(len(lines)))


@pytest.mark.parametrize("options", ["", "--limit 700", "--asc"])
async def test_paging_from_an_end_shows_every_line_once(options: str) -> None:
    provider = FakeProvider(log_of(7))
    numbers, links = await press(provider, f"logs {REF} {options}")
    if "asc" in options:
        shown_numbers = [*numbers, *await walk(provider, links, "Newer ▶")]
    else:
        shown_numbers = [*await walk(provider, links, "◀ Older"), *numbers]
    assert shown_numbers == list(range(len(provider.lines)))
