"""`trainwatch logs` gives exactly the lines that each system holds, whatever its oddities."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from msgspec import structs

from emulator.quirks import BasetenQuirks, FireworksQuirks, RivergenQuirks
from tests.acceptance.logs import REFERENCES, giant_line, hostile_lines, put
from tests.acceptance.program import ANCHOR_NS, Machine, expected_rows

COUNT = 10_000
BASETEN = {
    "as documented": BasetenQuirks(),
    "both bounds inclusive": BasetenQuirks(end_inclusive=True),
    "both bounds exclusive": BasetenQuirks(start_inclusive=False),
    "only the end inclusive": BasetenQuirks(start_inclusive=False, end_inclusive=True),
    "a silent page cap": BasetenQuirks(page_cap=400),
    "a silent page cap, both bounds exclusive": BasetenQuirks(page_cap=250, start_inclusive=False),
    "only GET": BasetenQuirks(training_methods="get"),
    "only POST, the other not implemented": BasetenQuirks(training_methods="post", refused_status=501),
    "windows of two hours, as an older version had": BasetenQuirks(max_window=timedelta(hours=2)),
    "fields that no document names": BasetenQuirks(extra_fields=True),
}
FIREWORKS = {
    "as documented": FireworksQuirks(),
    "a silent page cap": FireworksQuirks(page_cap=700),
    "tokens that end": FireworksQuirks(page_cap=900, token_lifetime=timedelta(milliseconds=1)),
    "empty pages": FireworksQuirks(page_cap=1500, empty_pages=True),
    "zero values, unknown fields": FireworksQuirks(omit_zero_values=False, extra_fields=True),
}
RIVERGEN = {
    "as documented": RivergenQuirks(),
    "the total counts all levels": RivergenQuirks(total_after_filter=False),
    "unknown fields": RivergenQuirks(extra_fields=True),
}
ODDITIES = [
    *(("baseten", oddity) for oddity in BASETEN),
    *(("baseten-model", oddity) for oddity in BASETEN if "GET" not in oddity and "POST" not in oddity),
    *(("fireworks", oddity) for oddity in FIREWORKS),
    *(("rivergen", oddity) for oddity in RIVERGEN),
]


def strike(machine: Machine, system: str, oddity: str) -> None:
    quirks = machine.on.quirks
    match system:
        case "fireworks":
            quirks.fireworks = FIREWORKS[oddity]
        case "rivergen":
            quirks.rivergen = RIVERGEN[oddity]
        case _:
            quirks.baseten = BASETEN[oddity]


@pytest.mark.parametrize(("system", "oddity"), ODDITIES)
async def test_all_lines_come_exactly_as_they_are_held(machine: Machine, system: str, oddity: str) -> None:
    strike(machine, system, oddity)
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system) == ended.rows


@pytest.mark.parametrize("system", REFERENCES)
async def test_newest_first_is_the_same_log_turned_round(machine: Machine, system: str) -> None:
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--desc", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system)[::-1] == ended.rows


@pytest.mark.parametrize("system", ["baseten", "baseten-model"])
async def test_lines_shuffled_within_a_millisecond_are_all_there_in_order_of_time(
    machine: Machine, system: str
) -> None:
    machine.on.quirks.baseten = BasetenQuirks(shuffle_within_ms=True, page_cap=400)
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    expected = expected_rows(lines, system)
    assert [row["timestamp"] for row in expected] == [row["timestamp"] for row in ended.rows]
    assert Counter(map(str, expected)) == Counter(map(str, ended.rows))


@pytest.mark.parametrize("system", REFERENCES)
async def test_a_real_process_prints_them_too_with_a_line_of_two_megabytes(machine: Machine, system: str) -> None:
    lines = hostile_lines(COUNT, system)
    lines = sorted([*lines, giant_line(system)], key=lambda line: line.timestamp_ns)
    ref = put(machine.world, system, lines)
    ended = await machine.run("logs", ref, "--all", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system) == ended.rows


@pytest.mark.parametrize("system", REFERENCES)
async def test_plain_text_is_time_level_source_and_the_message_as_it_was_logged(machine: Machine, system: str) -> None:
    lines = hostile_lines(2_000, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all")
    plain = [
        f"{row['timestamp'].replace('T', ' ')[:23]}Z {row['level'] or '-':<8} {row['source'] or '-'} {row['message']}\n"
        for row in expected_rows(lines, system)
    ]
    assert (0, "".join(plain)) == (ended.code, ended.text)


@pytest.mark.parametrize("system", ["baseten", "baseten-model"])
async def test_a_millisecond_with_more_lines_than_a_page_is_said_to_be_incomplete(
    machine: Machine, system: str
) -> None:
    machine.on.quirks.baseten = BasetenQuirks(page_cap=60)
    lines = [structs.replace(line, timestamp_ns=ANCHOR_NS + 7) for line in hostile_lines(500, system)]
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    assert not Counter(map(str, ended.rows)) - Counter(map(str, expected_rows(lines, system)))
    assert len(ended.rows) < len(lines)
    assert f"One millisecond of the log fills a whole page: {len(ended.rows)} lines were read" in ended.err
