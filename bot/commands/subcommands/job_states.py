"""The words for the states of jobs in `jobs running`. Pure."""

from collections.abc import Mapping

from bot.domain.jobs import JobState

_GROUPS: Mapping[tuple[str, ...], frozenset[JobState]] = {
    ("running",): frozenset({JobState.RUNNING, JobState.UNHEALTHY}),
    ("failed", "failing", "crashed", "broken", "dead"): frozenset({JobState.FAILED, JobState.PREEMPTED}),
    ("active", "alive", "live"): frozenset(one for one in JobState if not one.is_terminal),
    ("ended", "done", "finished"): frozenset(one for one in JobState if one.is_terminal),
    ("queued", "pending", "waiting"): frozenset(one for one in JobState if one.is_pending),
    ("succeeded", "completed", "successful"): frozenset({JobState.SUCCEEDED}),
    ("idle",): frozenset({JobState.IDLE}),
    ("cancelled", "canceled"): frozenset({JobState.CANCELLED}),
    ("preempted",): frozenset({JobState.PREEMPTED}),
    ("unhealthy",): frozenset({JobState.UNHEALTHY}),
    ("starting",): frozenset({JobState.STARTING}),
}
MAIN_WORDS: tuple[str, ...] = tuple(words[0] for words in _GROUPS)
"""One word for each group of states."""
STATE_WORDS: Mapping[str, frozenset[JobState]] = {word: states for words, states in _GROUPS.items() for word in words}
"""Each word that people type, and the states it means."""
