"""Wording that both frontends share."""


def plural(count: int, noun: str) -> str:
    """A number with its noun: `1 line`, `2,340 lines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def times(count: int) -> str:
    """How often something occurred, to append to it: ` x13` with a multiplication sign, "" for once."""
    return f" \u00d7{count:,}" if count > 1 else ""
