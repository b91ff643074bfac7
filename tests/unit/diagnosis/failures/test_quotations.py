"""Failures in model output are not failures of the run."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner

STEPS = [f"step {n} loss {3 - n / 100:.2f}" for n in range(1, 20)]
QUOTED = {
    "a completion": ["Completion: You see this because", "CUDA out of memory. Tried to allocate 2.00 GiB."],
    "a sample": ["--- sample generation ---", "RuntimeError: CUDA error: an illegal memory access was encountered"],
    "an answer with a traceback": [
        "[eval] response:",
        "```",
        "Traceback (most recent call last):",
        '  File "app.py", line 1, in <module>',
        "ModuleNotFoundError: No module named 'foo'",
        "```",
    ],
    "a table": [
        "│ prompt         │ completion                │ reward │",
        "│ why segfault?  │ Segmentation fault (core  │  0.1   │",
    ],
}
REAL = {
    "a traceback of installed files": [
        "Completion: hello",
        "Traceback (most recent call last):",
        '  File "/usr/lib/python3/dist-packages/torch/nn/functional.py", line 9, in linear',
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ],
    "a shell's word": ["Completion: hello", "Killed"],
    "a line with a clock": [
        "Completion: hello",
        "2026-01-01 10:00:00 ERROR CUDA out of memory. Tried to allocate 2 GiB",
    ],
    "a line after the next step": [
        "Completion: hello",
        "step 20 loss 2.1",
        "CUDA out of memory. Tried to allocate 2 GiB",
    ],
    "a line far below": ["Completion: hello", *["words"] * 80, "CUDA out of memory. Tried to allocate 2 GiB"],
}


def pages(scanner: PageScanner, lines: list[str]) -> int:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join([*STEPS, *lines]).encode())
    return sum(one.severity != "info" for one in diagnoser.report().failures)


@pytest.mark.parametrize("lines", QUOTED.values(), ids=QUOTED)
def test_failure_in_model_output_is_ignored(scanner: PageScanner, lines: list[str]) -> None:
    assert pages(scanner, lines) == 0


@pytest.mark.parametrize("lines", REAL.values(), ids=REAL)
def test_failure_after_model_output_is_reported(scanner: PageScanner, lines: list[str]) -> None:
    assert pages(scanner, lines) == 1
