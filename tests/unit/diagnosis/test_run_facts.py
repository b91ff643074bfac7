"""Versions, arguments and warnings in the head of a log."""

from __future__ import annotations

import pytest

from bot.diagnosis.run_facts import HEAD_CHARS, MAX_ARGUMENTS, MAX_VERSIONS, MAX_WARNINGS, read_facts
from bot.domain.run_history import RunFacts


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("NCCL version 2.21.5+cuda12.4", "NCCL", "2.21.5+cuda12.4"),
        ("gpu-1:11:11 [0] NCCL INFO NCCL version 2.22.3", "NCCL", "2.22.3"),
        ("torch: 2.9.0", "torch", "2.9.0"),
        ("PyTorch version: 2.9.0+cu128", "torch", "2.9.0+cu128"),
        ("transformers==4.57.1", "transformers", "4.57.1"),
        ("Collecting flash-attn==2.8.3", "flash-attn", "2.8.3"),
        ("Python 3.12.4", "Python", "3.12.4"),
    ],
)
def test_version(line: str, name: str, version: str) -> None:
    assert read_facts(RunFacts(), [line]).versions == {name: version}


def test_arguments_without_what_always_differs() -> None:
    facts = read_facts(
        RunFacts(),
        [
            "  micro_batch_size ................................ 4",
            "  save_dir ........................................ /ckpt/1",
            "Namespace(lr=0.001, model='llama', seed=7, api_key='x', output_dir='/o')",
        ],
    )

    assert facts.arguments == {"micro_batch_size": "4", "lr": "0.001", "model": "'llama'"}


def test_warnings_are_distinct_and_masked() -> None:
    lines = [f"2026-03-13 10:00:0{n} WARNING flash attention {n} is off" for n in range(5)]

    assert len(read_facts(RunFacts(), lines).warnings) == 1


def test_work_and_size_are_bounded() -> None:
    lines = [
        f"package{n}==1.{n} WARNING {'x' * n} Namespace(argument{chr(97 + n % 26) * (n % 7 + 1)}={n})"
        for n in range(900)
    ]
    facts = read_facts(RunFacts(), lines)
    again = read_facts(facts, ["NCCL version 9.9.9"])

    assert HEAD_CHARS <= facts.read < HEAD_CHARS + max(map(len, lines)) + 2
    assert again is facts
    assert len(facts.versions) <= MAX_VERSIONS
    assert len(facts.arguments) <= MAX_ARGUMENTS
    assert len(facts.warnings) <= MAX_WARNINGS


def test_step_lines_state_nothing() -> None:
    assert read_facts(RunFacts(), ["step 10 loss 2.5 lr 1e-4"] * 3) == RunFacts(read=75)
