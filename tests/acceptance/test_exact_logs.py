"""`trainwatch logs` prints exactly the lines that each platform has, with all its quirks."""

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
    "windows of two hours, as in an older version": BasetenQuirks(max_window=timedelta(hours=2)),
    "undocumented fields": BasetenQuirks(extra_fields=True),
}
FIREWORKS = {
    "as documented": FireworksQuirks(),
    "a silent page cap": FireworksQuirks(page_cap=700),
    "tokens that expire": FireworksQuirks(page_cap=900, token_lifetime=timedelta(milliseconds=1)),
    "empty pages": FireworksQuirks(page_cap=1500, empty_pages=True),
    "zero values, unknown fields": FireworksQuirks(omit_zero_values=False, extra_fields=True),
}
RIVERGEN = {
    "as documented": RivergenQuirks(),
    "the total counts all levels": RivergenQuirks(total_after_filter=False),
    "unknown fields": RivergenQuirks(extra_fields=True),
}
CASES = [
    *(("baseten", quirk) for quirk in BASETEN),
    *(("baseten-model", quirk) for quirk in BASETEN if "GET" not in quirk and "POST" not in quirk),
    *(("fireworks", quirk) for quirk in FIREWORKS),
    *(("rivergen", quirk) for quirk in RIVERGEN),
]


def set_quirks(machine: Machine, system: str, quirk: str) -> None:
    quirks = machine.on.quirks
    match system:
        case "fireworks":
            quirks.fireworks = FIREWORKS[quirk]
        case "rivergen":
            quirks.rivergen = RIVERGEN[quirk]
        case _:
            quirks.baseten = BASETEN[quirk]


@pytest.mark.parametrize(("system", "quirk"), CASES)
async def test_all_lines_are_printed_exactly(machine: Machine, system: str, quirk: str) -> None:
    set_quirks(machine, system, quirk)
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system) == ended.rows


@pytest.mark.parametrize("system", REFERENCES)
async def test_newest_first_prints_the_same_log_reversed(machine: Machine, system: str) -> None:
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--desc", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system)[::-1] == ended.rows


@pytest.mark.parametrize("system", ["baseten", "baseten-model"])
async def test_lines_shuffled_within_a_millisecond_are_printed_in_order_of_time(machine: Machine, system: str) -> None:
    machine.on.quirks.baseten = BasetenQuirks(shuffle_within_ms=True, page_cap=400)
    lines = hostile_lines(COUNT, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    expected = expected_rows(lines, system)
    assert [row["timestamp"] for row in expected] == [row["timestamp"] for row in ended.rows]
    assert Counter(map(str, expected)) == Counter(map(str, ended.rows))


@pytest.mark.parametrize("system", REFERENCES)
async def test_a_real_process_prints_a_line_of_two_megabytes(machine: Machine, system: str) -> None:
    lines = hostile_lines(COUNT, system)
    lines = sorted([*lines, giant_line(system)], key=lambda line: line.timestamp_ns)
    ref = put(machine.world, system, lines)
    ended = await machine.run("logs", ref, "--all", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert expected_rows(lines, system) == ended.rows


@pytest.mark.parametrize("system", REFERENCES)
async def test_plain_text_has_time_level_source_and_the_exact_message(machine: Machine, system: str) -> None:
    lines = hostile_lines(2_000, system)
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all")
    plain = [
        f"{row['timestamp'].replace('T', ' ')[:23]}Z {row['level'] or '-':<8} {row['source'] or '-'} {row['message']}\n"
        for row in expected_rows(lines, system)
    ]
    assert (0, "".join(plain)) == (ended.code, ended.text)


@pytest.mark.parametrize("system", ["baseten", "baseten-model"])
async def test_a_millisecond_with_more_lines_than_a_page_is_reported_as_incomplete(
    machine: Machine, system: str
) -> None:
    machine.on.quirks.baseten = BasetenQuirks(page_cap=60)
    lines = [structs.replace(line, timestamp_ns=ANCHOR_NS + 7) for line in hostile_lines(500, system)]
    ref = put(machine.world, system, lines)
    ended = await machine.call("logs", ref, "--all", "--json")
    assert not Counter(map(str, ended.rows)) - Counter(map(str, expected_rows(lines, system)))
    assert len(ended.rows) < len(lines)
    assert f"One millisecond of the log fills a whole page: {len(ended.rows)} lines were read" in ended.err
