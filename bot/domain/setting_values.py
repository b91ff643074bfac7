"""Repair the text of settings, and describe damage that cannot be repaired. Pure.

Settings are copied from web pages and pass through editors, shells, Docker and Kubernetes on their way. These add line
ends, byte order marks, zero-width characters, quotation marks and prefixes. No description quotes the value, which may
be a secret.
"""

import re

SLACK_SECRETS = ("slack_bot_token", "slack_app_token", "slack_signing_secret")
FILE_SUFFIX = "_file"
"""`NAME_FILE` has the path of a file with the secret `NAME`."""
FILE_PROBLEM = "names a file that does not exist, is empty, or cannot be read as UTF-8 text by this user."
"""The rest of a sentence. The path is not shown: it may be a secret that was pasted into the wrong variable."""
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "\u2018": "\u2019"}
_QUOTE_MARKS = frozenset((*_QUOTES, *_QUOTES.values()))
_SCHEME = re.compile(r"(?:authorization:\s*)?(?:bearer|api-?key|token)[\s:]+", re.IGNORECASE)
"""The scheme before a key in an HTTP header."""


def is_credential(name: str) -> bool:
    """Whether the setting holds a token, a key or a signing secret; `name` is in lower case."""
    named = name in SLACK_SECRETS or name == "trainwatch_mcp_token"
    return named or name.endswith("_api_key") or is_webhook_setting(name, "_secret")


def is_webhook_setting(name: str, ending: str) -> bool:
    """Whether the setting belongs to a webhook, such as `trainwatch_webhook_ops_secret`; `name` is in lower case."""
    return name.startswith("trainwatch_webhook_") and name.endswith(ending)


def may_be_in_file(name: str) -> bool:
    """Whether the setting is a secret that a file can hold; `name` is in lower case."""
    return is_credential(name) or name in ("database_url", "trainwatch_ping_url") or is_webhook_setting(name, "_url")


def repair_setting(name: str, text: str) -> str:
    """Remove everything around a value that cannot be part of it; `name` is in lower case.

    That is white space, invisible characters, a pair of quotation marks, a copied `NAME=`, and before a credential the
    scheme of an HTTP header, such as `Bearer`.
    """
    if text.isprintable() and text[:1].isalnum() and text[-1:] not in _QUOTE_MARKS | {" "} and not is_credential(name):
        return text[len(name) + 1 :] if text.lower().startswith(f"{name}=") else text
    before = None
    while text != before:
        before = text
        text = _strip_invisible(text)
        if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
            text = text[1:-1]
        if text.lower().startswith(f"{name}="):
            text = text[len(name) + 1 :]
        if is_credential(name):
            text = _SCHEME.sub("", text, count=1) if _SCHEME.match(text) else text
    return text


def describe_damage(name: str, text: str) -> str | None:
    """Return what is wrong with a repaired value, as the rest of a sentence, or None; `name` is in lower case."""
    if any(_is_undecodable(char) for char in text):
        return "contains bytes that are not UTF-8 text. Save it as UTF-8."
    if not text.isprintable():
        return "contains a line break or an invisible character. Copy it again."
    if text[:1] in _QUOTE_MARKS or text[-1:] in _QUOTE_MARKS:
        return "starts or ends with a quotation mark. Remove it."
    if not is_credential(name):
        return None
    if any(char.isspace() for char in text):
        return "contains a space. Copy it again, without a prefix or a comment."
    if not text.isascii():
        return "contains characters that no key has. Copy it again."
    return None


def _strip_invisible(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_invisible(text[start]):
        start += 1
    while start < end and _is_invisible(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_invisible(char: str) -> bool:
    return char.isspace() or not (char.isprintable() or _is_undecodable(char))


def _is_undecodable(char: str) -> bool:
    """Whether Python read it from a byte that is not UTF-8. It may be part of a password, so it is never removed."""
    return "\ud800" <= char <= "\udfff"
