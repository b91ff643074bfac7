"""Decide whether a value that a pattern found is a secret, where the pattern alone does not tell. Pure."""

import base64
import binascii
import re
from collections.abc import Callable

Check = Callable[[str, int, str], bool]
"""Takes the text, the start of the match and the value; returns whether the value is a secret."""

_NUMBER = re.compile(r"(?i)[-+]?(?:\d{1,5}|\d{1,20}[.,]\d{0,20})(?:e[-+]?\d{1,3})?\s?(?:[a-z]{1,3}|%|/\d{1,20})?\Z")
_PATH = re.compile(r"[/~.]|[A-Za-z]:[\\/]|%2[fF]|file:")
_UUID = re.compile(r"-(?<=[0-9A-Fa-f]{8}-)(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_ALNUM_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_LONG_RUN = re.compile(r"[A-Za-z0-9+]{24,}")
_LETTER = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"[0-9]")
_SPECIAL = re.compile(r"[!#$%^&*+?]")
_ALGORITHM = re.compile(r"(?i)(?:sha|md|bcrypt|argon|pbkdf|scrypt|base|utf|aes|rsa|oauth|ed|v)-?\d")
_USER = re.compile(r"(?<![A-Za-z0-9_.@/:-])([A-Za-z][A-Za-z0-9_.+-]{0,63}):\Z")
_HOST = re.compile(r"@(?!sha\d|md5)([A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*)(:\d{2,5}\b|:?/)?")
_VERSION = re.compile(r"v?\d+(?:[._-]\w+)*|latest|main|master|head|stable")
_MAIL_LABELS = {
    "email", "e-mail", "mail", "mailto", "user", "author", "from", "to", "cc", "bcc", "owner", "by", "contact", "sip",
    "account", "login", "assignee", "reviewer", "notify", "committer", "maintainer", "creator", "member", "sender",
    "recipient", "reply-to", "serviceaccount", "principal", "identity", "subject", "name", "username",
}  # fmt: skip
"""What may precede the address of an e-mail."""
_PLACEHOLDER = re.compile(
    r"\$(?:[A-Za-z_]\w*|\{[^}]*\}|\(.*)\Z|%[A-Za-z_]\w*%\Z|\$?\{\{|<[^>]*>\Z|\[(?!\w*\d)[A-Za-z_]+:?\]?\Z"
    r"|\((?:not|known|sensitive|none|null|unset|hidden|empty|redacted)\b|[\[A-Za-z_.]+\(\Z|!(?:secret|vault|env|ref|sub|reference)\b"
    r"|[*x\u2022.]{3,}\Z|[A-Za-z]{2,8}[_-](?:[*xX]{3,}\Z|\.{3})|https?://\S*/[Xx]{4,}\Z"
    r"|(?i:your[ _-]\S|(?:empty|redacted|masked|filtered|changed|created|deleted|updated|passed|failed|skipped)\Z)"
    r"|(?:[A-Za-z0-9]+_)*[A-Z]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PASSPHRASE|CREDENTIALS?|[A-Z]+_ID)[,;|)\]]?\Z"
    r"|(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*\(|[a-z_]{3,}\([a-z_., ]*\)?,?\Z|(?:Union|Optional|Literal|Annotated)\["
    r"|\{[\w.]+\}"
    r"|(?:self|args|cfg|config|settings|opts)\.[a-z_]+[,)]?\Z|[a-z]+(?:_[a-z]+)*_(?:token|key|password|passwd|secret)\Z"
    r"|(?:id|src|type|env)=|projects/[^/]+/secrets/|arn:aws|SHA256:|MD5:"
)
"""A value that refers to a secret, stands for one, or says that it is not shown."""
_MODEL = re.compile(
    r"(?i)(?:bert|roberta|deberta|t5|gpt|opt|phi|llama|tinyllama|qwen|gemma|mistral|mixtral|mamba|falcon|bloom|pythia"
    r"|deepseek|vicuna|yi|olmo|smollm)(?:[-_.]?(?:v?\d{1,2}(?:[x.]\d{1,3})?[bmk]?(?![a-z0-9])|base|mini|small|medium|large|xl|xxl|uncased|cased"
    r"|instruct|chat|it|hf|neo|j))+\Z"
)
"""The name of a model, as settings of any name have it."""
_OPTION = re.compile(r"(?:^|[\s\"'=\x1b])--?[A-Za-z][\w.-]{0,64}\Z|(?:^|[\s\"'=])--?\Z", re.MULTILINE)
_LINE_START = re.compile(r"^[ \t\"']{0,8}[\w. -]{0,64}\Z", re.MULTILINE)
_PAIR = re.compile(r"\([ ]?b?[\"'][\w.-]{0,64}\Z")
_SETTING = re.compile(r"(?:(?:config|configure) (?:set|add)|remote modify)\s[^\n]{0,64}\Z")
_SECRET_OBJECTS = re.compile(r"secrets?\W")
"""A list of these may have the names of Kubernetes Secrets."""
_STRONG_NAME = re.compile(r"(?i)pass|pwd|secret|(?:api|access|private)[_.-]?key")
_CONTEXT_CHARS = 96
_LAST_WORD = re.compile(r"([A-Z]?[a-z0-9]+|[A-Z0-9]+)[ _.-]?\Z")
"""The last word of a name, also in camel case."""
_WHOLE_WORD = re.compile(r"([A-Za-z0-9]+)[ _.-]?\Z")
_COLOUR = re.compile(r"\x1b\[[\d;]{0,12}m")
CHANGE = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[a-z])")
"""Where letters and digits, or small and capital letters, change."""
_MIN_CHANGES = 4
"""Random values with dashes have more of them than the names of models."""
_MIN_CHANGES_OF_WORD = 6
"""The same without dashes: more than in the names of classes."""
_TWO_DIGITS = re.compile(r"[0-9][^0-9]*[0-9]")


def looks_random(value: str) -> bool:
    """Whether it is a long run of mixed letters and digits, or a UUID; not a word, a path or a URL."""
    if len(value) < 16:
        return False
    if value.isalnum() and value.isascii():  # the common case, faster
        if _LETTER.search(value) is None or _DIGIT.search(value) is None:
            return False
        return _TWO_DIGITS.search(value) is not None or len(CHANGE.findall(value)) >= _MIN_CHANGES_OF_WORD
    if _UUID.search(value):
        return True
    if "://" in value:
        return False
    if value.count("/") < 3:
        runs = _ALNUM_RUN.findall(value)
    else:  # a path, or long base64
        runs = [run for run in _LONG_RUN.findall(value) if not run.islower() and not run.isupper()]
    if any(_LETTER.search(run) and _TWO_DIGITS.search(run) for run in runs):
        return True
    return value.count("/") < 2 and len(CHANGE.findall(value)) >= _MIN_CHANGES


def is_owned_key(text: str, start: int, value: str, owners: frozenset[str]) -> bool:
    """Whether a random value follows `key` with the name of a service before it: `kaggle_key`, `azureOpenaiKey`."""
    before = _COLOUR.sub(" ", text[max(0, start - 32) : start])
    found = [owner[1].lower() for one in (_LAST_WORD, _WHOLE_WORD) if (owner := one.search(before))]
    return not owners.isdisjoint(found) and looks_random(value)


def is_placeholder(value: str) -> bool:
    """Whether a value after the name of a secret is a reference, a mask or the name of a model."""
    is_plain = value.isalnum() and _DIGIT.search(value) is not None  # the common case: no placeholder looks so
    return (not is_plain and _PLACEHOLDER.match(value) is not None) or _MODEL.match(value) is not None


def is_mask(value: str) -> bool:
    """Whether it is one character again and again, or ends like the example of a URL."""
    return (value[0] in "xX*.-\u2022" and value.count(value[0]) == len(value)) or value.endswith(("/XXXX", "/xxxx"))


def fits_context(match: re.Match[str], text: str, value: str) -> bool:
    """Whether the text before a name allows the notation in which a group of the grammar found its value."""
    start = match.start()
    before = max(0, start - _CONTEXT_CHARS)
    match match.lastgroup:
        case "argument":
            if any(one.search(text, before, start) for one in (_OPTION, _SETTING)):
                return True
            return "\n" not in match[0] and looks_random(value)
        case "prose":
            return looks_random(value)
        case "listed":
            return looks_random(value) or _SECRET_OBJECTS.match(match[0]) is None
        case "line":
            return _PATH.match(value) is None or (looks_random(value) and "." not in value)
        case "element":
            return _is_mixed(value) or any(one.search(text, before, start) for one in (_OPTION, _PAIR))
        case "boxed":
            if not match[0].endswith("|") and match[0].startswith(("pass", "pwd", "secret")):
                return _is_password(value)
            return _is_password(value) and (_is_mixed(value) or len(CHANGE.findall(value)) > 1 or "-" in value[1:])
        case "cell":
            return _LINE_START.search(text, before, start) is not None
        case _:
            return True


def is_login(value: str) -> bool:
    """Whether it is `user:password` in base64, as Docker and HTTP Basic authentication write it."""
    if value.islower():
        return False
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and decoded.isascii() and decoded.decode().isprintable()


def _is_mixed(value: str) -> bool:
    """Whether it has letters and digits like a password, and is not a number, a name of an algorithm or a path."""
    return (
        _LETTER.search(value) is not None
        and (_DIGIT.search(value) is not None or _SPECIAL.search(value) is not None)
        and not any(other.match(value) for other in (_NUMBER, _ALGORITHM, _PATH))
        and not value.startswith("[hidden")
    )


def _is_login_at_host(text: str, at: int, password: str) -> bool:
    """Whether `user:password` before the `@` at the given position is a login; not an image, a time or an e-mail."""
    user, host = _USER.search(text, max(0, at - len(password) - 80), at - len(password)), _HOST.match(text, at)
    if user is None or host is None or _VERSION.fullmatch(password) or _NUMBER.match(password):
        return False
    if user[1].lower() in _MAIL_LABELS:
        return False
    has_port = host[2] is not None
    return has_port or (_is_mixed(password) and ("." in host[1] or host[1] == "localhost" or len(password) >= 7))


_STATE = re.compile(
    r"(?i)(?:required|missing|invalid|unset|unknown|empty|incorrect|expired|disabled|enabled|provided|changed|accepted"
    r"|rejected|correct|hidden|redacted|prompt|prompted|string|optional|default|wrong|failed|authentication|needed|masked"
    r"|removed|not|undefined|protected|success|denied|updated|configured|placeholder|null|none|true|false|present|absent"
    r"|authenticated|unauthorized|environment|keyring|keychain|securestring|secretstr|password|secret|int|bool|str|number"
    r"|boolean|object|array|yes|no)(?![A-Za-z])"
)
"""Words that describe a password instead of being one."""
_PROSE = re.compile(
    r"(?i)\b(?:a|an|and|are|as|at|be|by|can|enter|for|from|has|have|in|is|it|must|no|not|of|on|or|please|that|the|this|to"
    r"|use|was|will|with|you|your)\b"
)


def _is_password(value: str) -> bool:
    """Whether a word after a colon is a password, and does not say something of it."""
    return not (_STATE.match(value) or _PATH.match(value) or value.endswith((":", "...", "?")) or "://" in value)


def _is_foreign_password(value: str) -> bool:
    """Whether it is a password after a word of another language, whose plain words are not known."""
    return _is_password(value) and (_is_mixed(value) or re.search(r"[a-z][_.-][a-z]", value) is not None)


def _has_nul(value: str) -> bool:
    """Whether it is the user and the password of SMTP and IMAP in base64, which NUL bytes separate."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4)).count(0) == 2
    except (binascii.Error, ValueError):
        return False


def _is_printed(text: str, start: int, value: str) -> bool:
    """Whether a value that a command on the line before printed is a secret: a password, or random after `token`."""
    return _is_password(value) and (
        looks_random(value) or _STRONG_NAME.search(text, start, text.index("\n", start)) is not None
    )


CHECKS: dict[str, Check] = {
    "random": lambda text, start, value: looks_random(value),
    "not_a_number": lambda text, start, value: not _NUMBER.match(value),
    "not_a_path": lambda text, start, value: not _PATH.match(value),
    "random_or_login": lambda text, start, value: looks_random(value) or is_login(value),
    "mixed": lambda text, start, value: _is_mixed(value),
    "login_at_host": _is_login_at_host,
    "password": lambda text, start, value: _is_password(value),
    "foreign_password": lambda text, start, value: _is_foreign_password(value),
    "not_prose": lambda text, start, value: not _PROSE.search(value),
    "printed": _is_printed,
    "after_nul": lambda text, start, value: _has_nul(value),
    "near_wandb": lambda text, start, value: "wandb" in text[max(start - 48, 0) : start].lower(),
}
