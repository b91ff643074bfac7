"""Page boundaries, restarts and reports do not change a diagnosis."""

import json
from itertools import accumulate, cycle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.corpus.labels import OWN_CASES, read_labels

POOL = [log for label in read_labels(OWN_CASES) if len(log := label.path.read_text("utf-8", "replace")) < 20_000]
CHATTER = "".join(f"[rank{n % 4}]: step {n} loss {3 - n / 9000:.4f} tok/s 1{n % 97}00\n" for n in range(4000))

quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
logs = st.lists(st.sampled_from([*POOL, CHATTER]), min_size=1, max_size=4).map("\n".join)


def whole(scanner: PageScanner, page: bytes) -> dict[str, object]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(page)
    return diagnoser.report().to_json()


@quick
@given(
    log=logs,
    cuts=st.lists(st.integers(1, 300) | st.integers(1, 50_000), min_size=1, max_size=8),
    reports=st.integers(5, 90),
)
def test_page_boundaries_do_not_change_result(scanner: PageScanner, log: str, cuts: list[int], reports: int) -> None:
    page = log.encode()
    diagnoser = Diagnoser(scanner)
    position = turn = 0
    while position < len(page):
        size = cuts[turn % len(cuts)]
        diagnoser.feed_page(page[position : position + size])
        position, turn = position + size, turn + 1
        if turn % reports == 0:
            diagnoser.report()

    assert diagnoser.report().to_json() == whole(scanner, page)


@quick
@given(log=logs, share=st.floats(0, 1))
def test_restart_at_any_byte_does_not_change_result(scanner: PageScanner, log: str, share: float) -> None:
    page = log.encode()
    cut = int(len(page) * share)
    first = Diagnoser(scanner)
    first.feed_page(page[:cut])
    first.report()
    second = Diagnoser(scanner)
    second.load(json.loads(json.dumps(first.dump())))
    second.feed_page(page[cut:])

    assert second.report().to_json() == whole(scanner, page)


@quick
@given(
    log=logs,
    share=st.floats(0, 1),
    gaps=st.lists(st.sampled_from([0, 1, 30, 4000]), min_size=1, max_size=6),
    reports=st.integers(5, 90),
)
def test_restart_between_lines_does_not_change_result(
    scanner: PageScanner, log: str, share: float, gaps: list[int], reports: int
) -> None:
    times = accumulate(cycle(gaps))
    lines = [(text, None, f"replica-{n % 3}", next(times) * 1_000_000_000) for n, text in enumerate(log.split("\n"))]
    cut = int(len(lines) * share)
    straight, first, second = Diagnoser(scanner), Diagnoser(scanner), Diagnoser(scanner)
    straight.feed_many(lines)
    first.feed_many(lines[:cut])
    second.load(json.loads(json.dumps(first.dump())))
    for n, line in enumerate(lines[cut:]):
        second.feed_many([line])
        if n % reports == 0:
            second.report()

    assert second.report().to_json() == straight.report().to_json()


@pytest.mark.parametrize("log", POOL[::20])
def test_pages_of_one_line_do_not_change_result(scanner: PageScanner, log: str) -> None:
    page = log.encode()
    diagnoser = Diagnoser(scanner)
    for line in page.splitlines(keepends=True):
        diagnoser.feed_page(line)

    assert diagnoser.report().to_json() == whole(scanner, page)


@pytest.mark.parametrize("log", POOL[::10])
def test_dump_is_small(scanner: PageScanner, log: str) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page((CHATTER + log).encode())

    assert len(json.dumps(diagnoser.dump())) <= 65_536


@quick
@given(noise=st.binary(max_size=3000))
def test_arbitrary_bytes_do_not_crash(scanner: PageScanner, noise: bytes) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(noise + b"\n[rank1]: Traceback (most recent call last):\n" + noise)
    diagnoser.feed(noise.decode("utf-8", "surrogateescape"))

    json.dumps(diagnoser.report().to_json())
