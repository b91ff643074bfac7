"""Signs around a root cause that support or weaken it, as `confidence.toml` names them."""

from collections.abc import Iterable, Sequence

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.recovery import Recovery
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.labels import Label


def signs_around(
    root: Candidate, candidates: Iterable[Candidate], recovery: Recovery, ranks: Sequence[Label]
) -> tuple[str, ...]:
    """Return the names of the signs that hold.

    Args:
        root: the root cause.
        candidates: those of the same failure.
        recovery: what followed.
        ranks: those that are reported.
    """
    others = [one for one in candidates if one is not root]
    causes = [one for one in others if one.precedence <= Precedence.WEAK and one.category != root.category]
    signs = {
        "rival": bool(causes),
        "late": any(one.line < root.line for one in others),
        "exit": any(one.precedence in (Precedence.TEARDOWN, Precedence.TRACE) for one in others),
        "traceback": root.has_exception,
        "retried": recovery.is_handled(root),
        "steps after": recovery.steps_since_event > 0,
        "server": root.is_in_server,
        "rank": any(isinstance(rank, int) for rank in ranks),
    }
    return tuple(name for name, holds in signs.items() if holds)
