"""Runs that wanted a GPU and use the CPU: a warning if they train, unless the CPU was chosen."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity

CPU_FALLBACK, DEVICE_STATED = "cpu_fallback", "device_stated"
"""Signatures of a program that falls back to the CPU, and of a line that states the device."""
ON_CPU = frozenset({CPU_FALLBACK, "cpu_probed"})
"""Also that of a library that probes for a GPU on every machine: it matters less once the run ends well."""
MIN_SAMPLES = 5
"""Number of progress lines without a training step, such as rounds of boosting, that show training."""
_CHOSEN = re.compile(
    r"(?i)\bCUDA_VISIBLE_DEVICES=(?:\"\"|''|-1\b|\s|$)|\bJAX_PLATFORMS?(?:_NAME)?[\"']?[=:] ?[\"']?cpu\b"
    r"|--(?:device|accelerator|platform|backend|jax_platform\w*)[ =][\"']?cpu\b"
    r"|--(?:no[-_]cuda|use[-_]cpu|cpu|no[-_]gpu)\b"
    r"|\b(?:device|accelerator|task_type|compute_device|device_type)[\"']?[:=] ?[\"']?"
    r"(?:torch\.device\(.)?(?:type=.)?cpu\b"
    r"|\b(?:no_cuda|use_cpu)[\"']?[:=] ?true\b"
)


def chooses_cpu(texts: Sequence[str]) -> bool:
    """Does one of the lines choose the CPU: an option, a setting or a variable of the environment?"""
    return any(_CHOSEN.search(text) for text in texts)


def judge_cpu_use(found: Sequence[Failure], *, has_trained: bool) -> list[Failure]:
    """Report a fallback to the CPU as a note if nothing was trained."""
    return [
        replace(one, severity=Severity.INFO) if one.signature in ON_CPU and not has_trained else one for one in found
    ]
