"""What a diagnosis calls the process that wrote a line, and how it names many of them. Pure."""

from collections.abc import Collection, Iterable

Label = int | str
"""A rank, or the name of a replica, node or file where the log names no rank."""

_MAX_PARTS = 8
"""Number of ranges and names that are shown."""
_MIN_RANGE = 3


def rank_ranges(ranks: Iterable[int]) -> list[str]:
    """Return ranks as ascending ranges: `0-7`, `9`, `12-15`. Two neighbours stay two numbers."""
    runs: list[list[int]] = []
    for rank in sorted(set(ranks)):
        if runs and rank == runs[-1][-1] + 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    return [part for run in runs for part in ([f"{run[0]}-{run[-1]}"] if len(run) >= _MIN_RANGE else map(str, run))]


def list_labels(labels: Iterable[Label]) -> str:
    """Return `0-7, 9-15`, or `node-1, node-2 and 14 more`."""
    known = list(labels)
    parts = rank_ranges(one for one in known if isinstance(one, int))
    hidden = 0
    if len(parts) > _MAX_PARTS:
        shown = sum(_width(part) for part in parts[:_MAX_PARTS])
        hidden = len({one for one in known if isinstance(one, int)}) - shown
        parts = parts[:_MAX_PARTS]
    names = list(dict.fromkeys(one for one in known if isinstance(one, str)))
    room = _MAX_PARTS - len(parts)
    hidden += max(0, len(names) - room)
    return ", ".join([*parts, *names[:room]]) + (f" and {hidden:,} more" if hidden else "")


def name_labels(labels: Collection[Label]) -> str:
    """Return `rank 8`, `ranks 0-7, 9-15`, or names without that word."""
    if not all(isinstance(one, int) for one in labels):
        return list_labels(labels)
    return f"{'rank' if len(set(labels)) == 1 else 'ranks'} {list_labels(labels)}"


def _width(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last) - int(first) + 1 if last else 1
