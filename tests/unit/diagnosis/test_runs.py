"""Generated runs: healthy ones have only notes, failures in the others are detected in time."""

import random

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.runs import SECOND, STYLES, diverging, healthy, heartbeats, timed

MINUTE = 60 * SECOND
SEEDS = range(50)


def pages(diagnosis: Diagnosis) -> list[Failure]:
    return [failure for failure in diagnosis.failures if failure.severity == "page"]


@pytest.mark.parametrize("style", STYLES)
def test_healthy_run_has_only_notes(scanner: PageScanner, style: str) -> None:
    for seed in range(3):
        diagnoser = Diagnoser(scanner)
        diagnoser.feed_page("\n".join(healthy(style, 1500, seed)).encode())
        diagnosis = diagnoser.report()

        assert [failure for failure in diagnosis.failures if failure.severity != "info"] == []
        assert diagnosis.progress.lines > 1000


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_healthy_run_of_million_lines_has_no_page(scanner: PageScanner, style: str) -> None:
    diagnoser = Diagnoser(scanner)
    chunk: list[str] = []
    for line in healthy(style, 1_000_000, seed=len(style)):
        chunk.append(line)
        if len(chunk) == 20_000:
            diagnoser.feed_page(("\n".join(chunk) + "\n").encode())
            chunk.clear()

    assert pages(diagnoser.report()) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_hang_is_detected_between_five_and_ten_minutes(scanner: PageScanner, seed: int) -> None:
    rng = random.Random(seed)
    style = sorted(STYLES)[seed % len(STYLES)]
    diagnoser = Diagnoser(scanner)
    last_ns = 0
    for line, now_ns in timed(style, rng.randint(70, 95), rng.choice((0.5, 2.0, 15.0, 60.0)), seed):
        if last_ns and now_ns - last_ns > 30 * SECOND:
            assert pages(diagnoser.report(now_ns)) == [], "a healthy pause is not a hang"
        diagnoser.feed(line, replica="worker-0", timestamp_ns=now_ns)
        last_ns = now_ns
    lines = heartbeats(last_ns, 20) if seed % 2 else iter(())
    found_ns = 0
    for minute in range(1, 21):
        for line, beat_ns in lines:
            diagnoser.feed(line, replica="worker-0", timestamp_ns=beat_ns)
            break
        if found := pages(diagnoser.report(last_ns + minute * MINUTE)):
            assert [failure.category for failure in found] == ["hang"]
            found_ns = minute * MINUTE
            break

    assert 5 * MINUTE <= found_ns <= 10 * MINUTE


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_loss_is_detected(scanner: PageScanner, seed: int) -> None:
    style = sorted(STYLES)[seed % len(STYLES)]
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(diverging(style, seed)).encode())

    assert [failure.category for failure in pages(diagnoser.report())] == ["numerics"]


def test_job_that_is_not_running_does_not_hang(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    now_ns = 0
    for line, now_ns in timed("plain", 40, 2.0, 1):
        diagnoser.feed(line, timestamp_ns=now_ns)

    assert pages(diagnoser.report(now_ns + 60 * MINUTE, running=False)) == []
    assert len(pages(diagnoser.report(now_ns + 60 * MINUTE, running=True))) == 1


def test_evaluation_has_longer_timeout_than_step(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    now_ns = 0
    for line, now_ns in timed("plain", 40, 2.0, 1):
        diagnoser.feed(line, timestamp_ns=now_ns)
    diagnoser.feed("Running evaluation on 120000 samples", timestamp_ns=now_ns + SECOND)

    assert pages(diagnoser.report(now_ns + 15 * MINUTE)) == []
    assert len(pages(diagnoser.report(now_ns + 45 * MINUTE))) == 1


def test_completed_run_does_not_hang(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    now_ns = 0
    for line, now_ns in timed("plain", 40, 2.0, 1):
        diagnoser.feed(line, timestamp_ns=now_ns)
    diagnoser.feed("Training completed. Do not forget to share your model", timestamp_ns=now_ns)

    diagnosis = diagnoser.report(now_ns + 60 * MINUTE)
    assert (pages(diagnosis), diagnosis.progress.finished) == ([], True)


def test_repeated_step_is_not_progress(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    now_ns = 0
    for line, now_ns in timed("plain", 40, 2.0, 1):
        diagnoser.feed(line, timestamp_ns=now_ns)
    for minute in range(1, 12):
        diagnoser.feed("status: still at step 40, waiting", timestamp_ns=now_ns + minute * MINUTE)

    assert [failure.signature for failure in pages(diagnoser.report(now_ns + 11 * MINUTE))] == ["no_progress"]


def test_lasting_fall_of_throughput_is_a_warning(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    for step in range(200):
        diagnoser.feed(f"step {step} loss {3 - step / 1000} tok/s {9000 if step < 100 else 3000}")

    assert [(i.severity, i.signature) for i in diagnoser.report().failures] == [("warn", "throughput_drop")]


def test_plateau_is_reported_only_on_request(scanner: PageScanner) -> None:
    log = "\n".join(f"step {step} loss {2.0 if step > 50 else 3 - step / 50}" for step in range(600)).encode()
    quiet, asked = Diagnoser(scanner), Diagnoser(scanner, plateau=True)
    quiet.feed_page(log)
    asked.feed_page(log)

    assert quiet.report().failures == ()
    assert [(i.severity, i.signature) for i in asked.report().failures] == [("info", "plateau")]
