"""Add to the verdict of a log what earlier runs show. Pure; `store.ended_runs` finds the runs."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Severity
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import Job
from bot.domain.run_history import EndedRun, JudgedRun, RunFacts, RunHistory
from bot.domain.run_verdicts import Remedy, RunVerdict
from bot.rules.shared_causes import NODE, find_shared_cause

NODE_WINDOW = timedelta(days=7)
SAME_WINDOW = timedelta(days=14)
"""How long ago a run may have failed in the same way."""
BAD_NODE = 3
"""Failures on one node within a week from which the node is suspected."""
NODE_CATEGORIES = ("gpu_fault", "collective", "hang", "storage", "host_memory", "scheduler")
"""What a node can cause: neither the code nor its memory on a GPU."""
_COMPARED = frozenset(
    {"code", "launch", "collective", "gpu_memory", "host_memory", "gpu_fault", "numerics", "hang", "data"}
)
"""Categories in which a version or an argument may be to blame."""
_USED = "the last good run of this project used"
_ORDINALS = ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NCCL_PREFIX = re.compile(r"^\[?([A-Za-z][\w.-]{1,60}):\d+:\d+ \[\d+\] NCCL ")
_SLURM_PREFIX = re.compile(r"\b(?:srun|slurmstepd): error: ([A-Za-z][\w.-]*\d[\w.-]*): ")


def first_page(diagnosis: Diagnosis | None) -> Failure | None:
    """Return the page whose verdict earlier runs may change; None if there is none."""
    failures = diagnosis.failures if diagnosis is not None else ()
    return next((one for one in failures if one.severity is Severity.PAGE and one.verdict is not None), None)


def failed_run(job: Job, failure: Failure, facts: RunFacts, now: datetime) -> EndedRun:
    """Return the run as the history keeps it."""
    scope = KnownJob.of(job).scope
    return EndedRun(job.ref, scope, now, failure.category, failure.fingerprint, node_of(failure), job.name, facts)


def good_run(job: Job, facts: RunFacts, now: datetime) -> EndedRun:
    """Return a run that succeeded, as the history keeps it."""
    return EndedRun(job.ref, KnownJob.of(job).scope, job.ended_at or now, name=job.name, facts=facts)


def node_of(failure: Failure) -> str:
    """Return the node that the lines of a failure name; "" if none does."""
    lines = list(_root_first(failure))
    shared = find_shared_cause("", lines)
    if shared.startswith(NODE):
        return shared.removeprefix(NODE)
    found = (pattern.search(line) for line in lines for pattern in (_NCCL_PREFIX, _SLURM_PREFIX))
    return next((one[1].lower() for one in found if one is not None), "")


def judge_with_history(failure: Failure, run: EndedRun, history: RunHistory) -> JudgedRun:
    """Return the verdict on a failure, given the earlier runs."""
    assert failure.verdict is not None
    verdict = _compared(failure.verdict, run, _related(run, history.good))
    verdict = _repeated(verdict, run, _related(run, history.same))
    verdict = _on_node(verdict, run, history.node_failures)
    return JudgedRun(failure.fingerprint, verdict.remedy.value, verdict.reason, verdict.missing)


def with_judgement(diagnosis: Diagnosis, judged: JudgedRun | None) -> Diagnosis:
    """Return the diagnosis with the verdict that considered earlier runs."""
    page = first_page(diagnosis)
    if judged is None or page is None or page.fingerprint != judged.fingerprint:
        return diagnosis
    verdict = RunVerdict(Remedy(judged.remedy), judged.reason, judged.missing, is_from_log_only=False)
    failures = (replace(one, verdict=verdict) if one is page else one for one in diagnosis.failures)
    return replace(diagnosis, failures=tuple(failures))


def _related(run: EndedRun, other: EndedRun | None) -> EndedRun | None:
    """The other run; where jobs have no project, only if the names are the same."""
    return other if run.scope or (other is not None and run.name is not None and other.name == run.name) else None


def _on_node(verdict: RunVerdict, run: EndedRun, earlier: int) -> RunVerdict:
    count = earlier + 1
    if not run.node or run.category not in NODE_CATEGORIES or count < BAD_NODE:
        return verdict
    ordinal = _ORDINALS[count - BAD_NODE] if count - BAD_NODE < len(_ORDINALS) else f"{count}th"
    reason = f"{ordinal} failure on {run.node} within a week"
    return replace(verdict, remedy=Remedy.CHANGE_NODE, reason=reason, missing="a run on another node that works")


def _repeated(verdict: RunVerdict, run: EndedRun, same: EndedRun | None) -> RunVerdict:
    """The same failure before: a restart did not help."""
    if same is None:
        return verdict
    whose = "job" if run.name is not None and same.name == run.name else "project"
    reason = f"same failure as {_earlier_run(whose, (run.at.date() - same.at.date()).days)}"
    is_restart = verdict.remedy is Remedy.RESTART and run.category != "scheduler"
    missing = verdict.missing if _USED not in verdict.reason else f"whether it matters that {verdict.reason}"
    return replace(verdict, remedy=Remedy.FIX if is_restart else verdict.remedy, reason=reason, missing=missing)


def _compared(verdict: RunVerdict, run: EndedRun, good: EndedRun | None) -> RunVerdict:
    """What differs from the last good run, which may be the cause."""
    if good is None or run.category not in _COMPARED or verdict.remedy is Remedy.WAIT:
        return verdict
    difference = next(_differences(run.facts, good.facts), "")
    if not difference:
        return verdict
    if difference.startswith(_USED) and verdict.remedy is not Remedy.CHANGE_NODE:
        return replace(verdict, remedy=Remedy.FIX, reason=difference)
    return replace(verdict, missing="; ".join(filter(None, (f"whether it matters that {difference}", verdict.missing))))


def _differences(facts: RunFacts, good: RunFacts) -> Iterator[str]:
    for name, value in sorted(facts.versions.items()):
        if good.versions.get(name, value) != value:
            yield f"{_USED} {name} {good.versions[name]}, this one {value}"
    for name, value in sorted(facts.arguments.items()):
        if good.arguments.get(name, value) != value:
            yield f"{name} was {good.arguments[name]} in the last good run and is {value} in this one"
    new = (one for one in facts.warnings if one not in good.warnings)
    yield from (f'this run warns "{one}", unlike the last good one' for one in new)


def _earlier_run(whose: str, days: int) -> str:
    if days > 1:
        return f"a run of this {whose} {days} days ago"
    return f"{'yesterday' if days == 1 else 'today'}'s run of this {whose}"


def _root_first(failure: Failure) -> Iterator[str]:
    if failure.root_index is not None and failure.root_index < len(failure.excerpt):
        yield failure.excerpt[failure.root_index]
    yield from failure.excerpt
