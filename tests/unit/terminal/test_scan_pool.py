"""Files are shared out among processes; many files of one run are sampled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.terminal.log_files import ScannedFile
from bot.terminal.scan_pool import BATCH_BYTES, BATCH_FILES, MIN_BYTES, SizedFile, batches, worth_a_pool


@given(st.lists(st.integers(0, 3 * BATCH_BYTES), max_size=200))
def test_each_file_is_in_one_batch(sizes: list[int]) -> None:
    files = [SizedFile(index, ScannedFile(f"{index}.log"), size) for index, size in enumerate(sizes)]

    found = list(batches(files))

    assert sorted(one.index for batch in found for one in batch) == list(range(len(sizes)))
    for batch in found:
        assert len(batch) <= BATCH_FILES
        assert len(batch) == 1 or sum(one.size for one in batch) <= BATCH_BYTES
    largest = [max(one.size for one in batch) for batch in found]
    assert largest == sorted(largest, reverse=True)


@pytest.mark.parametrize(
    ("sizes", "processes", "expected"),
    [
        ([MIN_BYTES] * 2, 2, True), ([MIN_BYTES] * 2, 1, False), ([MIN_BYTES * 9], 2, False),
        ([MIN_BYTES * 9, 10], 2, False), ([1000] * 64, 2, False), ([MIN_BYTES // 64] * 64, 2, True), ([], 2, False),
    ],
)  # fmt: skip
def test_few_data_are_read_by_one_process(sizes: list[int], processes: int, expected: bool) -> None:
    assert worth_a_pool(sizes, processes) is expected


def test_many_files_of_a_run_are_sampled() -> None:
    page = b"".join(
        b"2026-03-13 10:00:00 INFO step %d loss 2.%d grad_norm 0.1\n" % (n, n % 90 + 10) for n in range(9000)
    )
    scanner = PageScanner(load_catalogue())
    samples, steps = [], []
    for index, files in ((0, 1), (0, 1024), (1023, 1024), (500, 1024)):
        diagnoser = Diagnoser(scanner.for_file(index, files))
        diagnoser.feed_page(page)
        samples.append(diagnoser.dump()["samples"])
        steps.append(diagnoser.report().progress.step)
    whole, first, last, middle = samples
    assert isinstance(whole, int)
    assert isinstance(middle, int)
    assert middle < whole / 3
    assert (first, last, steps) == (whole, whole, [8999] * 4)


def test_survival_of_a_failure_is_seen_in_sampled_files() -> None:
    steps = "".join(f"2026-03-13 10:00:00 INFO step {n} loss 2.5 grad_norm 0.1\n" for n in range(2000))
    error = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    x()\nValueError: bad\n'
    more = "".join(f"2026-03-13 10:00:00 INFO step {n} loss 2.5 grad_norm 0.1\n" for n in range(2000, 2400))
    scanner = PageScanner(load_catalogue())
    for files in (1, 1024):
        diagnoser = Diagnoser(scanner.for_file(files // 2, files))
        diagnoser.feed_page((steps + error + more).encode())
        assert [one.severity.value for one in diagnoser.report().failures] == ["info"]
