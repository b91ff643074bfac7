"""Find names by what is around them: users, hosts, pods, projects, models and others. Pure."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from bot.diagnosis.reading.prefixes import read_source

NameKind = Literal["user", "host", "pod", "bucket", "name"]

_IS = r"[\"']?\s{0,12}(?:[=:]|=>)\s{0,4}[\"']?"
"""Between a key and its value: `key=value`, `key: value`, `"key": "value"`."""
_NAME_KEYS = (
    "project|project_name|entity|team|org|organi[sz]ation|account|tenant|group_name|run_name|run_id|job_name|job|experiment"
    "|experiment_name|exp_name|exp|namespace|cluster|cluster_name|app|image|container|repo|repo_id|repository|model|model_id"
    "|model_name|model_name_or_path|model_path|pretrained_model|dataset|dataset_name|database|workspace|study|queue_name"
)
_PATTERNS: tuple[tuple[NameKind, re.Pattern[str]], ...] = (
    ("user", re.compile(rf"(?i)\b(?:user|user_?name|owner|author|login|logname|assignee|run_by|creator){_IS}([\w.@-]{{2,64}})")),
    ("user", re.compile(r"(?i)[/\\](?:home|users)[/\\]{1,2}([\w.-]{1,64})")),
    ("user", re.compile(r"(?i)\blogged in as:? [\"']?([\w.-]{2,64})")),
    ("user", re.compile(r"\buid=\d{1,10}\(([\w.-]{1,64})\)")),
    ("user", re.compile(r"^(?:\([\w.-]{1,40}\) ?)?\[?([\w.-]{1,64})@[\w.-]{1,80}(?::| )[~/\w.-]{0,200}\]?[$#%] ")),
    ("host", re.compile(r"^(?:\([\w.-]{1,40}\) ?)?\[?[\w.-]{1,64}@([\w.-]{1,80})(?::| )[~/\w.-]{0,200}\]?[$#%] ")),
    (
        "host",
        re.compile(
            rf"(?i)\b(?:host|host_?name|node_?name|nodelist|node_?list|master_addr|rdzv_endpoint){_IS}([a-z][\w.-]{{1,250}})"
        ),
    ),
    ("host", re.compile(rf"(?i)\b(?:node|server|machine){_IS}([a-z][\w-]*[\d.-][\w.-]*)")),
    ("host", re.compile(r"\b(?:JOB|STEP) [\d.]{1,20} ON ([\w.-]{1,250}) ")),
    ("host", re.compile(r"\bsrun: error: ([\w.-]{1,250}): ")),
    ("host", re.compile(r"^\s{0,8}(?:\d{1,5}: ){0,2}([A-Za-z][\w.-]{0,250}):\d{1,8}:\d{1,8} (?:\[\d{1,3}\]|NCCL)")),
    ("host", re.compile(r"(?i)\b(?:on|from|of|to|peer|failed) (?:node|host|machine|peer) ([a-z][\w.-]{1,250})")),
    ("host", re.compile(r"\bnode ([a-z][\w-]{0,60}\d{1,5})\b")),
    ("host", re.compile(r"\[([A-Za-z][\w.-]{1,250}):\d{2,8}(?::\d+)*\]")),
    ("host", re.compile(r"\[([a-z][\w.-]{1,250})\]:\d{2,5}\b")),
    ("host", re.compile(r"\b([a-z][a-z\d]{0,60}(?:-[a-z\d]{1,60}){0,6}\d[a-z\d-]{0,60}):\d{4,5}\b")),
    ("host", re.compile(r"^(?:[A-Z][a-z]{2} {1,2}\d{1,2} [\d:.]{8,15}|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)) ([\w.-]{1,80}) [\w.@/-]{1,60}(?:\[\d{1,8}\])?: ")),
    ("host", re.compile(r"^<\d{1,3}>1 \S{1,40} ([\w.-]{1,250}) ")),
    ("pod", re.compile(r"\bpods?[/ ]\"?([a-z][a-z\d.-]{0,250}-[a-z\d]{1,10})\b")),
    ("pod", re.compile(rf"(?i)\b(?:pod|pod_?name|replica){_IS}([a-z][\w.-]{{1,250}})")),
    ("bucket", re.compile(rf"(?i)\bbucket(?:_?name)?{_IS}([a-z\d][\w.-]{{2,62}})")),
    ("bucket", re.compile(r"\bBucket: ([a-z\d][\w.-]{2,62})")),
    ("name", re.compile(rf"(?i)(?<![a-z])(?:{_NAME_KEYS}){_IS}([\w./@+-]{{2,200}})")),
    ("name", re.compile(rf"(?i)--[\w-]{{0,40}}(?:project|entity|team|org|job-name|run-name|name|model|dataset|repo|user|account)[= ]([\w./@+-]{{2,200}})")),
    ("name", re.compile(r"(?i)\b(?:syncing run|run|project|experiment|job|model|dataset|repository) [\"'`]([\w./@+-]{2,200})[\"'`]")),
    ("name", re.compile(r"\bSyncing run ([\w.-]{2,200})")),
)  # fmt: skip


class FoundName(NamedTuple):
    """A name, and what it names."""

    kind: NameKind
    name: str


def find_names(line: str) -> Iterator[FoundName]:
    """Yield the names in a line that patterns recognize by their context, possibly repeated."""
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(line):
            yield FoundName(kind, found[1].rstrip(".-"))
    if not line.startswith("("):  # the name before `pid=` is a class
        for name in read_source(line).names:
            yield FoundName("pod", name.rpartition("/")[0] or name)
