"""Wording that both frontends share."""


def plural(count: int, noun: str) -> str:
    """A number with its noun: `1 line`, `2,340 lines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def times(count: int) -> str:
    """How often something occurred, to append to it: ` x13` with a multiplication sign, "" for once."""
    return f" \u00d7{count:,}" if count > 1 else ""


def size_text(size: int) -> str:
    """A number of bytes: `940 bytes`, `12 kB`, `100 MB`, `1.2 GB`."""
    if size < 1000:
        return plural(size, "byte")
    for unit, factor in (("kB", 10**3), ("MB", 10**6)):
        if size < 1000 * factor:
            return f"{size / factor:.{int(size < 10 * factor and size % factor != 0)}f} {unit}"
    return f"{size / 10**9:,.1f} GB"
