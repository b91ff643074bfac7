r"""What secrets look like: the rows of `secret_patterns.toml` as regular expressions.

Every page of log is searched for every row, and whoever writes the log must not be able to make that slow. So each
regular expression keeps two rules. It begins with a literal, which Python's `re` finds ten times faster than anything
else; case-insensitive rows are searched in lower-cased text, so that they have a literal too. And no position of a text
is read twice: a repetition ends where the pattern may begin again, or is possessive.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from bot.redaction.value_checks import CHECKS, Check, is_owned_key
from bot.redaction.value_grammar import ASSIGNED, NAME_END, NEXT_LINE, PAIRED, PRINTED, VALUE_AFTER_NAME

MESSAGE_SEPARATOR = "\n\x01\n"
"""Separates messages that are searched together. No pattern matches a value across it."""


@dataclass(frozen=True, slots=True, eq=False)
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
    is_named: bool = False
    """The value is a secret because of the words before it, unlike a token; a placeholder in its place is none."""
    is_command: bool = False
    """Also searched in lists of arguments, with spaces in place of the quotes and commas between them."""


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
    rest, prefilter = f"{start}{more}({value}{{{min_chars},}})", f"{public}{value}{{{min(min_chars, 6)}}}"
    return SecretPattern(prefix, rest, prefilter, hides, keeps, token_prefix=public)


def shaped_token(prefix: str, shape: str, hides: str, keeps: str, check: str | None = None) -> SecretPattern:
    """A vendor's token of a fixed shape, an RE2 pattern, after a public prefix; with a check, it must pass that."""
    start, public = _WORD_START.replace("LITERAL", re.escape(prefix)), re.escape(prefix)
    if len(prefix) < _MIN_PREFIX_CHARS:
        public = rf"(?:^|[^A-Za-z0-9_]|m|%[0-9A-Fa-f]{{2}}|u00[0-9a-f]{{2}}){public}"
    rest, part = f"{start}({shape})(?![A-Za-z0-9_])", f"{public}[A-Za-z0-9_.-]{{4}}"
    checked = None if check is None else CHECKS[check]
    prefilter = public + _LONG_REPETITION.sub("{6}", shape)
    return SecretPattern(prefix, rest, prefilter, hides, keeps, check=checked, token_prefix=part)


def inner_token(before: str, literal: str, shape: str, hides: str, keeps: str) -> SecretPattern:
    """A vendor's token that is recognized by a literal inside it, with RE2 patterns of what is before and after."""
    rest, prefilter = f"({shape})(?![A-Za-z0-9])", re.escape(literal) + _LONG_REPETITION.sub("{6}", shape)
    before = rf"(?:(?<![A-Za-z0-9])|(?<=[0-9;\[]m)|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\u00[0-9a-f]{{2}})){before}"
    return SecretPattern(literal, rest, prefilter, hides, keeps, before=before, token_prefix=re.escape(literal))


def address(before: str, rest: str, prefilter: str, check: str, hides: str, keeps: str) -> SecretPattern:
    """A password before the `@` of an address; `rest` has an empty group where it ends."""
    return SecretPattern("@", rest, prefilter, hides, keeps, check=CHECKS[check], before=before, is_named=True)


def url(literal: str, rest: str, prefilter: str, hides: str, keeps: str) -> SecretPattern:
    """A password in a URL or in a line of a password file."""
    return SecretPattern(literal, rest, prefilter, hides, keeps, is_named=True)


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


_NAME_END_PREFILTER = NAME_END.replace("(?![a-z0-9])", "").removesuffix("+")
_VALUE = "[A-Za-z0-9_.~+/=-]"


def environment_name(name: str, hides: str, keeps: str, unlike: str = "") -> SecretPattern:
    """The end of an upper-case name in an environment, such as `_KEY`, with a value that looks random."""
    others = "".join(f"(?<!{word}{name})" for word in unlike.split())
    rest = f"{others}[\"']?[ \\t]?[=:][ \\t]?[\"']?({_VALUE}{{16,}})"
    prefilter = f"{name}[\"']?[ \\t]?[=:][ \\t]?[\"']?{_VALUE}{{6}}"
    return SecretPattern(name, rest, prefilter, hides, keeps, check=CHECKS["random"], is_named=True)


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
    begins = rf"(?:(?<![a-z0-9]{name})|(?<=[0-9;\[]m{name}))" if after == "^" else ""
    after = "" if begins else after
    found = "|".join(f"(?<={word}{name})" for word in after.split())
    others = "".join(f"(?<!{word}{name})(?<!{word}_{name})(?<!{word}-{name})" for word in unlike.split())
    rest = f"{begins}(?:{found}){others}{more}{NAME_END}(?![a-z]){VALUE_AFTER_NAME}"
    prefilter = "|".join(f"{word}{name}{more}" for word in after.split()) or f"{name}{more}"
    checked = None if check is None else CHECKS[check]
    return SecretPattern(name, rest, f"(?i:{prefilter})", hides, keeps, ignore_case=True, check=checked, is_named=True)


_FOREIGN = (
    r"(?:\s(?:f\u00fcr|f\u00f6r|for|do|da|de|del|della|du|dla|voor|auf|am|vom|per|pro|til|till"
    r"|\u0434\u043b\u044f|\u043e\u0442)\s[^\n:=]{1,40}?)?"
    r"(?:\s{0,2}[:=\uff1a\uff1d]|\s{1,2}(?:is(?:t|)|lautet|war|est|\u00e9|es|jest|\u00e4r|er|on|je)\b"
    r"|\s{0,2}(?:\u662f|\u4e3a|\u306f|\ub294|\uc740))\s{0,4}[\"'`\u201e\u300c]?"
)
"""Between a word for password in another language and its value."""


def foreign_name(name: str, hides: str, keeps: str, check: str = "foreign_password") -> SecretPattern:
    """A word for password, key or token in another language and what follows; a password is not a plain word."""
    rest = f"(?![a-z]){_FOREIGN}([^\\s\"'`\u201c\u300d\uff0c\u3002]{{4,64}})"
    return SecretPattern(name, rest, f"(?i:{name})", hides, keeps, True, CHECKS[check], is_named=True)


def weak_name(name: str, prefilter: str, hides: str, keeps: str, after: str = "") -> SecretPattern:
    """A name that often precedes harmless values: only a random value is hidden, and the prefilter is narrow."""
    row = secret_name(name, hides, keeps, after=after, check="random")
    return replace(row, prefilter=f"(?i:{prefilter.replace('<NAME_END>', _NAME_END_PREFILTER)})")


def owned_key(name: str, owners: str, hides: str, keeps: str) -> SecretPattern:
    """A `key` of one of the services or purposes whose names are given, separated by spaces; its value is random."""
    words = frozenset(owners.split())
    prefilter = f"(?i:(?:{'|'.join(sorted(words))})[ _.-]?{name})"

    def check(text: str, start: int, value: str) -> bool:
        return is_owned_key(text, start, value, words)

    no_owner = rf"(?<![^a-z0-9]api{name})(?<![^a-z0-9]api[_. -]{name})"
    rest = f"{no_owner}s?{NAME_END}(?![a-z]){VALUE_AFTER_NAME}"
    return SecretPattern(name, rest, prefilter, hides, keeps, ignore_case=True, check=check, is_named=True)


def checked_value(
    name: str, before: str, prefilter: str, check: str, hides: str, keeps: str, min_chars: int = 16
) -> SecretPattern:
    """A word and its value; `<ASSIGNED>` and `<VALUE>` in the patterns stand for the common parts."""
    before = before.replace("<ASSIGNED>", ASSIGNED).replace("<NEXT_LINE>", NEXT_LINE).replace("<PAIRED>", PAIRED)
    rest = f"{before}({_VALUE}{{{min_chars},}})"
    prefilter = f"(?i:{name}{prefilter.replace('<VALUE>', _VALUE)})"
    return SecretPattern(name, rest, prefilter, hides, keeps, ignore_case=True, check=CHECKS[check], is_named=True)


def command(literal: str, rest: str, prefilter: str, hides: str, keeps: str) -> SecretPattern:
    """A program and its arguments."""
    return SecretPattern(literal, rest, prefilter, hides, keeps, is_command=True, is_named=True)


_PRINTED_NAMES = "pass(?:w(?:or)?d|phrase|code)?|pwd|secret|token|key|credential|pat|pw"


def printed_value(literal: str, hides: str, keeps: str, more: str = "") -> SecretPattern:
    """A command or an expression that prints a secret by its name, and the line after it."""
    closed = r"(?:\.txt)?[\"')}\]%;]{0,6}(?:[ \t]?\|[^\n]{0,40})?"
    rest = rf"{more}[a-z0-9_.-]{{0,64}}?(?:{_PRINTED_NAMES})s?{NAME_END}{closed}{PRINTED}"
    prefilter = f"(?i:{re.escape(literal)}[^\n]*(?:{_PRINTED_NAMES}))"
    return SecretPattern(literal, rest, prefilter, hides, keeps, True, CHECKS["printed"], is_named=True)


def preceding_value(
    literal: str, before: str, rest: str, prefilter: str, check: str, hides: str, keeps: str
) -> SecretPattern:
    """A value before its name, as in `use … as the password`; `rest` has an empty group where the value ends."""
    return SecretPattern(literal, rest, prefilter, hides, keeps, True, CHECKS[check], before=before, is_named=True)


def phrase(literal: str, rest: str, prefilter: str, hides: str, keeps: str, check: str | None = None) -> SecretPattern:
    """Any shape, in lower-cased text; with a check, its value must pass it."""
    checked = None if check is None else CHECKS[check]
    rest, prefilter = rest.replace("<NAME_END>", NAME_END), prefilter.replace("<NAME_END>", _NAME_END_PREFILTER)
    return SecretPattern(literal, rest, prefilter, hides, keeps, ignore_case=True, check=checked, is_named=True)


_BUILDERS: dict[str, Callable[..., SecretPattern]] = {
    "token": token, "rare_token": token, "shaped_token": shaped_token, "inner_token": inner_token,
    "aws_key_id": aws_key_id, "other_token": SecretPattern, "url": url, "address": address,
    "query_parameter": query_parameter, "store_parameter": store_parameter, "secret_name": secret_name,
    "weak_name": weak_name, "foreign_name": foreign_name, "owned_key": owned_key, "checked_value": checked_value,
    "environment_name": environment_name, "checked_phrase": phrase, "phrase": phrase, "command": command,
    "printed_value": printed_value, "preceding_value": preceding_value,
}  # fmt: skip
_TOKENS = ("token", "aws_key_id", "other_token", "rare_token", "shaped_token", "inner_token")
_OTHERS = tuple(table for table in _BUILDERS if table not in _TOKENS)
_GROUP_ROWS = 32

Groups = tuple[tuple[SecretPattern, ...], ...]
"""A text that no prefilter of a group matches is not searched for the patterns of the group."""


@cache
def token_groups() -> Groups:
    """The patterns of values that are secrets by themselves."""
    return _groups(_TOKENS)


@cache
def pattern_groups() -> Groups:
    """All patterns, those of tokens first."""
    return token_groups() + _groups(_OTHERS)


def _groups(tables: Iterable[str]) -> Groups:
    document = tomllib.loads(files("bot.redaction").joinpath("secret_patterns.toml").read_text(encoding="utf-8"))
    rows = [_BUILDERS[table](**row) for table in tables for row in document[table]]
    return tuple(tuple(rows[at : at + _GROUP_ROWS]) for at in range(0, len(rows), _GROUP_ROWS))


def broken_token_pattern() -> str:
    """RE2 pattern for a token at the end of a message, which may continue in the next one."""
    rows = (row for group in token_groups() for row in group)
    return rf"(?:{'|'.join(row.token_prefix or row.literal for row in rows)})[A-Za-z0-9_.+/=-]*\r?\n"
