"""Lines of a healthy run cost only the search of the page filter, which finds none of them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.progress_logs import CHATTER, Style, generate
from tests.unit.diagnosis.rare_progress_logs import ALL_STYLES
from tests.unit.diagnosis.serving_runs import SERVERS

SCANNER = PageScanner(load_catalogue())
LINES = (
    "{'loss': 2.4181, 'grad_norm': 0.211093, 'learning_rate': 1.9e-05, 'epoch': 0.42}",
    " [2026-03-13 10:00:01] iteration      412/ 500000 | consumed samples:       210944 | elapsed time per iteration "
    "(ms): 4140.2 | lm loss: 2.41E+00 | number of skipped iterations: 0 | number of nan iterations: 0 |",
    "Epoch 3:  41%|████      | 412/1000 [00:41<01:09, 8.11it/s, v_num=4, train_loss=2.410]",
    '{"ts": "2026-03-13T10:00:01Z", "level": "info", "msg": "step", "step": 412, "tokens_per_sec": 12044}',
    "iter 412: loss 2.4102, time 212.20ms, mfu 41.25%",
    "[2026-03-13 10:00:01,210] [INFO] [logging.py:96:log_dist] [Rank 0] step=412, skipped=12, lr=[1e-05]",
    "412/1000 [===========>..................] - ETA: 41s - loss: 2.4102 - accuracy: 0.4411",
    "2026-03-13 10:00:01 | INFO | train_inner | epoch 004:  412 / 90000 loss=2.410, ups=1.2, num_updates=412, wall=901",
    "I0313 10:00:01.204211 140213 train.py:211] completed step: 412, seconds: 1.204, TFLOP/s/device: 180.587, "
    "Tokens/s/device: 3021.113, loss: 2.410",
    "[Epoch 12] steps of this epoch took 41.2 s, updates: 4000, iterations: 9, gradients in bfloat16",
    'INFO:     10.0.4.17:41234 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
    "INFO 03-13 10:00:01 [loggers.py:116] Engine 000: Avg prompt throughput: 1204.2 tokens/s, Running: 12 reqs",
    "[2026-03-13 10:00:01] Decode batch. #running-req: 12, #token: 41204, gen throughput (token/s): 1204.21",
    "fold 3/5 completed; jobs: 12 completed, 4 running; 3 of 8 shards completed",
)


@pytest.mark.parametrize("line", LINES)
def test_the_page_filter_skips_a_healthy_line(line: str) -> None:
    assert SCANNER._failure.search(f"{line}\n".encode()) is None


@pytest.mark.parametrize("style", ALL_STYLES)
def test_the_page_filter_skips_most_lines_of_a_healthy_run(style: Style) -> None:
    chatter = {stated.text for stated in CHATTER}
    lines = [stated.text for stated in generate(style, 1000, 3, prepares=False, restarts=False)]
    assert share_found(line for line in lines if line not in chatter) < 0.2


@pytest.mark.parametrize("server", SERVERS)
def test_the_page_filter_skips_most_lines_of_a_healthy_server(server: str) -> None:
    assert share_found(SERVERS[server](number) for number in range(1000)) < 0.02


def share_found(lines: Iterable[str]) -> float:
    found = [SCANNER._failure.search(f"{line}\n".encode()) is not None for line in lines]
    return sum(found) / len(found)


def test_the_page_filter_captures_nothing() -> None:
    """Whatever groups patterns have, also those that a user wrote, and whatever looks like one."""
    own = """[[signature]]
name = "own"
category = "code"
title = "Own"
hint = "Read it."
pattern = '(a|b)'
filter = '(?P<n>zork) \\(x [(\\]] (y|[^])]) (?i:q)'
"""
    found = PageScanner(load_catalogue(own))._failure
    assert getattr(found, "groups", None) == 0
    assert found.search(b"zork (x ( y Q\n") is not None
