r"""One kind of secret as a row of data, and builders for the common kinds.

The rows are in `token_patterns` and `context_patterns`.

Every page of log is searched for every row, and whoever writes the log must not be able to make that slow. So each
regular expression keeps two rules. It begins with a literal, which Python's `re` finds ten times faster than anything
else; case-insensitive rows are searched in lower-cased text, so that they have a literal too. And no position of a text
is read twice: a repetition ends where the pattern may begin again, or is possessive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MESSAGE_SEPARATOR = "\n\x01\n"
"""Separates messages that are searched together. No pattern matches a value across it."""

Check = Callable[[str, int, str], bool]
"""Takes the text, the start of the match and the value; returns whether the value is a secret."""


@dataclass(frozen=True, slots=True)
class SecretPattern:
    """One kind of secret."""

    literal: str
    """What every match begins with; lower case if `ignore_case`."""
    rest: str
    """Regular expression of `re` for what follows the literal. Its last group is hidden."""
    prefilter: str
    """RE2 pattern that matches in every text with such a secret, so that most texts need only one RE2 pass."""
    hides: str
    """Example: the part in `«»` is hidden. `{N}` stands for N letters and digits, so that no scanner takes the example
    for a leaked secret."""
    keeps: str
    """Example of similar text that stays as it is."""
    ignore_case: bool = False
    check: Check | None = None
    """Decides whether the value is a secret where the pattern alone does not; None accepts all."""
    token_prefix: str = ""
    """RE2 pattern of a token's public prefix, to find tokens that a console broke over two lines."""


ALNUM, WORD, DASHED, DOTTED, BASE64, HEX = (
    "[A-Za-z0-9]",
    "[A-Za-z0-9_]",
    "[A-Za-z0-9_-]",
    "[A-Za-z0-9_.-]",
    "[A-Za-z0-9+/=]",
    "[0-9a-f]",
)
_WORD_START = (
    r"(?:(?<![A-Za-z0-9_]LITERAL)|(?<=[0-9;\[]mLITERAL)|(?<=\\[bfnrt]LITERAL)|(?<=%[0-9A-Fa-f]{2}LITERAL)"
    r"|(?<=\\u00[0-9a-f]{2}LITERAL))"
)
"""At the start of a word, also after an ANSI colour and after an escaped character of JSON or a URL."""


def token(
    literal: str,
    value: str,
    hides: str,
    keeps: str,
    *,
    more: str = "",
    min_chars: int = 20,
    word_start: bool = True,
) -> SecretPattern:
    """A vendor's token: a public prefix (`literal`, then the pattern `more`), then characters of the class `value`."""
    start = _WORD_START.replace("LITERAL", re.escape(literal)) if word_start else ""
    prefix = re.escape(literal) + more
    return SecretPattern(
        literal,
        f"{start}{more}({value}{{{min_chars},}})",
        f"{prefix}{value}{{{min(min_chars, 8)}}}",
        hides,
        keeps,
        token_prefix=prefix,
    )


def aws_key_id(literal: str, hides: str, keeps: str) -> SecretPattern:
    """An AWS access key id: four letters and exactly sixteen more characters."""
    start = _WORD_START.replace("LITERAL", literal)
    return SecretPattern(literal, f"{start}([A-Z0-9]{{16}})(?![A-Za-z0-9_])", f"{literal}[A-Z0-9]{{16}}", hides, keeps)


_SIGNED_VALUE = r"(?:=|%3d)(?!\[hidden\])([^&\s\"'<>]{8,})"


def query_parameter(literal: str, hides: str, keeps: str, more: str = "") -> SecretPattern:
    """A parameter of a signed URL. Its `&` or `?` may be escaped for JSON or for a URL."""
    before = f"(?:(?<=[?&;]{literal})|(?<=u0026{literal})|(?<=%26{literal})|(?<=%3f{literal}))"
    prefilter = f"(?i:(?:[?&;]|u0026|%26|%3f){literal}{more}(?:=|%3d))"
    return SecretPattern(literal, f"{before}{more}{_SIGNED_VALUE}", prefilter, hides, keeps, ignore_case=True)


def vendor_parameter(literal: str, hides: str, keeps: str) -> SecretPattern:
    """A signature, credential or security token among the parameters of an object store's signed URL."""
    names = "(?:signature|credential|security-token)"
    prefilter = f"(?i:{literal}{names}(?:=|%3d))"
    return SecretPattern(literal, names + _SIGNED_VALUE, prefilter, hides, keeps, ignore_case=True)


_COLOUR = r"(?:\x1b\[[\d;]{0,12}m){0,3}+"
_QUOTE = r"(?:\\{0,3}[\"'])?"
_PLACEHOLDER = r"(?!\[hidden\]|\[redacted|none\b|null\b|true\b|false\b|\*|<|\$|os\.|env\b|\.\.\.|xxx)"
_HAS_DIGIT = r"(?=[^\s\"']{0,64}\d)"
_UNQUOTED = r"[^\s\"'&,;)}\]]"
_VALUE_AFTER_NAME = (
    rf"{_COLOUR}{_QUOTE}{_COLOUR}(?:"
    # A quoted value, up to its closing quote or the end of the line.
    rf"\s{{0,2}}(?:=>?+|:=?+)\s{{0,3}}{_COLOUR}(?:"
    rf"\\{{1,3}}[\"']{_PLACEHOLDER}([^\"'\\\n]{{4,}})"
    rf"|\"{_PLACEHOLDER}(?=[^\"\n]{{4}})([^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+)"
    rf"|'{_PLACEHOLDER}(?=[^'\n]{{4}})([^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+))"
    rf"|\s{{0,2}}=>?+\s?{_COLOUR}'?{_PLACEHOLDER}({_UNQUOTED}{{4,}})"
    # After a colon, prose may follow instead of a value: require a digit.
    rf"|\s?:\s{{0,3}}{_COLOUR}{_PLACEHOLDER}{_HAS_DIGIT}({_UNQUOTED}{{6,}})"
    # A tuple of name and value.
    rf"|(?<=[\"'])\s?,\s{{0,2}}\\{{0,3}}[\"']{_PLACEHOLDER}{_HAS_DIGIT}([^\s\"'\\]{{8,}})"
    # --api-key value
    rf"|(?(flag)(?<![\"'])\s(?!-){_PLACEHOLDER}[\"']?([^\s\"']{{6,}})|(?!))"
    # --wandb_api_key value
    rf"|(?(joined)(?<![\"'])\s(?!-){_PLACEHOLDER}{_HAS_DIGIT}[\"']?([^\s\"']{{12,}})|(?!)))"
)


def secret_name(literal: str, hides: str, keeps: str, more: str = "") -> SecretPattern:
    """A name that announces a secret, such as `api_key`: the value after it is hidden."""
    flags = f"(?P<flag>(?<=-{literal}))?(?P<joined>(?<=_{literal}))?"
    rest = f"{flags}{more}{_VALUE_AFTER_NAME}"
    return SecretPattern(literal, rest, f"(?i:{literal}{more})", hides, keeps, ignore_case=True)


VALUE = "[A-Za-z0-9_.~+/=-]"
ASSIGNED = rf"{_COLOUR}{_QUOTE}{_COLOUR}\s{{0,2}}[=:]\s{{0,3}}{_COLOUR}{_QUOTE}"
"""What is between a name and its value."""


def checked_value(
    literal: str, before: str, prefilter: str, check: Check, hides: str, keeps: str, min_chars: int = 16
) -> SecretPattern:
    """A word such as `token` that often precedes harmless values: only a value that passes `check` is hidden."""
    rest = f"{before}({VALUE}{{{min_chars},}})"
    return SecretPattern(literal, rest, f"(?i:{literal}{prefilter})", hides, keeps, ignore_case=True, check=check)
