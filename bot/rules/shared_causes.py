"""Find in an alert's lines what several jobs may share: a volume that is full, or a node. Pure."""

import re
from collections.abc import Iterable

DISK, NODE = "disk:", "node:"
_DISK_FULL = "disk_full"
"""The signature of a full disk (`bot/diagnosis/signatures.toml`)."""
_PATH = re.compile(r"(?<![\w.:/])/([\w.-]+)(?:/([\w.-]+))?")
_LOCAL = frozenset(
    {"tmp", "var", "root", "workspace", "app", "opt", "usr", "dev", "proc", "run", "etc", "local", "home"}
)
"""Directories that each job has for itself."""
_MOUNTS = frozenset(["media", "mnt", "nfs", "srv", "volumes"])
"""Directories whose entries are volumes."""
_NODE = re.compile(r"(?i)\b(?:node(?:[ _-]?name)?|host(?:name)?)\b[\"']?(?:\s*[=:]\s*|\s+)[\"']?([a-z][\w.-]{3,60})")
_LOGICAL = re.compile(r"(?i)(?:node|host|worker|master|launcher|replica|rank|pod|server|local|head)s?[-_]?\d*")
"""Names that every run gives to its own nodes."""


def find_shared_cause(signature: str, texts: Iterable[str]) -> str:
    """Return the group of an alert, `disk:/mnt/data` or `node:gpu-17`; "" if it names neither."""
    lines = list(texts)
    volume = next(filter(None, map(_volume, lines)), "") if signature == _DISK_FULL else ""
    if volume:
        return f"{DISK}{volume}"
    node = next(filter(None, map(_node, lines)), "")
    return f"{NODE}{node}" if node else ""


def _volume(text: str) -> str:
    """The volume of the first path that is not local to the job."""
    for found in _PATH.finditer(text):
        top, below = found[1], found[2]
        if top.lower() in _MOUNTS and below:
            return f"/{top}/{below}"
        if top.lower() not in _LOCAL | _MOUNTS and below:
            return f"/{top}"
    return ""


def _node(text: str) -> str:
    """The first node that is with a digit in its name."""
    for found in _NODE.finditer(text):
        name = found[1].rstrip(".-")
        if any(char.isdigit() for char in name) and not _LOGICAL.fullmatch(name):
            return name.lower()
    return ""
