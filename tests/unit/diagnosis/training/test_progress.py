# ruff: noqa: E501 - log lines are long
"""Progress lines of common frameworks are parsed without configuration."""

import math

import pytest

from bot.diagnosis.training.progress import Sample, parse_sample

READ: list[tuple[str, dict[str, float]]] = [
    ("{'loss': 2.31, 'grad_norm': 0.4, 'learning_rate': 9.7e-06, 'epoch': 0.53}", {"loss": 2.31, "grad_norm": 0.4, "learning_rate": 9.7e-06, "epoch": 0.53}),
    ("{'loss': '1.2', 'learning_rate': '1e-05', 'epoch': '1.5'}", {"loss": 1.2, "learning_rate": 1e-05, "epoch": 1.5}),
    (" iteration     7000/  159576 | consumed samples: 260912 | elapsed time per iteration (ms): 18706.1 | learning rate: 6.000E-05 | lm loss: 6.444662E+00 | loss scale: 2048.0 | grad norm: 1.265 |", {"step": 7000, "total": 159576, "loss": 6.444662, "grad_norm": 1.265, "learning_rate": 6e-05, "step_s": 18.7061}),
    ("| epoch 001:   1000 / 2184 loss=81.557, nll_loss=0.000, wps=176776, num_updates=997, lr=0.000985, gnorm=1.5, oom=0", {"loss": 81.557, "step": 1000, "total": 2184, "epoch": 1.0, "tokens_per_s": 176776.0, "grad_norm": 1.5}),
    ("123/1000 [==>...........] - ETA: 1s - loss: 0.3210 - accuracy: 0.9", {"step": 123, "total": 1000, "loss": 0.321}),
    ("Epoch 0:   6%|█ | 32040/500150 [6:28:43<94:39:17,  1.37it/s, loss=2.6, v_num=95]", {"step": 32040, "total": 500150, "loss": 2.6, "epoch": 0.0}),
    ("2026-03-13T10:01:22.789Z [INFO] Epoch 12/50 - Loss: 0.6543 - Val_Loss: 0.6121", {"epoch": 12.0, "loss": 0.6543}),
    ("step 100 loss 2.5 tok/s 12000", {"step": 100, "loss": 2.5, "tokens_per_s": 12000.0}),
    ("step:29/5100 train_loss:7.2821 train_time:2527ms step_avg:132.98ms", {"step": 29, "total": 5100, "loss": 7.2821}),
    ("Epoch [1][100/62598]	lr: 1.000e-03, eta: 6 days, loss_ce: 1.2757, loss: 1.9091, grad_norm: 3.9", {"epoch": 1.0, "step": 100, "total": 62598, "loss": 1.9091, "grad_norm": 3.9}),
    ("Epoch: [0][415/1736]	 Loss 0.5844 MAE 0.6568", {"epoch": 0.0, "step": 415, "total": 1736, "loss": 0.5844}),
    ("TRAIN [0][0/484]	Time 0.323 (0.323)	Tok/s 4173 (4173)	Loss/tok 10.7089 (10.7089)	LR 4.000e-05", {"loss": 10.7089, "tokens_per_s": 4173.0, "learning_rate": 4e-05}),
    ("Node[0] Epoch[3] Batch [0-20]	Speed: 126046.63 samples/sec	accuracy=nan", {"samples_per_s": 126046.63, "epoch": 3.0}),
    (':::MLLOG {"key": "tracked_stats", "value": {"throughput": 56262.5}, "metadata": {"step": 17}}', {"samples_per_s": 56262.5, "step": 17}),
    ("=>> [Epoch 000] Global Step 002464 =>> Learning Rate :: 0.000020 - Loss :: 0.0830", {"step": 2464, "loss": 0.083, "learning_rate": 0.00002}),
    ("steps: 100 loss: 8.0512 iter time (s): 0.9 samples/sec: 71.2", {"loss": 8.0512, "samples_per_s": 71.2}),
    ("step 00003 | loss: 3.01 | tok/sec: 24,622 | dt: 5.2ms", {"step": 3, "loss": 3.01, "tokens_per_s": 24622.0}),
    ("step 9 loss 2.1 throughput 1,204,622 tokens/s", {"step": 9, "loss": 2.1, "tokens_per_s": 1204622.0}),
    ("iter 70: loss 1.1, images/sec: 3,004.5", {"step": 70, "samples_per_s": 3004.5}),
    ("[titan] step: 12  loss:  7.6000  memory:  1.41GiB(1.79%)  tps: 19,000", {"step": 12, "loss": 7.6, "tokens_per_s": 19000.0}),
    ("  2%|          | 6/250.5 [3:15:00<133:00:00, 1950.00s/it]", {"step": 6, "total": 250}),
    (" 40%|####      | 100/249.75 [0:15:00<0:22:00,  9.00s/it]", {"step": 100, "total": 249}),
    ("Training: 10%|#  | 12/120.25 [00:12<02:00,  1.00it/s]", {"step": 12, "total": 120}),
    ("[1,    50/ 2562] - train_losses - parent: 5.9900", {"epoch": 1.0, "step": 50, "total": 2562}),
    ("[12, 2000/2562] loss: 0.31", {"epoch": 12.0, "step": 2000, "total": 2562, "loss": 0.31}),
    ('{"step": 40, "loss": 1.25, "tokens_per_second": 900.5}', {"step": 40, "loss": 1.25, "tokens_per_s": 900.5}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), READ, ids=[line[:24] for line, _ in READ])
def test_progress_line_of_framework_is_parsed(line: str, expected: dict[str, float]) -> None:
    sample = parse_sample(line)

    assert sample is not None
    assert {name: getattr(sample, name) for name in expected} == expected


@pytest.mark.parametrize(
    "line",
    [
        "loss: nan",
        "'loss': nan,",
        "loss=NaN",
        "train_loss inf",
        "lm loss: -inf |",
        "Loss = tensor(nan, device='cuda:0')",
    ],
)
def test_nan_or_infinite_loss_is_parsed(line: str) -> None:
    sample = parse_sample(line)

    assert sample is not None
    assert sample.loss is not None
    assert not math.isfinite(sample.loss)


@pytest.mark.parametrize(
    "line",
    [
        "eval_loss: nan",
        "val_loss=nan",
        "validation loss: nan",
        "step_avg:nanms",
        "accuracy=nan",
        "nan_to_num",
        "loss_scale: inf",
        "Val/loss: nan",
        "loss_nan_count: 3",
    ],
)
def test_other_numbers_are_not_parsed_as_loss(line: str) -> None:
    sample = parse_sample(line) or Sample()

    assert sample.loss is None
