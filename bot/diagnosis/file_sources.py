"""Which process of a run wrote each of its log files: its rank, node or pod, and its attempt, from the names. Pure.

`torchrun --log-dir`, Slurm's `--output`, Ray, MPI and Kubernetes each name files in their own way. Names are compared
with each other: a number that counts from 0 over all of them is a rank, and what else differs names the process.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from bot.diagnosis.reading.labels import Label

_RANK_IN_NAME = re.compile(
    r"(?i)(?:^|[._/-])(?:global[._-]?)?(?:rank|worker(?:log)?|proc|process|task)[._-]?(\d{1,6})(?=[._/-]|$)"
)
_TORCHRUN_RANK = re.compile(r"attempt_\d+/(\d{1,6})/[^/]+$")
"""torchrun's --log-dir: run id/attempt/rank on its node/stderr.log."""
_ATTEMPT = re.compile(r"(?i)(?:^|[/._-])(?:attempt|restart|retry)[._-]?(\d{1,4})(?=[/._-]|$)")
_STREAM = re.compile(r"(?i)[._-]?(?:stdout|stderr|out|err)(?=\.|$|-\d+$)")
_ENDING = re.compile(
    r"(?i)(?:\.(?:log|out|err|txt|stdout|stderr|jsonl|gz|xz|bz2|zst))+$|/(?:stdout|stderr|log|output)$"
)
_ROTATED = re.compile(r"(?i)(\.(?:log|out|err|txt))[.-]\d{1,10}(?:\.(?:gz|xz|bz2|zst))?$")
"""Such as `train.log.2.gz`, an older part of `train.log`."""
_POD_LOG = re.compile(r"[^/_]+_(?P<pod>[^/_]+)_[0-9a-f]{8}-[0-9a-f-]{20,27}/(?P<container>[^/]+)/\d+\.log")
"""`/var/log/pods` of a Kubernetes node: a folder for each container, a file for each of its restarts."""
_NUMBER = re.compile(r"\d+")
_LONG_ID = re.compile(r"[0-9a-f]{24,}")
"""Such as Ray's of a worker, of which the first characters suffice."""
_SHOWN_ID = 8
_NOT_A_RANK = re.compile(
    r"(?i)(?:node|host|machine|server|pod|replica|run|exp|experiment|trial|seed|job|fold|attempt|restart|retry|part"
    r"|shard|step|epoch|version|slurm-\d+_|\.(?:log|out|err|txt)\.)[._-]?$"
)
"""What precedes a number that counts something else, such as an element of a Slurm array or a rotated file."""
_IS_WORKER = re.compile(r"(?i)(?:^|[._/-])worker[._-]?\d{1,6}(?=[._/-]|$)")
_LEADER = re.compile(r"(?i)(?:^|[._/-])(?:master|launcher|chief|head|driver)(?=[._/-]|$)")
"""Beside a leader, the numbers of workers are not ranks: the leader is rank 0."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """The process that wrote a file."""

    path: str
    label: Label
    """Its rank, else a short name."""
    rank: int | None = None
    """In the whole run."""
    process: str = ""
    """Equal for the files of one process, such as its two output streams."""
    attempt: int | None = None
    """As torchrun counts it, from 0."""


def rank_of_path(path: str) -> int | None:
    """Return the rank that a path states: `rank_3.log`, `worker-3.err`, `attempt_0/3/stderr.log`; else None."""
    in_folder = _TORCHRUN_RANK.search(path)
    named = in_folder or next(reversed(list(_RANK_IN_NAME.finditer(path))), None)
    return int(named[1]) if named is not None else None


def sources_of(paths: Sequence[str]) -> list[FileSource]:
    """Return the process of each file of a run."""
    has_leader = any(_LEADER.search(path) for path in paths)
    ranks = {path: None if has_leader and _IS_WORKER.search(path) else rank_of_path(path) for path in paths}
    ranks.update(
        _counted(path for path in paths if ranks[path] is None and not (has_leader and _IS_WORKER.search(path)))
    )
    names = _short_names(paths)
    sources = [
        FileSource(path, names[path] if rank is None else rank, rank, process_of(path), attempt_of(path))
        for path, rank in ranks.items()
    ]
    local = _local(sources)
    return [_on_node(one, names) if one.path in local else one for one in sources]


def process_of(path: str) -> str:
    """Return the same for the files of one process: its two output streams, rotated files, restarts of a container."""
    pod = _POD_LOG.search(path)
    if pod is not None:
        return path[: pod.end("container")]
    folder, slash, name = path.rpartition("/")
    return folder + slash + _STREAM.sub("", _ROTATED.sub(r"\1", name))


def attempt_of(path: str) -> int | None:
    """Return the attempt that a path names."""
    found = _ATTEMPT.search(path)
    return int(found[1]) if found else None


def _counted(paths: Iterable[str]) -> Mapping[str, int]:
    """Ranks of files whose names differ in one number, which counts from 0."""
    alike: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if _POD_LOG.search(path) is None:
            alike[_NUMBER.sub("#", path)].append(path)
    found: dict[str, int] = {}
    for group in alike.values():
        numbers = [list(_NUMBER.finditer(path)) for path in group]
        varying = [at for at in range(len(numbers[0])) if len({one[at][0] for one in numbers}) > 1]
        if len(varying) != 1 or _NOT_A_RANK.search(group[0][: numbers[0][varying[0]].start()]):
            continue
        values = [int(one[varying[0]][0]) for one in numbers]
        if sorted(values) == list(range(len(values))):
            found.update(zip(group, values, strict=True))
    return found


def _local(sources: Sequence[FileSource]) -> frozenset[str]:
    """Files whose ranks count on one node only, because files of other folders have the same ones."""
    alike: dict[object, list[str]] = defaultdict(list)
    for one in sources:
        if one.rank is not None:
            alike[one.rank, one.attempt, PurePosixPath(one.path).name].append(one.path)
    return frozenset(path for group in alike.values() if len(group) > 1 for path in group)


def _on_node(source: FileSource, names: Mapping[str, str]) -> FileSource:
    node = names[source.path].split("/")[0]
    return replace(source, label=f"{node} rank {source.rank}", rank=None)


def _short_names(paths: Sequence[str]) -> Mapping[str, str]:
    """Names without the folders that all files share, and without endings."""
    folders = [path.split("/")[:-1] for path in paths]
    shared = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return {path: _short_name(path, shared) or path for path in paths}


def _short_name(path: str, shared: int) -> str:
    pod = _POD_LOG.search(path)
    return f"{pod['pod']}/{pod['container']}" if pod else _shorten("/".join(path.split("/")[shared:]))


def _shorten(name: str) -> str:
    return _LONG_ID.sub(lambda found: found[0][:_SHOWN_ID], _ENDING.sub("", name))
