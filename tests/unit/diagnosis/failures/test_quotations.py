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
GOES_ON = {
    "a shell's word": ["### sample ###", "Assistant: it prints", "Killed"],
    "an abort": ["INFO:run:Generating text (top_p 0.9):", "Q: why?", "  Fatal Python error: Aborted"],
    "a chat token": ["<|im_start|>user", "Segmentation fault (core dumped)<|im_end|>"],
    "another language": ["生成例:", "回答: dmesg", "Out of memory: Killed process 2211 (python)"],
    "an indented example": ["Erster Datensatz:", "  Bus error (core dumped)"],
    "a traceback": [
        "prompt> It fails with",
        "Traceback (most recent call last):",
        '  File "/opt/app/main.py", line 3, in <module>',
        "torch.OutOfMemoryError: CUDA out of memory.",
    ],
}
REAL = {
    "a line after one of a logger": ["Answer: yes", "INFO:run:evaluating", "CUDA error: an illegal memory access"],
    "a traceback at the end": [
        "Completion: hello",
        "Traceback (most recent call last):",
        '  File "train.py", line 9, in <module>',
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ],
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


@pytest.mark.parametrize("after", ["step 20 loss 2.01", "INFO:run:generation took 3 s"])
@pytest.mark.parametrize("lines", GOES_ON.values(), ids=GOES_ON)
def test_what_looks_like_the_end_is_ignored_once_the_log_goes_on(
    scanner: PageScanner, lines: list[str], after: str
) -> None:
    assert pages(scanner, [*lines, after]) == 0


def test_end_within_model_output_is_reported(scanner: PageScanner) -> None:
    assert pages(scanner, ["### sample ###", "Assistant: it prints", "Killed"]) == 1


def test_report_of_a_launcher_confirms_a_failure_after_model_output(scanner: PageScanner) -> None:
    failed = (
        "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 0 (pid: 7) of binary: a"
    )

    assert pages(scanner, [*REAL["a traceback at the end"], failed]) == 1
