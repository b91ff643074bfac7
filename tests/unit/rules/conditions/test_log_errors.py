"""Distinct errors in the evidence: the first and the most frequent, with their counts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.domain.alerts import CountedMessage, Evidence, Finding, Memory
from bot.domain.observations import Observation
from bot.rules.conditions.log_errors import MAX_FINGERPRINTS, error_lines
from tests.unit.rules.observing import MINUTE, REF, START, context, job, line

KV_CACHE = "ERROR engine: KV cache is exhausted (0 free blocks of 13312, {n} requests running)"


def poll(*polls: Sequence[str], memory: Memory | None = None) -> tuple[list[Finding], Memory]:
    """Judge polls a minute apart; the memory goes through JSON as it does in the database."""
    memory = memory or {}
    found = []
    for minute, messages in enumerate(polls):
        lines = tuple(line(text, second=60 * minute + number) for number, text in enumerate(messages))
        observation = Observation(REF, START + minute * MINUTE, job(), lines)
        verdict, memory = error_lines(context("log_errors", observation, memory=memory))
        memory = json.loads(json.dumps(memory))
        assert isinstance(verdict, Finding)
        found.append(verdict)
    return found, memory


def counts(evidence: Evidence) -> list[tuple[str, int]]:
    return [(one.message.partition(" (")[0], one.count) for one in evidence.messages]


def test_summary_names_the_first_and_the_most_frequent_error() -> None:
    burst = [KV_CACHE.format(n=n) for n in range(13)]
    ((_, verdict), _) = poll([*burst[:1], "ERROR slow"], [*burst[1:], *["ERROR 500 Internal Server Error"] * 20])
    evidence = verdict.evidence

    assert evidence.count == 34
    assert counts(evidence) == [
        ("engine: KV cache is exhausted", 13),
        ("500 Internal Server Error", 20),
        ("slow", 1),
    ]
    assert evidence.messages[0].first_at == START
    assert evidence.summary == (
        "34 errors: engine: KV cache is exhausted (0 free blocks of 13312, \u2026 requests running) \u00d713;"
        " 500 Internal Server Error \u00d720; 1 other message"
    )


def test_one_error_is_quoted_without_time_and_level() -> None:
    ((verdict,), _) = poll(["2026-03-13 10:00:00,204 - trainer - ERROR - step 4 failed on rank 3"])

    assert verdict.evidence.summary == "step 4 failed on rank 3"
    assert verdict.evidence.messages == (CountedMessage("step 4 failed on rank 3", 1, START),)


def test_structured_lines_are_distinguished_by_their_message() -> None:
    """Their other fields are alike and come first."""
    fields = {"ts": "2026-03-13T10:00:00Z", "level": "error", "logger": "x" * 200}
    ((verdict,), _) = poll([json.dumps(fields | {"message": text}) for text in ("disk is full", "no route to host")])

    assert counts(verdict.evidence) == [("disk is full", 1), ("no route to host", 1)]


def test_a_traceback_in_one_message_is_named_by_its_exception() -> None:
    ((verdict,), _) = poll(
        ["ERROR step failed\nTraceback (most recent call last):\n  File \"a.py\", line 3\nKeyError: 'x'"]
    )

    assert verdict.evidence.summary == "KeyError: 'x'"


def test_state_stays_small_and_a_late_frequent_error_is_shown() -> None:
    names = [
        f"ERROR {'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyz'[n // 100]} {'y' * 400}" for n in range(600)
    ]
    found, memory = poll(names, ["ERROR disk is full"] * 50, names[:90] * 3, [names[150]] * 40)

    assert counts(found[-1].evidence)[1] == (names[150][6:306][:299] + "…", 41)
    assert found[-1].evidence.count == 600 + 50 + 270 + 40
    assert len(json.dumps(memory)) < 60_000
    assert [one.notify for one in found[1:]] == [False, False, False], f"over {MAX_FINGERPRINTS} messages are not news"


def test_messages_that_an_earlier_version_notified_are_not_news() -> None:
    stored = {"count": 7, "prints": ["ERROR: disk #"], "first_at": START.isoformat(), "at": START.isoformat()}
    found, _ = poll(["ERROR: disk 8"], ["ERROR: disk 9", "ERROR: other"], memory=stored)

    assert [one.notify for one in found] == [False, True]
    assert (found[0].evidence.count, counts(found[0].evidence)) == (8, [("disk 8", 1)])


def test_sources_of_all_errors_are_named() -> None:
    memory: Memory = {}
    for minute, replica in enumerate(("a", "c", "b", "a")):
        lines = (line("ERROR: disk", second=60 * minute, replica=replica),)
        observation = Observation(REF, START + minute * MINUTE, job(), lines)
        verdict, memory = error_lines(context("log_errors", observation, memory=memory))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.facts == (("From", "a, b, c"),)
