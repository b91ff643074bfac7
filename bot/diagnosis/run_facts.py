"""Read what the head of a log states about its run: versions, arguments and warnings. Bounded, and pure.

Only lines such as `torch==2.9.0`, `NCCL version 2.21.5`, `learning_rate ....... 0.001` and `Namespace(lr=0.1)` count.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from bot.diagnosis.reading.fingerprints import mask_message
from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.run_history import RunFacts

HEAD_CHARS = 64_000
"""Characters of a log that are read; later lines cost one comparison a poll."""
MAX_VERSIONS, MAX_ARGUMENTS, MAX_WARNINGS = 40, 60, 10
MAX_TEXT = 80
"""Characters kept of an argument's value, or of a warning."""

_PACKAGES = (
    "nccl|rccl|torch|pytorch|cuda|cudnn|python|transformers|accelerate|deepspeed|vllm|sglang|jax|jaxlib|tensorflow"
    "|triton|flash[-_]attn|lightning|megatron[-_]core|transformer[-_]engine|peft|trl|datasets|numpy|ray|xformers|rocm"
)
_PINNED = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]{1,40})==(\d[\w.+!-]{0,30})")
_NAMED = re.compile(
    rf"(?i)(?<![\w.-])({_PACKAGES})(?: version|__version__)?(?: ?[:=] ?| )v?(\d+(?:\.\d+)+[\w.+-]{{0,20}})"
)
_DOTTED = re.compile(r"^\s*([a-z][a-z0-9_]{1,40}) \.{3,} (\S.{0,200})$")
_NAMESPACE = re.compile(r"\bNamespace\((.+)\)?$")
_PAIR = re.compile(r"\b([a-z][a-z0-9_]{1,40})=('[^']*'|\"[^\"]*\"|\[[^\]]*\]|[^,()\s]+)")
_WARNING = re.compile(r"\bWARN(?:ING)?\b|\b[A-Z]\w+Warning:")
_VOLATILE = re.compile(
    r"(?i)seed|path|dir|file|name|host|addr|port|rank|id$|time|date|token|key|secret|password|output|url"
)
"""Arguments that differ from run to run without changing what it does, or that nobody should see."""


def read_facts(facts: RunFacts, messages: Iterable[str]) -> RunFacts:
    """Return the facts with those of further lines, until the head is read."""
    if facts.read >= HEAD_CHARS:
        return facts
    versions, arguments, warnings, read = dict(facts.versions), dict(facts.arguments), list(facts.warnings), facts.read
    for message in messages:
        if read >= HEAD_CHARS:
            break
        read += len(message) + 1
        line = message[:2000]
        for found in (*_PINNED.finditer(line), *_NAMED.finditer(line)):
            if len(versions) < MAX_VERSIONS:
                versions.setdefault(_package(found[1]), found[2])
        for name, value in _arguments(line):
            if len(arguments) < MAX_ARGUMENTS and not _VOLATILE.search(name):
                arguments.setdefault(name, value[:MAX_TEXT])
        if len(warnings) < MAX_WARNINGS and _WARNING.search(line):
            text = mask_message(plain_message(line, 200))[:MAX_TEXT]
            warnings += [text] if text not in warnings else []
    return replace(facts, versions=versions, arguments=arguments, warnings=tuple(warnings), read=read)


def _package(name: str) -> str:
    lower = name.lower().replace("_", "-")
    return {"pytorch": "torch", "nccl": "NCCL", "rccl": "RCCL", "cuda": "CUDA", "python": "Python"}.get(lower, lower)


def _arguments(line: str) -> Iterable[tuple[str, str]]:
    if dotted := _DOTTED.match(line):
        return [(dotted[1], dotted[2].strip())]
    namespace = _NAMESPACE.search(line)
    return [(found[1], found[2]) for found in _PAIR.finditer(namespace[1])] if namespace else []
