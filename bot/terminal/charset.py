"""Terminals whose locale is not UTF-8: which they are, and ASCII in place of what plots are drawn with. Pure."""

from collections.abc import Mapping

from bot.domain.metrics import BARS

_FIRST_BRAILLE = 0x2800
_UPPER, _LOWER = 0b00011011, 0b11100100
"""The dots in the upper and in the lower half of a braille character."""


def legacy_encoding(variables: Mapping[str, str]) -> str | None:
    """The encoding that the locale names if that is not UTF-8; None for UTF-8, and for a locale that names none.

    Args:
        variables: the environment with names in lower case.
    """
    named = (variables[name] for name in ("lc_all", "lc_ctype", "lang") if variables.get(name))
    locale = next(named, "")
    if locale in ("C", "POSIX"):
        return "ascii"
    encoding = locale.partition(".")[2].partition("@")[0]
    if not encoding or encoding.lower().replace("-", "") == "utf8":
        return None
    try:
        "".encode(encoding)
    except LookupError:
        return "ascii"
    return encoding


def to_ascii(text: str) -> str:
    """Replace the characters of plots and tables by similar ones of ASCII, each by one."""
    return text.translate(_SIMILAR)


def _braille(bits: int) -> str:
    if not bits:
        return " "
    upper, lower = bits & _UPPER, bits & _LOWER
    return ":" if upper and lower else "'" if upper else "."


_SIMILAR = {
    **{_FIRST_BRAILLE + bits: _braille(bits) for bits in range(256)},
    **dict(zip(map(ord, BARS), "_,-=+*#@", strict=True)),
    **{ord(one): other for one, other in zip("·…▶─│┤└━→", ".~>-|+`=>", strict=True)},
}
