"""Read the rank that a line states of its own process, in forms that prefixes of launchers do not have.

Programs name their processes `process 6:`, `[p6]`, `r3`, `worker-3:`, `10.1.4.8:11 |` or `(TP3)`, and Kubernetes their
pods `trainer-3`. Ranks in the midst of a message may be those of peers, so they count only where nothing else does.
"""

import re
from collections import Counter
from collections.abc import Sequence

from bot.diagnosis.failures.subjects import is_complaint

_ROLE = r"(?:rk|rank|proc|process|worker|trainer|learner|instance|host)(?:[ _]?(?:index|id|idx))?[ :=#_/]{0,3}"
_OWN = re.compile(
    rf"^(?:\[[\d.]{{7,15}}\] )?(?:\W{{0,3}}|[^\[\n]{{0,60}}\[){_ROLE}(?P<role>\d{{1,5}})(?=[\]\[ >|)]|:(?!\d)|$)"
    r"|^(?:\[[pr](?P<letter>\d{1,5})\]|[pr](?P<label>\d{1,5}):|r(?P<short>\d{1,5}) (?=\S))"
    r"|^ ?image +(?P<image>\d{1,5}) :|^\s*From worker (?P<julia>\d{1,5}):"
    r"|^\W{0,2}\d{1,3}(?:\.\d{1,3}){3}:(?P<address>\d{1,4}) \||\[[^\[\]]{1,60} rank:(?P<field>\d{1,5})\]"
    r"|^\[(?P<bare>\d{1,4})\]:? (?=\S)|\((?:TP|DP|EP)(?P<axis>\d{1,4})\)|\[RK(?P<tag>\d{1,4})\]",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"^\W{0,3}([A-Za-z][\w.-]{0,60}-\d{1,4})(?=:? )|\b[Pp]ods?[/ :]+['\"]?([a-z][a-z\d.-]{0,80}-[a-z\d]{1,5})\b"
)
_ANYWHERE = re.compile(
    r"\bRankID:(\d+)\b"
    r"|\[?\b(?:[Rr]ank|RANK|[Oo]n worker)[ :=]+(\d+)\b|\brank(\d+)\b|\brank:(\d+)\]|\bworker_index=(\d+)"
    r"|\b(?:(?:global|world)_rank|(?:GLOBAL_|WORLD_)?RANK(?:_ID)?|process_index|task_index|dp_rank)"
    r"['\"]?[ :=]{1,3}(\d+)\b"
    r"|\((?:\w[\w.-]*, )?(?:task|rank|process|worker) (\d+)\)"
)
_MISSING = re.compile(r"(?i)\b(?:missing|stalled) ranks?:?\s*(?:\S{0,40}>:)?\s*\[?(\d{1,5})(?=[\]:,\s!])(?!, ?\d)")
"""Also over two lines, as Horovod writes it."""
_ABSENT = re.compile(
    r"(?i)\brank[ :=#]?(\d{1,5})\b.{0,24}\b(?:never (?:entered|joined|arrived|reached|called|checked in)"
    r"|is (?:absent|not there)|(?:did not|didn't) (?:join|enter|arrive|reach|respond|report)"
    r"|(?:has not|hasn't|not yet) (?:joined|entered|arrived|reached|responded|reported))"
)
_MEMBER = r"(?:rank|worker|process|replica|member) #?(\d{1,5})"
_SILENT = re.compile(
    r"(?i)\b(?:no heartbeats? from|lost (?:contact|connection) (?:with|to)|no word from|waiting (?:for|on))"
    rf" {_MEMBER}\b|\b{_MEMBER} (?:has |is )?(?:stopped responding|not responding|not reachable|timed out|missing)"
)
_LOST = re.compile(
    r"(?i)\b(?:worker|rank|trainer|process|replica|member) #?(\d{1,5}) (?:is |was |has )?"
    r"(?:lost|gone|dead|unreachable|died|evicted|preempted|stalled|hung)\b"
    r"|\bstraggler:? (?:is )?(?:rank|worker) (\d{1,5})\b"
)
_DETAIL = re.compile(r"(?i)\b(?:for|on|of|from|by|at|in) (?:global |local )?rank[ :=#]?(\d{1,5})\b(?! of)")
_VALUE = re.compile(r"^\W{0,3}(?i:rank|worker|replica)[ #]{0,4}(\d{1,5}) ?[:=] *(-?\d[\w.+-]{0,40}|-?nan|-?inf)$")
"""A row of a table that has one value for each rank."""
MIN_EQUAL_RANKS = 2
"""Number of ranks with the same value from which one with another is odd."""
_SPAWNED = re.compile(r"^\W{0,3}Process (?:Spawn|Fork)Process-(\d{1,3}):")
"""The head of a child's traceback. Children count from 1."""
_HEADER = "Traceback (most recent call last)"
_LOCAL = re.compile(r"\blocal_rank['\"]?[ :=]{1,3}(\d{1,3})\b|\bGPU[ :#]?([1-9]\d?)\b|\bcuda:([1-9]\d?)\b")
_ORDINAL = re.compile(r"^(?:[\w.]+-)*?(?P<role>[a-z]+)-(?P<number>\d{1,4})$")
_INDEXED = re.compile(
    r"^(?:[\w.]+-)*?(?P<role>[a-z]+)-(?:(?P<job>\d{1,4})-)?(?P<number>\d{1,4})-[bcdfghjklmnpqrstvwxz2456789]{5}$"
)
"""A pod of an indexed Job, or of a JobSet, which numbers its jobs too."""
_NUMBERED = re.compile(r"(?i)^\w{0,40}?(?:rank|worker|actor|trainer|learner|replica)[a-z]{0,20}_(\d{1,4})$")
"""A process such as Ray's `RankActor_3`."""
_ROLES_FROM_ONE = frozenset({"algo"})
"""SageMaker counts its hosts from 1."""
_PROCESS_ROLES = frozenset(
    {"trainer", "trainers", "worker", "workers", "rank", "node", "algo", "replica", "learner", "process"}
)


def find_own_rank(text: str) -> int | None:
    """Return the rank at the start of a message, without its prefixes; None if it states none."""
    return _number(_OWN.search(text))


def find_rank(text: str) -> int | None:
    """Return the rank that a message states, at its start or else in its midst."""
    own = find_own_rank(text)
    return _number(_ANYWHERE.search(text)) if own is None else own


def find_absent_rank(rows: Sequence[str]) -> int | None:
    """Return the rank of which rows of a log say that it is lost, or that it never took part; None if not just one."""
    text = "\n".join(rows)
    for form in (_MISSING, _ABSENT, _SILENT, _LOST):
        if ranks := {_number(found) for found in form.finditer(text)}:
            return ranks.pop() if len(ranks) == 1 else None
    return None


def find_detail_rank(rows: Sequence[str]) -> int | None:
    """Return the only rank that lines below a message state, as in `did not receive grad for rank 1`."""
    ranks = {int(found[1]) for row in rows for found in _DETAIL.finditer(row)}
    return ranks.pop() if len(ranks) == 1 else None


def find_odd_rank(rows: Sequence[str]) -> int | None:
    """Return the only rank whose value differs in a table of the ranks' values below a message, if all others agree."""
    values = {int(found[1]): found[2] for row in rows if (found := _VALUE.search(row.strip()))}
    counts = Counter(values.values())
    if len(counts) != 2 or len(values) <= MIN_EQUAL_RANKS:
        return None
    value, count = counts.most_common()[-1]
    return next(rank for rank, one in values.items() if one == value) if count == 1 else None


def find_head_rank(rows: Sequence[str]) -> int | None:
    """Return the rank that the line above the traceback at the end of rows states; None if it states none."""
    headers = [index for index, row in enumerate(rows) if _HEADER in row]
    above = rows[headers[-1] - 1] if headers and headers[-1] else ""
    if spawned := _SPAWNED.search(above):
        return max(0, int(spawned[1]) - 1)
    return find_rank(above) if is_complaint(above) else None


def find_local_rank(row: str) -> int | None:
    """Return the only index of a process on its node, or of its device, that a row states; 0 only for a process."""
    found = {_number(one) for one in _LOCAL.finditer(row)}
    return found.pop() if len(found) == 1 else None


def rank_of_name(name: str) -> int | None:
    """Return the rank that the name of a pod or a host ends in, where each has one process; None if it has none."""
    pod = name.partition("/")[0]
    if (indexed := _INDEXED.match(pod)) is not None:
        numbers = [number for number in (int(indexed["job"] or 0), int(indexed["number"])) if number]
        return None if len(numbers) > 1 or indexed["role"] not in _PROCESS_ROLES else (numbers or [0])[0]
    if (numbered := _NUMBERED.match(pod)) is not None:
        return int(numbered[1])
    found = _ORDINAL.match(pod)
    if found is None or found["role"] not in _PROCESS_ROLES:
        return None
    return int(found["number"]) - (found["role"] in _ROLES_FROM_ONE)


def find_named_rank(text: str) -> int | None:
    """Return the rank that the name of a pod or a host at the start of a message ends in; None if it has none."""
    ranks = (rank_of_name(found.group(1) or found.group(2)) for found in _NAME.finditer(text))
    return next((rank for rank in ranks if rank is not None), None)


def _number(found: re.Match[str] | None) -> int | None:
    return next((int(group) for group in found.groups() if group), None) if found else None
