"""A routine goes on after a failure if its process writes lines like those before."""

from __future__ import annotations

import pytest

from bot.diagnosis.failures.life_signs import LifeKind, LifeSign
from bot.diagnosis.failures.routine import Aftermath, Routine
from bot.diagnosis.failures.windows import UnreadLines
from bot.diagnosis.reading.prefixes import LineSource
from bot.diagnosis.reading.sourced_lines import SourcedLine, read_sourced_lines

OWN = LineSource("worker-1")
BEFORE = ["picked shard 3/9: s-0003.tar", "wrote 812 rows in 1.2 s", "picked shard 4/9: s-0004.tar"]


def read_after(*texts: str, source: LineSource = OWN) -> Aftermath:
    routine = Routine()
    routine.learn([SourcedLine(OWN, text) for text in BEFORE], OWN)
    return routine.read_after([SourcedLine(source, text) for text in texts])


def test_lines_of_the_same_shapes_are_the_routine() -> None:
    after = read_after("picked shard 6/9: s-0006.tar", "wrote 801 rows in 1.4 s", "picked shard 7/9: s-0007.tar")

    assert (after.lines, after.shapes, after.counts) == (3, 2, 2)
    assert after.is_certain
    assert after.resumes_routine(is_caught=False)


@pytest.mark.parametrize(
    "texts",
    [
        ("uploading 3 logs to s3", "removing temporary files", "wrote exit report"),
        ("picked shard 5/9: s-0005.tar",),
        ("waiting for worker 3", "waiting for worker 3", "waiting for worker 3"),
    ],
)
def test_other_lines_are_not(texts: tuple[str, ...]) -> None:
    after = read_after(*texts)

    assert not after.is_certain
    assert not after.resumes_routine(is_caught=False)


def test_lines_of_another_process_do_not_count() -> None:
    after = read_after("picked shard 6/9: s-0006.tar", "picked shard 7/9: s-0007.tar", source=LineSource("worker-2"))

    assert (after.lines, after.counts) == (0, 0)


def test_one_line_suffices_after_a_failure_that_the_program_reported() -> None:
    assert read_after("wrote 801 rows in 1.4 s").resumes_routine(is_caught=True)


def test_routine_after_a_failed_part_clears_it_but_not_the_end_of_the_whole() -> None:
    assert read_after("job failed", "picked shard 6/9: a.tar", "picked shard 7/9: b.tar").is_certain
    assert not read_after("picked shard 6/9: a.tar", "picked shard 7/9: b.tar", "pipeline aborted").is_certain
    assert not read_after("pipeline aborted", "8 of 9 shards converted").is_certain


def test_routine_that_is_read_later_is_the_same() -> None:
    at_once, later = Routine(), Routine()
    window = b"".join(text.encode() + b"\n" for text in BEFORE)
    at_once.learn(read_sourced_lines(window, ()), LineSource(), ["ValueError: bad shard"])
    later.learn_later(UnreadLines(window.decode("latin-1"), []), LineSource(), ["ValueError: bad shard"])

    assert later.learned() == at_once


def test_answer_like_one_before_the_failure_is_recognised_without_reading_the_others() -> None:
    routine = Routine()
    window = 'INFO:     10.2.0.9:40114 - "POST /score HTTP/1.1" 200 OK\n' * 20
    routine.learn_later(UnreadLines(window, []), LineSource(), [])
    answer = read_sourced_lines(b'INFO:     10.2.0.7:51002 - "POST /score HTTP/1.1" 200 OK\n', ())[0]
    other = read_sourced_lines(b'[gateway] 10.2.0.7 "GET /jobs HTTP/1.1" 200\n', ())[0]

    assert routine.is_own_sign(LifeSign(LifeKind.ANSWERED), answer, is_server=True)
    assert not routine.is_own_sign(LifeSign(LifeKind.ANSWERED), other, is_server=True)
    assert routine.unread is not None


def test_window_is_split_into_lines_with_their_processes() -> None:
    lines = read_sourced_lines(b"ed line\n[rank3]: one\ra\n\ntwo\n", [(1, None), (None, "pod-b")])

    assert [(line.source.rank, line.source.name, line.text) for line in lines] == [
        (None, "", "ed line"),
        (3, "", "one"),
        (None, "", "a"),
        (1, "rank 1", "two"),
    ]
