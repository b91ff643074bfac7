"""Compare the failure of a diagnosis with earlier runs, as alerts do."""

from dataclasses import replace

from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.domain.run_history import RunFacts
from bot.errors import StoreUnavailable
from bot.rules.run_history import (
    NODE_CATEGORIES,
    NODE_WINDOW,
    SAME_WINDOW,
    failed_run,
    first_page,
    judge_with_history,
    with_judgement,
)
from bot.store.ended_runs import EndedRuns


async def compare_with_earlier_runs(answer: DiagnosisAnswer, ended_runs: EndedRuns) -> DiagnosisAnswer:
    """Return the diagnosis with a verdict that considers earlier runs; unchanged if the database does not answer."""
    page = first_page(answer.diagnosis)
    if page is None:
        return answer
    try:
        stored = await ended_runs.find(answer.job.ref)
        facts = stored.facts if stored is not None else RunFacts()
        run = failed_run(answer.job, page, facts, answer.job.ended_at or answer.end)
        history = await ended_runs.history_of(run, NODE_CATEGORIES, NODE_WINDOW, SAME_WINDOW)
    except StoreUnavailable:
        return answer
    judged = judge_with_history(page, run, history)
    return replace(answer, diagnosis=with_judgement(answer.diagnosis, judged))
