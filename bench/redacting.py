"""Hiding secrets in pages of 1,000 lines, beside decoding the same pages with json."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from typing import TypeVar

from bench.cloud import long_line
from bench.measuring import in_turns
from bench.report import Row, Section
from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor

_Given = TypeVar("_Given")
LINES, REPEATS = 1_000, 10
EVERY = {"without secrets": 0, "with a secret in 2 % of the lines": 50, "with a secret in 20 % of the lines": 5}
SECRETS = (
    "export HF_TOKEN=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",
    "WANDB_API_KEY=0f3a9b2c7d5e8f1a6b4c9d2e7f0a3b8c5d1e6f9a",
    "connecting with password=hunter2-Winter71",
    "Authorization: Bearer eR4tY7uI9oP2aS5dF8gH1jK3lZ6xC0vB",
    "cloning https://builder:s3cr3t-P4ss@git.example.com/train.git",
    "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEYq",
)


def section() -> Section:
    """Lines a second, and the time beside decoding."""
    redactor = Redactor(["a-secret-of-the-process"])
    rows = []
    for name, every in EVERY.items():
        page = _page(every)
        body = json.dumps([line.message for line in page])
        redactor.redact_lines(page)  # compiles the patterns that it needs
        took = in_turns(
            {
                "ours": partial(_repeat, redactor.redact_lines, page),
                "json": partial(_repeat, json.loads, body),
            },
            times=7,
        )
        speeds = {key: f"{LINES * REPEATS / seconds:,.0f} lines/s" for key, seconds in took.items()}
        rows.append(Row(f"Page {name}", speeds["ours"], "json", speeds["json"], took["ours"] / took["json"]))
    text = (
        f"Pages of {LINES:,} lines of about 90 characters. Beside it, json decodes the same messages; the ratio is of"
        " the times. A page in which one search finds nothing is done; otherwise only the parts around what it finds"
        " are searched."
    )
    return Section("Hiding secrets", text, rows)


def _repeat(work: Callable[[_Given], object], on: _Given) -> None:
    for _ in range(REPEATS):
        work(on)


def _page(every: int) -> list[LogLine]:
    secrets = islice(cycle(SECRETS), LINES)
    return [
        LogLine(at, next(secrets) if every and at % every == 0 else long_line(at).message or "") for at in range(LINES)
    ]
