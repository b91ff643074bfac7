"""Compare the stacks of the ranks: which rank is elsewhere while the others wait in a collective."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.diagnosis.dumps.group_findings import subject
from bot.diagnosis.dumps.stacks import ProcessStack, StackFrame
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.fingerprints import is_library
from bot.diagnosis.reading.labels import Label, name_labels
from bot.domain.alerts import Severity
from bot.domain.wording import plural

MAX_ROWS = 12
"""Number of groups of equal stacks that are shown."""
_COLLECTIVE = re.compile(
    r"torch/distributed/(?:distributed_c10d|utils)\.py$|(?:^|/)distributed_c10d\.py$|deepspeed/comm/(?:comm|torch)\.py$"
    r"|horovod/\w+/mpi_ops\.py$|mpi4py/|cupy/cuda/nccl|torch/distributed/_functional_collectives\.py$"
)
"""Files whose functions wait for other ranks."""
_WRAPPERS = frozenset({"wrapper", "inner", "<module>", "<lambda>", "log_wrapper", "_run_and_log"})
_PACKAGES = re.compile(
    r"(?:^|/)(?:torch|numpy|pandas|transformers|accelerate|deepspeed|horovod|lightning|pytorch_lightning|datasets|jax"
    r"|jaxlib|flax|megatron|fairscale|tqdm|wandb|ray|multiprocess|pyarrow|fsspec|aiohttp|peft|trl|apex)/"
)
"""Installed packages, as py-spy shortens their paths."""
_HELPERS = frozenset({"_worker_loop", "_invoke_run", "resource_tracker", "launch_agent", "_rendezvous_worker"})
"""Functions of processes that are not ranks: workers of data loaders, and launchers."""
_HINT = (
    "Find out why {ranks} {verb} in {place}: slow storage or data, a lock, or a branch that its peers do not take. Take"
    " a second dump after a minute to see whether it moves. https://github.com/benfred/py-spy"
)
_BRANCH_HINT = (
    "Find the condition that decides between {place} and {common}: {ranks} took another branch, or skipped or repeated"
    " a collective. https://docs.pytorch.org/docs/stable/distributed.html"
)
_SAME_HINT = (
    "Take stacks of the ranks that are missing here, or record the collectives with TORCH_FR_BUFFER_SIZE=2000"
    " (TORCH_NCCL_TRACE_BUFFER_SIZE before PyTorch 2.9) and pass the dumps to trainwatch scan."
    " https://docs.pytorch.org/tutorials/unstable/flight_recorder_tutorial.html"
)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a rank is."""

    collective: str
    """`all_reduce (distributed_c10d.py:2501)` if it waits for other ranks, else empty."""
    place: str
    """The innermost call of its own code: `save_checkpoint (train.py:88)`."""

    @property
    def text(self) -> str:
        """`all_reduce (distributed_c10d.py:2501), called in train (train.py:20)`."""
        if not self.collective:
            return self.place or "unknown code"
        return f"{self.collective}, called in {self.place}" if self.place else self.collective


def compare_stacks(stacks: Mapping[Label, ProcessStack]) -> Failure | None:
    """Return the ranks whose stack differs from that of the others; None if fewer than two ranks are known."""
    positions = {rank: _position(one) for rank, one in stacks.items() if not _is_helper(one)}
    if len(positions) < 2:
        return None
    waiting = [rank for rank, one in positions.items() if one.collective]
    others = [rank for rank, one in positions.items() if not one.collective]
    if waiting and others:
        odd, usual = (others, waiting) if len(others) <= len(waiting) else (waiting, others)
        return _failure(positions, odd, usual, confidence=0.9)
    groups = sorted(_equal(positions).values(), key=len, reverse=True)
    if len(groups) == 1:
        return _same(positions) if waiting else None
    odd = [rank for group in groups[1:] for rank in group]
    if len(groups[0]) <= len(odd):
        return _failure(positions, [], groups[0], confidence=0.5)
    return _failure(positions, odd, groups[0], confidence=0.85 if waiting else 0.6)


def _equal(positions: Mapping[Label, _Position]) -> dict[_Position, list[Label]]:
    groups: dict[_Position, list[Label]] = {}
    for rank, position in positions.items():
        groups.setdefault(position, []).append(rank)
    return groups


def _failure(
    positions: Mapping[Label, _Position], odd: Sequence[Label], usual: Sequence[Label], *, confidence: float
) -> Failure:
    common = max(_equal({rank: positions[rank] for rank in usual}).items(), key=lambda item: len(item[1]))[0]
    shared = f"{len(usual):,} of {plural(len(positions), 'rank')} {_verb(common, len(usual))} {common.text}"
    rows, root = _rows(positions, odd)
    if not odd:
        title, sentence = "The ranks wait in different places", f"{shared}; the others differ, without a majority."
    else:
        different = positions[odd[0]]
        verb, where = "is" if len(odd) == 1 else "are", different.collective or different.text
        title = f"{subject(odd)} {verb} in {where}"
        title += " while the others wait" if common.collective else ", unlike the others"
        sentence = f"{shared}; {name_labels(odd)} {verb} in {different.text}."
    place = positions[odd[0]].text if odd else common.text
    template = _BRANCH_HINT if odd and common.collective and positions[odd[0]].collective else _HINT
    hint = template.format(
        ranks=name_labels(odd or usual), verb="is" if len(odd or usual) == 1 else "are", place=place, common=common.text
    )
    return Failure(
        severity=Severity.PAGE, category="hang", signature="odd_stack", title=title, hint=hint, line=0,
        ranks=tuple(sorted(odd, key=lambda one: (isinstance(one, str), one))), excerpt=rows, root_index=root,
        confidence=confidence, fingerprint="odd_stack", why=sentence,
    )  # fmt: skip


def _same(positions: Mapping[Label, _Position]) -> Failure:
    """Report that all ranks wait in one call: the missing rank has no stack here, or the network is at fault."""
    position = next(iter(positions.values()))
    rows, _ = _rows(positions, ())
    return Failure(
        severity=Severity.WARN, category="hang", signature="same_stacks",
        title=f"All {len(positions):,} ranks wait in {position.collective}", hint=_SAME_HINT, line=0, excerpt=rows,
        confidence=0.6, fingerprint="same_stacks",
        why=f"All {len(positions):,} ranks wait in {position.text}, so no stack is odd: a rank without a stack here,"
        " or the network, keeps them waiting.",
    )  # fmt: skip


def _verb(position: _Position, count: int) -> str:
    plural_verb, singular = ("wait in", "waits in") if position.collective else ("are in", "is in")
    return singular if count == 1 else plural_verb


def _rows(positions: Mapping[Label, _Position], odd: Iterable[Label]) -> tuple[tuple[str, ...], int | None]:
    """One row for each group of equal stacks, the largest first, and the index of the odd one."""
    groups = sorted(_equal(positions).items(), key=lambda item: -len(item[1]))
    known = set(odd)
    if len(groups) > MAX_ROWS:
        groups = sorted(groups, key=lambda item: not known & set(item[1]))[:MAX_ROWS]
    rows = [f"{name_labels(ranks)}: {position.text}" for position, ranks in groups]
    root = next((index for index, (_, ranks) in enumerate(groups) if known & set(ranks)), None)
    return tuple(rows), root


def _position(stack: ProcessStack) -> _Position:
    """The position of the thread that waits for other ranks, else of the main thread."""
    known = [_thread_position(thread.frames) for thread in stack.threads]
    return next((one for one in known if one.collective), known[0])


def _thread_position(frames: Sequence[StackFrame]) -> _Position:
    waits = [one for one in frames if _COLLECTIVE.search(one.file) and one.function not in _WRAPPERS]
    own = next((one for one in frames if not _is_foreign(one)), frames[0] if frames else None)
    return _Position(waits[0].place if waits else "", own.place if own else "")


def _is_foreign(frame: StackFrame) -> bool:
    """Is a frame Python's or a package's? py-spy shortens paths, so `threading.py` has no folder."""
    first = frame.file.split("/", 1)[0].removesuffix(".py")
    is_native = not frame.line or frame.file.endswith((".so", ".c", ".cpp", ".cc", ".h"))
    return is_native or is_library(frame.file) or bool(_PACKAGES.search(frame.file)) or first in sys.stdlib_module_names


def _is_helper(stack: ProcessStack) -> bool:
    functions = {frame.function.rsplit(".", 1)[-1] for thread in stack.threads for frame in thread.frames}
    return bool(functions & _HELPERS)
