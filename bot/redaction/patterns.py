r"""What secrets look like: the rows of `secret_patterns.toml` as regular expressions.

Every page of log is searched for every row, and whoever writes the log must not be able to make that slow. So each
regular expression keeps two rules. It begins with a literal, which Python's `re` finds ten times faster than anything
else; case-insensitive rows are searched in lower-cased text, so that they have a literal too. And no position of a text
is read twice: a repetition ends where the pattern may begin again, or is possessive.
"""

import base64
import binascii
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

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
    keeps: str
    ignore_case: bool = False
    check: Check | None = None
    """Decides whether the value is a secret where the pattern alone does not; None accepts all."""
    token_prefix: str = ""
    """RE2 pattern of a token's public prefix, to find tokens that a console broke over two lines."""
    before: str = ""
    """Regular expression of the part of the secret before the literal, which is then hidden as well."""


_CLASSES = {
    "alnum": "[A-Za-z0-9]",
    "word": "[A-Za-z0-9_]",
    "dashed": "[A-Za-z0-9_-]",
    "dotted": "[A-Za-z0-9_.-]",
    "base64": "[A-Za-z0-9+/=]",
    "hex": "[0-9a-f]",
}
_WORD_START = (
    r"(?:(?<![A-Za-z0-9_]LITERAL)|(?<=[0-9;\[]mLITERAL)|(?<=\\[bfnrt]LITERAL)|(?<=%[0-9A-Fa-f]{2}LITERAL)"
    r"|(?<=\\u00[0-9a-f]{2}LITERAL))"
)
"""At the start of a word, also after an ANSI colour and after an escaped character of JSON or a URL."""


_LONG_REPETITION = re.compile(r"\{(?:1[3-9]|[2-9]\d|\d{3}).*")
"""In a prefilter, a part of a token is enough: long repetitions make RE2 slow."""
_MIN_PREFIX_CHARS = 3
"""A shorter prefix is searched for at the start of a word only, or it would be found everywhere."""


def token(
    prefix: str, chars: str, hides: str, keeps: str, more: str = "", min_chars: int = 20, *, word_start: bool = True
) -> SecretPattern:
    """A vendor's token: a public prefix (a literal, then the pattern `more`), then characters of the class `chars`."""
    start = _WORD_START.replace("LITERAL", re.escape(prefix)) if word_start else ""
    public, value = re.escape(prefix) + more, _CLASSES.get(chars, chars)
    rest, prefilter = f"{start}{more}({value}{{{min_chars},}})", f"{public}{value}{{{min(min_chars, 8)}}}"
    return SecretPattern(prefix, rest, prefilter, hides, keeps, token_prefix=public)


def shaped_token(prefix: str, shape: str, hides: str, keeps: str, check: str | None = None) -> SecretPattern:
    """A vendor's token of a fixed shape, an RE2 pattern, after a public prefix; with a check, it must pass that."""
    start, public = _WORD_START.replace("LITERAL", re.escape(prefix)), re.escape(prefix)
    if len(prefix) < _MIN_PREFIX_CHARS:
        public = f"(?:^|[^A-Za-z0-9_]|m){public}"
    rest, part = f"{start}({shape})(?![A-Za-z0-9_])", f"{public}[A-Za-z0-9_.-]{{4}}"
    checked = None if check is None else CHECKS[check]
    prefilter = public + _LONG_REPETITION.sub("{12}", shape)
    return SecretPattern(prefix, rest, prefilter, hides, keeps, check=checked, token_prefix=part)


def inner_token(before: str, literal: str, shape: str, hides: str, keeps: str) -> SecretPattern:
    """A vendor's token that is recognized by a literal inside it, with RE2 patterns of what is before and after."""
    rest, prefilter = f"({shape})(?![A-Za-z0-9])", re.escape(literal) + _LONG_REPETITION.sub("{12}", shape)
    before = f"(?:(?<![A-Za-z0-9])|(?<=[0-9;\\[]m)){before}"
    return SecretPattern(literal, rest, prefilter, hides, keeps, before=before, token_prefix=re.escape(literal))


def aws_key_id(prefix: str, hides: str, keeps: str) -> SecretPattern:
    """An AWS access key id."""
    start = _WORD_START.replace("LITERAL", prefix)
    return SecretPattern(prefix, f"{start}([A-Z0-9]{{16}})(?![A-Za-z0-9_])", f"{prefix}[A-Z0-9]{{16}}", hides, keeps)


_SIGNED_VALUE = r"(?:=|%3d)(?!\[hidden\])([^&\s\"'<>]{8,})"


def query_parameter(name: str, hides: str, keeps: str, more: str = "") -> SecretPattern:
    """A parameter of a signed URL. Its `&` or `?` may be escaped for JSON or for a URL."""
    before = f"(?:(?<=[?&;]{name})|(?<=u0026{name})|(?<=%26{name})|(?<=%3f{name}))"
    prefilter = f"(?i:(?:[?&;]|u0026|%26|%3f){name}{more}(?:=|%3d))"
    return SecretPattern(name, f"{before}{more}{_SIGNED_VALUE}", prefilter, hides, keeps, ignore_case=True)


def store_parameter(prefix: str, hides: str, keeps: str) -> SecretPattern:
    """A signature, credential or security token among the parameters of an object store's signed URL."""
    names = "(?:signature|credential|security-token)"
    prefilter = f"(?i:{prefix}{names}(?:=|%3d))"
    return SecretPattern(prefix, names + _SIGNED_VALUE, prefilter, hides, keeps, ignore_case=True)


_COLOUR = r"(?:\x1b\[[\d;]{0,12}m){0,3}+"
_QUOTE = r"(?:\\{0,3}[\"'])?"
_LINE_END = r"[ \t]{0,2}(?:\n\x01\n|\r?\n)"
LINE_PREFIX = (
    r"(?:\[?\d{4}-\d\d-\d\d[Tt ][\d:.,+Zz-]{5,20}\]?[ \t]{1,2}(?:\[?[A-Za-z]{4,8}\]?:?[ \t]{1,2})?)?[ \t]{0,40}"
)
"""What loggers and indentation put before the rest of a text on its next line."""
_PLACEHOLDER = r"(?!\[hidden\]|\[redacted|none\b|null\b|true\b|false\b|\*|<|\$|os\.|env\b|\.\.\.|xxx)"
_HAS_DIGIT = r"(?=[^\s\"']{0,64}\d)"
_UNQUOTED = r"[^\s\"'&,;)}\]]"
_VALUE_AFTER_NAME = (
    rf"{_COLOUR}{_QUOTE}{_COLOUR}(?:"
    # A quoted value, up to its closing quote or the end of the line.
    rf"[ \t]{{0,2}}(?:=>?+|:=?+)[ \t]{{0,3}}{_COLOUR}(?:"
    rf"\\{{1,3}}[\"']{_PLACEHOLDER}([^\"'\\\n]{{4,}})"
    rf"|\"{_PLACEHOLDER}(?=[^\"\n]{{4}})([^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+)"
    rf"|'{_PLACEHOLDER}(?=[^'\n]{{4}})([^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+))"
    rf"|[ \t]{{0,2}}=>?+[ \t]?{_COLOUR}'?{_PLACEHOLDER}({_UNQUOTED}{{4,}})"
    # After a colon, prose may follow instead of a value: require a digit.
    rf"|[ \t]?:[ \t]{{0,3}}{_COLOUR}{_PLACEHOLDER}{_HAS_DIGIT}({_UNQUOTED}{{6,}})"
    # A value on the next line: a block of YAML, a quoted value, or a line that consists of a value with a digit.
    rf"|[ \t]{{0,2}}[=:][ \t]{{0,3}}(?P<block>[>|][+-]?\d?)?[\\(]?{_LINE_END}{LINE_PREFIX}(?:- )?{_PLACEHOLDER}(?:"
    rf"\"([^\"\n]{{4,}})\"|'([^'\n]{{4,}})'|(?(block)([^\s\x01][^\n\x01]{{3,}})|(?!))"
    rf"|(?![/~]|[a-z_.-]{{1,40}}=[^=]|[\w.]{{1,60}}\(|[^\s]{{0,20}}://)"
    rf"{_HAS_DIGIT}([^\s\"'\\:\x01]{{6,}})[,;]?[ \t]{{0,2}}(?=\n|\Z))"
    # A tuple of name and value.
    rf"|(?<=[\"'])\s?,\s{{0,2}}\\{{0,3}}[\"']{_PLACEHOLDER}{_HAS_DIGIT}([^\s\"'\\]{{8,}})"
    # --api-key value
    rf"|(?(flag)(?<![\"'])(?:\s|[ \t]?\\{_LINE_END}{LINE_PREFIX})(?!-){_PLACEHOLDER}[\"']?([^\s\"']{{6,}})|(?!))"
    # --wandb_api_key value
    rf"|(?(joined)(?<![\"'])\s(?!-){_PLACEHOLDER}{_HAS_DIGIT}[\"']?([^\s\"']{{12,}})|(?!)))"
)


_VALUE = "[A-Za-z0-9_.~+/=-]"


def environment_name(name: str, hides: str, keeps: str, unlike: str = "") -> SecretPattern:
    """The end of an upper-case name in an environment, such as `_KEY`, with a value that looks random."""
    others = "".join(f"(?<!{word}{name})" for word in unlike.split())
    rest = f"{others}[\"']?[ \\t]?[=:][ \\t]?[\"']?({_VALUE}{{16,}})"
    prefilter = f"{name}[\"']?[ \\t]?[=:][ \\t]?[\"']?{_VALUE}{{8}}"
    return SecretPattern(name, rest, prefilter, hides, keeps, check=CHECKS["random"])


def secret_name(
    name: str,
    hides: str,
    keeps: str,
    more: str = "",
    after: str = "",
    unlike: str = "",
    check: str | None = None,
) -> SecretPattern:
    """A name that announces a secret, such as `api_key`: the value after it is hidden.

    `after` has what must precede the name, `unlike` the words with which it means something else, separated by spaces.
    After `^`, the name must begin a word.
    """
    flags = f"(?P<flag>(?<=-{name}))?(?P<joined>(?<=_{name}))?"
    begins = f"(?<![a-z0-9]{name})" if after == "^" else ""
    after = "" if begins else after
    found = "|".join(f"(?<={word}{name})" for word in after.split())
    others = "".join(f"(?<!{word}{name})(?<!{word}_{name})(?<!{word}-{name})" for word in unlike.split())
    rest = f"{begins}(?:{found}){others}{flags}{more}{_VALUE_AFTER_NAME}"
    prefilter = "|".join(f"{word}{name}{more}" for word in after.split()) or f"{name}{more}"
    checked = None if check is None else CHECKS[check]
    return SecretPattern(name, rest, f"(?i:{prefilter})", hides, keeps, ignore_case=True, check=checked)


_ASSIGNED = rf"{_COLOUR}{_QUOTE}{_COLOUR}\s{{0,2}}[=:]\s{{0,3}}{_COLOUR}{_QUOTE}"
"""What is between a name and its value."""


_NEXT_LINE = rf"[\"']?[ \t]{{0,2}}[=:][ \t]{{0,3}}(?:[>|][+-]?\d?)?\\?{_LINE_END}{LINE_PREFIX}[\"']?"
"""What is between a name and its value on the next line."""


def checked_value(
    name: str, before: str, prefilter: str, check: str, hides: str, keeps: str, min_chars: int = 16
) -> SecretPattern:
    """A word and its value; `<ASSIGNED>` and `<VALUE>` in the patterns stand for the common parts."""
    before = before.replace("<ASSIGNED>", _ASSIGNED).replace("<NEXT_LINE>", _NEXT_LINE)
    rest = f"{before}({_VALUE}{{{min_chars},}})"
    prefilter = f"(?i:{name}{prefilter.replace('<VALUE>', _VALUE)})"
    return SecretPattern(name, rest, prefilter, hides, keeps, ignore_case=True, check=CHECKS[check])


def phrase(literal: str, rest: str, prefilter: str, hides: str, keeps: str, check: str | None = None) -> SecretPattern:
    """Any shape, in lower-cased text; with a check, its value must pass it."""
    checked = None if check is None else CHECKS[check]
    return SecretPattern(literal, rest, prefilter, hides, keeps, ignore_case=True, check=checked)


_NUMBER = re.compile(r"(?i)[-+]?(?:\d{1,5}|\d{1,20}[.,]\d{0,20})(?:e[-+]?\d{1,3})?\s?(?:[a-z]{1,3}|%|/\d{1,20})?")
_PATH = re.compile(r"[/~.]|[A-Za-z]:[\\/]|%2[fF]|file:")
_UUID = re.compile(r"-(?<=[0-9A-Fa-f]{8}-)(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_ALNUM_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_LONG_RUN = re.compile(r"[A-Za-z0-9+]{24,}")
_LETTER = re.compile(r"[A-Za-z]")
_TWO_DIGITS = re.compile(r"[0-9][^0-9]*[0-9]")


def looks_random(value: str) -> bool:
    """Whether it is a long run of mixed letters and digits, or a UUID; not a word, a path or a URL."""
    if len(value) < 16:
        return False
    if _UUID.search(value):
        return True
    if "://" in value:
        return False
    if value.count("/") < 3:
        runs = _ALNUM_RUN.findall(value)
    else:  # a path, or long base64
        runs = [run for run in _LONG_RUN.findall(value) if not run.islower() and not run.isupper()]
    return any(_LETTER.search(run) and _TWO_DIGITS.search(run) for run in runs)


def is_login(value: str) -> bool:
    """Whether it is `user:password` in base64, as Docker and HTTP Basic authentication write it."""
    if value.islower():
        return False
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and decoded.isascii() and decoded.decode().isprintable()


CHECKS: dict[str, Check] = {
    "random": lambda text, start, value: looks_random(value),
    "not_a_number": lambda text, start, value: not _NUMBER.fullmatch(value),
    "not_a_path": lambda text, start, value: not _PATH.match(value),
    "random_or_login": lambda text, start, value: looks_random(value) or is_login(value),
    "near_wandb": lambda text, start, value: "wandb" in text[max(start - 48, 0) : start].lower(),
}
_BUILDERS: dict[str, Callable[..., SecretPattern]] = {
    "token": token, "rare_token": token, "shaped_token": shaped_token, "inner_token": inner_token,
    "aws_key_id": aws_key_id, "other_token": SecretPattern, "url": SecretPattern, "command": SecretPattern,
    "query_parameter": query_parameter, "store_parameter": store_parameter, "secret_name": secret_name,
    "environment_name": environment_name, "checked_value": checked_value, "checked_phrase": phrase, "phrase": phrase,
}  # fmt: skip
TOKEN_GROUPS = 2
"""The first groups hold the tokens."""
_GROUPS = (
    ("token", "aws_key_id", "other_token"),
    ("rare_token", "shaped_token", "inner_token"),
    ("url", "query_parameter", "store_parameter"),
    ("secret_name",),
    ("checked_value", "checked_phrase", "environment_name"),
    ("phrase", "command"),
)


@cache
def pattern_groups() -> tuple[tuple[SecretPattern, ...], ...]:
    """All patterns, in groups: a text that a group's prefilters do not match is not searched for its patterns."""
    rows = tomllib.loads(files("bot.redaction").joinpath("secret_patterns.toml").read_text(encoding="utf-8"))
    return tuple(tuple(_BUILDERS[table](**row) for table in group for row in rows[table]) for group in _GROUPS)


def broken_token_pattern() -> str:
    """RE2 pattern for a token at the end of a message, which may continue in the next one."""
    rows = (row for group in pattern_groups()[:TOKEN_GROUPS] for row in group)
    return rf"(?:{'|'.join(row.token_prefix or row.literal for row in rows)})[A-Za-z0-9_.+/=-]*\r?\n"
