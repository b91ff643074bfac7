"""Find names by what is around them: users, hosts, pods, projects, models and others. Pure.

The quantifiers of all patterns are bounded, so that the time is linear in the length of a line.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from bot.diagnosis.reading.prefixes import read_source

NameKind = Literal["user", "host", "pod", "revision", "bucket", "name"]

_IS = r"[\"']?\s{0,12}(?:[=:]|=>)\s{0,4}[\"']?"
"""Between a key and its value: `key=value`, `key: value`, `"key": "value"`."""
_WORD = r"[\w.-]{1,250}"
_SLUG = r"[\w./@+-]{2,200}"
"""A name that may have several parts, such as `organization/model`."""
_PROMPT = r"^(?:\([\w.-]{1,40}\) ?)?\[?"
_PROMPT_END = r"(?::| )[~/\w.-]{0,200}\]?[$#%] "
_NAME_KEYS = (
    "project|project_name|entity|team|org|organi[sz]ation|account|tenant|tenant_id|tenant_name|customer"
    "|customer_id|customer_name|company|group_name|run_name|run_id|job_name|job"
    "|experiment|experiment_name|exp_name|exp|namespace|cluster|cluster_name|app|image|container|repo|repo_id"
    "|repository|model|model_id|model_name|model_name_or_path|model_path|pretrained_model|dataset|dataset_name"
    "|database|workspace|study|queue_name"
)
_NAME_OPTIONS = "project|entity|team|org|job-name|run-name|name|model|dataset|repo|user|account"
_SYSLOG_TIME = r"(?:[A-Z][a-z]{2} {1,2}\d{1,2} [\d:.]{8,15}|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d))"
_PATTERNS: tuple[tuple[NameKind, str], ...] = (
    (
        "user",
        rf"(?i)(?<![a-z])(?:user|user_?name|owner|author|login|logname|assignee|run_by|creator){_IS}([\w.@-]{{2,64}})",
    ),
    ("user", r"(?i)[/\\](?:home|users)[/\\]{1,2}([\w.-]{1,64})"),
    ("user", r"(?i)\blogged in as:? [\"']?([\w.-]{2,64})"),
    ("user", r"\buid=\d{1,10}\(([\w.-]{1,64})\)"),
    ("user", rf"{_PROMPT}([\w.-]{{1,64}})@{_WORD}{_PROMPT_END}"),
    ("host", rf"{_PROMPT}[\w.-]{{1,64}}@({_WORD}){_PROMPT_END}"),
    (
        "host",
        rf"(?i)(?<![a-z])(?:host|host_?name|node_?name|nodelist|node_?list|master_addr|rdzv_endpoint){_IS}([a-z]{_WORD})",
    ),
    ("host", rf"(?i)(?<![a-z])(?:node|server|machine){_IS}([a-z][\w-]{{0,60}}[\d.-]{_WORD})"),
    ("host", rf"\b(?:JOB|STEP) [\d.]{{1,20}} ON ({_WORD}) "),
    ("host", rf"\bsrun: error: ({_WORD}): "),
    ("host", rf"^\s{{0,8}}(?:\d{{1,5}}: ){{0,2}}([A-Za-z]{_WORD}):\d{{1,8}}:\d{{1,8}} (?:\[\d{{1,3}}\]|NCCL)"),
    ("host", rf"(?i)\b(?:on|from|of|to|peer|failed) (?:node|host|machine|peer) ([a-z]{_WORD})"),
    ("host", r"\bnode ([a-z][\w-]{0,60}\d{1,5})\b"),
    ("host", rf"\[([A-Za-z]{_WORD}):\d{{2,8}}(?::\d{{1,8}}){{0,3}}\]"),
    ("host", rf"\[([a-z]{_WORD})\]:\d{{2,5}}\b"),
    ("host", r"\b([a-z][a-z\d]{0,60}(?:-[a-z\d]{1,60}){0,6}\d[a-z\d-]{0,60}):\d{4,5}\b"),
    ("host", rf"^{_SYSLOG_TIME} ({_WORD}) [\w.@/-]{{1,60}}(?:\[\d{{1,8}}\])?: "),
    ("host", rf"^<\d{{1,3}}>1 \S{{1,40}} ({_WORD}) "),
    ("pod", r"\bpods?[/ ]\"?([a-z][a-z\d.-]{0,250}-[a-z\d]{1,10})\b"),
    ("pod", rf"(?i)\b(?:pod|pod_?name|replica){_IS}([a-z]{_WORD})"),
    ("revision", r"(?i)\b(?:replica ?set|revision)[ :]?\"?([a-z][a-z\d.-]{0,250})\b(?!=)"),
    ("bucket", rf"(?i)\bbucket(?:_?name)?{_IS}([a-z\d][\w.-]{{2,62}})"),
    ("name", rf"(?i)(?<![a-z])(?:{_NAME_KEYS}){_IS}({_SLUG})(?![\w(./@+-])"),
    ("name", rf"(?i)--[\w-]{{0,40}}(?:{_NAME_OPTIONS})[= ]({_SLUG})"),
    ("name", rf"(?i)\b(?:run|project|experiment|job|model|dataset|repository) [\"'`]({_SLUG})[\"'`]"),
    ("name", rf"\bSyncing run ({_WORD})"),
)
_SOURCE_FILE = re.compile(r"\.(?:py|cc|cpp|cu|c|h|hpp|rs|go|js|ts|java|sh)$")
"""`[core.py:710]` is a place in the code, not a host and a port."""
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)


class FoundName(NamedTuple):
    """A name, and what it names."""

    kind: NameKind
    name: str


def find_names(line: str) -> Iterator[FoundName]:
    """Yield the names in a line that patterns recognize by their context, possibly repeated."""
    for kind, pattern in _COMPILED:
        for found in pattern.finditer(line):
            if kind != "host" or not _SOURCE_FILE.search(found[1]):
                yield FoundName(kind, found[1].rstrip(".-"))
    if not line.startswith("("):  # the name before `pid=` is a class
        for name in read_source(line).names:
            yield FoundName("pod", name.rpartition("/")[0] or name)
