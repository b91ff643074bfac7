"""The time per step follows from the times of the current attempt's steps, or from what a line states."""

from __future__ import annotations

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.training.step_pace import stated_step_s
from bot.domain.progress import RunProgress

SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND

STATED: list[tuple[str, float | None]] = [
    (" 6%|▌    | 2926/50000 [3:15:04<52:18:22,  4.00s/it]", 4.0),
    (" 6%|▌    | 2926/50000 [3:15:04<52:18:22,  2.00it/s, loss=2.1]", 0.5),
    ("12/100 ━━━━ 1s 12ms/step - loss: 0.6", 0.012),
    (" iteration 7/ 15 | elapsed time per iteration (ms): 18706.1 | lm loss: 6.4E+00", 18.7061),
    ("iter 250: loss 2.45, time 120.50ms, mfu 31.25%", 0.1205),
    ("step:29/5100 train_loss:7.2 train_time:2527ms step_avg:132.98ms", 0.13298),
    ("completed step: 3, seconds: 3.201, TFLOP/s/device: 151.2, loss: 9.1", 3.201),
    ("iteration 29/999 | train_step_timing in s: 1.25 | reduced_train_loss: 5.5", 1.25),
    ("Epoch(train) [1][50/70] eta: 2:46:39  time: 0.2912  data_time: 0.0101  loss: 1.2", 0.2912),
    ("step 7 | loss 2.5 | dt 120.1ms | tok/s 431000", 0.1201),
    ("epoch 001: 100 / 2184 loss=5.1, ups=4, num_updates=100", 0.25),
    ("step 7 loss 2.5 total time 3600 s", None),
    ("step 7 loss 2.5 eta 0:04:38", None),
    ("step 7 loss 2.5", None),
    (" 0%|  | 0/500 [00:00<?, ?it/s]", None),
    ("1.2.3s/it", None),
]


@pytest.mark.parametrize(("line", "seconds"), STATED)
def test_a_line_states_its_time_per_step(line: str, seconds: float | None) -> None:
    assert stated_step_s(line) == (None if seconds is None else pytest.approx(seconds))


def diagnose(scanner: PageScanner, timed: list[tuple[str, float]]) -> RunProgress:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_many([(text, None, "w-0", START_NS + int(at * SECOND)) for text, at in timed])
    return diagnoser.report(running=False).progress


def test_evaluations_and_checkpoints_do_not_slow_the_pace(scanner: PageScanner) -> None:
    timed, now = list[tuple[str, float]](), 0.0
    for step in range(1, 400):
        timed.append((f"step {step}/5000 loss 2.5", now))
        now += 4.0 + (300.0 if step % 20 == 0 else 0.0)

    assert diagnose(scanner, timed).step_s == pytest.approx(4.0)


@pytest.mark.parametrize("gap_s", [0.002, 0.3, 4.0, 900.0])
def test_pace_of_pairs_of_lines_is_that_of_the_steps(scanner: PageScanner, gap_s: float) -> None:
    timed = list[tuple[str, float]]()
    for step in range(1, 3000):
        timed.append((f"{{'loss': 2.5, 'grad_norm': 1.0, 'epoch': {step / 18:.1f}}}", step * gap_s))
        timed.append((f"  1%|    | {step}/50000 [00:30<16:10,  9.99s/it]", step * gap_s + 0.001))

    progress = diagnose(scanner, timed)
    assert progress.step == 2999
    assert progress.step_s == pytest.approx(gap_s, rel=0.02)


def test_times_in_whole_seconds_give_a_pace_below_one_second(scanner: PageScanner) -> None:
    timed = [(f"step {step} loss 2.5", float(int(step * 0.3))) for step in range(1, 200)]

    assert diagnose(scanner, timed).step_s == pytest.approx(0.3, rel=0.1)


def test_pace_after_a_restart_is_that_of_the_new_attempt(scanner: PageScanner) -> None:
    before = [(f"step {step}/5000 loss 2.5", step * 4.0) for step in range(1, 300)]
    after = [(f"step {step}/5000 loss 2.5", 9000 + (step - 250) * 8.0) for step in range(250, 270)]

    progress = diagnose(scanner, before + after)
    assert progress.step == 269
    assert progress.step_s == pytest.approx(8.0)


def test_late_ranks_do_not_look_like_a_restart(scanner: PageScanner) -> None:
    timed = [
        (f"[rank{rank}]: step {step} loss 2.5", step * 4.0 + rank * 1.5) for step in range(1, 90) for rank in range(4)
    ]
    timed.sort(key=lambda one: one[1])

    assert diagnose(scanner, timed).step_s == pytest.approx(4.0, rel=0.1)


def test_nan_of_an_earlier_attempt_is_not_the_current_loss(scanner: PageScanner) -> None:
    lost = [
        (f"{{'loss': nan, 'epoch': 1.0}}\n  1%| | {step}/500 [00:30<16:10,  4.00s/it]", step) for step in range(90, 99)
    ]
    bars = [(f"  1%| | {step}/500 [00:30<16:10,  4.00s/it]", 900.0 + step) for step in range(50, 60)]

    progress = diagnose(scanner, [(text, float(at)) for text, at in lost] + bars)
    assert (progress.step, progress.loss) == (59, None)


def test_another_run_in_the_same_log_has_its_own_total(scanner: PageScanner) -> None:
    first = [(f"{{'loss': 2.5}}\n  1%| | {step}/50000 [00:30<16:10,  4.00s/it]", step * 4.0) for step in range(1, 50)]
    loading = [(f"Loading checkpoint shards: 50%|█ | {n}/4 [00:01<00:01,  1.2s/it]", 500.0 + n) for n in range(1, 5)]
    second = [(f"  1%| | {step}/60000 [00:30<16:10,  4.00s/it]", 600 + step * 4.0) for step in range(1, 4)]

    progress = diagnose(scanner, first + loading + second)
    assert (progress.step, progress.total_steps) == (3, 60_000)
