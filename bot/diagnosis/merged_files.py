"""One diagnosis of a run whose log is in several files, such as one for each rank. Pure.

Each file is diagnosed alone: in one long text, the progress of the next rank would look like a recovery of this one.
`file_sources` tells the processes apart, `run_causes` finds the failure that explains the others, and `silent_ranks`
the ranks whose files end early or do not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.diagnosis.dumps.rank_dumps import RankDump, compare_dumps
from bot.diagnosis.failures.rank_evidence import RankEvidence
from bot.diagnosis.file_edges import FileEdges
from bot.diagnosis.file_sources import rank_of_path, sources_of
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.run_causes import NEVER_NS, LocatedFailure, add_dumps, explain_run
from bot.diagnosis.silent_ranks import ProcessLog, SilentRanks, silence_failure, silent_ranks
from bot.domain.alerts import Severity

CONTINUED_NS = 120 * 1_000_000_000
"""A process that logs steps this long after a failure has survived it."""
_LATER_ATTEMPT = "A later attempt of the run trained."
_CONTINUED = "The process logged steps after it."
_PEER_FINISHED = "Another process had already reported success."


@dataclass(frozen=True, slots=True)
class FileDiagnosis:
    """The diagnosis of one file."""

    path: str
    diagnosis: Diagnosis
    edges: FileEdges = field(default_factory=FileEdges)
    evidence: RankEvidence = field(default_factory=RankEvidence)
    """What its open failure reveals about other ranks."""
    rank: int | None = None
    """The rank of its process, from its first lines or from the names of all files."""
    label: Label = ""
    """The rank, else a short name of its process."""
    process: str = ""
    """Equal for the files of one process."""
    attempt: int | None = None
    dump: RankDump | None = None
    """What it holds if it is a dump and not a log."""

    @property
    def problems(self) -> int:
        """Number of failures in this file alone that someone must act on."""
        return sum(one.severity is Severity.PAGE for one in self.diagnosis.failures)


def name_files(files: Sequence[FileDiagnosis]) -> list[FileDiagnosis]:
    """Find the process of each file; what a file states wins over its name."""
    sources = sources_of([file.path for file in files])
    stated = {
        source.process: file.edges.rank
        for file, source in zip(files, sources, strict=True)
        if file.edges.rank is not None
    }
    named: list[FileDiagnosis] = []
    for file, source in zip(files, sources, strict=True):
        rank = stated.get(source.process, source.rank)
        label = source.label if rank is None else rank
        named.append(replace(file, rank=rank, label=label, process=source.process, attempt=source.attempt))
    return named


def merge_files(files: Sequence[FileDiagnosis]) -> Diagnosis:
    """Combine the diagnoses of the files of one run into one."""
    files = name_files(files)
    newest = max((one for one in files if _has_trained(one)), key=_progress_order, default=None)
    groups: dict[tuple[str, str], list[LocatedFailure]] = {}
    logs = _processes(files)
    ends = {log.process: log.last_ns for log in logs}
    peers = _Peers.of(files, newest)
    for file in files:
        for failure in file.diagnosis.failures:
            located = _locate(peers.judge(failure, file), file, ends.get(file.process))
            key = failure.fingerprint if failure.signature == "python_exception" else failure.signature
            groups.setdefault((key, located.failure.severity.value), []).append(located)
    evidence = RankEvidence()
    for file in files:
        evidence.merge(file.evidence, file.rank)
        if file.rank is not None and file.dump is None:
            evidence.reports.add_known(file.rank)
    silences = silent_ranks(logs)
    paths = {log.rank: log.path for log in logs if log.rank is not None and log.is_newest}
    found = compare_dumps([(one.dump, one.rank) for one in files if one.dump is not None])
    failures = add_dumps(
        explain_run([_merge_group(group) for group in groups.values()], evidence, silences, paths), found
    )
    finished = any(one.diagnosis.progress.finished for one in files)
    if newest is not None:  # a rank that never started would have kept the others from training
        silences = replace(silences, empty=(), missing=())
    if silences and not finished and not any(one.severity is Severity.PAGE for one in failures):
        failures = (*failures, _silence(silences, files))
    talkative = max((one.diagnosis for one in files), key=lambda one: len(one.last_lines.notable), default=Diagnosis())
    lines = sum(one.diagnosis.lines for one in files)
    trained = newest.diagnosis if newest is not None else Diagnosis()
    return Diagnosis(failures, lines, trained.progress, talkative.last_lines, attempt_ns=trained.attempt_ns)


def name_single(file: FileDiagnosis) -> FileDiagnosis:
    """Give the rank that a file states, or its name, to the failures whose lines state none."""
    rank = rank_of_path(file.path) if file.edges.rank is None else file.edges.rank
    if rank is None:
        return file
    failures = (one if one.ranks else replace(one, ranks=(rank,)) for one in file.diagnosis.failures)
    return replace(file, rank=rank, diagnosis=replace(file.diagnosis, failures=tuple(failures)))


@dataclass(frozen=True, slots=True)
class _Peers:
    """What the other files of a run show about the failures of one."""

    of_process: Mapping[str, Sequence[FileDiagnosis]]
    finished: frozenset[int | None]
    """The attempts of which a process reported success."""
    newest_attempt: int | None
    """The newest one that trained."""

    @classmethod
    def of(cls, files: Sequence[FileDiagnosis], newest: FileDiagnosis | None) -> "_Peers":
        """Index the files of a run."""
        processes: dict[str, list[FileDiagnosis]] = {}
        for file in files:
            processes.setdefault(file.process, []).append(file)
        finished = frozenset(file.attempt for file in files if file.diagnosis.progress.finished)
        return cls(processes, finished, None if newest is None else newest.attempt)

    def judge(self, failure: Failure, file: FileDiagnosis) -> Failure:
        """Lower the severity of a failure that other files show to be over."""
        if failure.severity is not Severity.PAGE:
            return failure
        if file.attempt is not None and self.newest_attempt is not None and file.attempt < self.newest_attempt:
            return replace(failure, severity=Severity.WARN, verdict=None, why=_LATER_ATTEMPT)
        last_ns = next((ns for ns in (failure.last_ns, failure.first_ns, file.edges.last_ns) if ns is not None), None)
        for other in self.of_process[file.process]:
            step_ns = other.diagnosis.progress.last_ns
            goes_on = last_ns is not None and step_ns is not None and step_ns - last_ns > CONTINUED_NS
            if other is not file and (goes_on or other.diagnosis.progress.finished):
                return replace(failure, severity=Severity.WARN, verdict=None, why=_CONTINUED)
        if failure.precedence.is_consequence and file.attempt in self.finished and not file.diagnosis.progress.finished:
            return replace(failure, severity=Severity.INFO, verdict=None, why=_PEER_FINISHED)
        return failure


def _silence(silences: SilentRanks, files: Sequence[FileDiagnosis]) -> Failure:
    path = silences.paths.get(silences.ranks[0])
    file = next((one for one in files if one.path == path), None)
    if file is None or not file.diagnosis.last_lines.ending:
        return silence_failure(silences, "", 0)
    return silence_failure(silences, file.diagnosis.last_lines.ending[-1].message, file.diagnosis.lines)


def _locate(failure: Failure, file: FileDiagnosis, process_end_ns: int | None) -> LocatedFailure:
    located = replace(failure, file=file.path, ranks=failure.ranks or (file.label,))
    times = (failure.first_ns, file.diagnosis.progress.last_ns, file.edges.last_ns, process_end_ns)
    return LocatedFailure(located, next((ns for ns in times if ns is not None), NEVER_NS), failure.first_ns is not None)


def _merge_group(group: Sequence[LocatedFailure]) -> LocatedFailure:
    """The same failure of several processes: the earliest is the root."""
    ordered = sorted(group, key=lambda one: one.around_ns)
    root, failures = ordered[0], [one.failure for one in ordered]
    merged = replace(
        root.failure,
        ranks=tuple(dict.fromkeys(rank for one in failures for rank in one.ranks)),
        count=sum(one.count for one in failures),
        first_ns=min((one.first_ns for one in failures if one.first_ns is not None), default=None),
        last_ns=max((one.last_ns for one in failures if one.last_ns is not None), default=None),
    )
    return replace(root, failure=merged)


def _processes(files: Sequence[FileDiagnosis]) -> list[ProcessLog]:
    """The processes of the newest attempt, each with all of its files."""
    found: dict[str, ProcessLog] = {}
    newest = max((file.attempt for file in files if file.attempt is not None), default=None)
    for file in files:
        if file.dump is not None:
            continue
        log = ProcessLog(
            file.process, file.rank, file.diagnosis.lines, file.edges.last_ns, file.path, file.edges.world_size,
            is_newest=file.attempt in (None, newest),
        )  # fmt: skip
        found[file.process] = found[file.process].joined(log) if file.process in found else log
    return list(found.values())


def _has_trained(file: FileDiagnosis) -> bool:
    return file.diagnosis.progress.step is not None or file.diagnosis.progress.last_ns is not None


def _progress_order(file: FileDiagnosis) -> tuple[int, int, int]:
    progress = file.diagnosis.progress
    return -1 if file.attempt is None else file.attempt, progress.last_ns or 0, progress.step or 0
