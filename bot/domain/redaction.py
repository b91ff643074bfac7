"""Secrets out of any text on its way out.

Two nets: every secret this process itself knows is hidden wherever it stands, and so is what looks like a secret by
its shape (the vendors' published token formats, read 2026-11-20) or by the name before it (`api_key=`). Training logs
are full of tokens that are none (`token=123`, `tok/s`, `pad_token='<pad>'`), so a value behind the mere word `token`
is hidden only when it looks random.

Quick: one RE2 pass over a page finds nothing in nearly all of them; only what it points at is looked at closely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import quote

import re2

from bot.domain.logs import LogLine

HIDDEN = "[hidden]"
_MIN_SECRET_CHARS = 4
"""A known secret shorter than this is no secret, and hiding it would black out half of every text."""

# What stays of the match is in the group `keep`; the rest is hidden.
_SHAPES = (
    r"(?P<keep>gh[pousr]_)[A-Za-z0-9]{30,255}",  # GitHub
    r"(?P<keep>github_pat_)[A-Za-z0-9_]{22,255}",
    r"(?P<keep>gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-)[A-Za-z0-9_.-]{18,255}",  # GitLab
    r"(?P<keep>\b(?:hf|fw|npm|r8|api_org)_)[A-Za-z0-9]{20,255}",  # Hugging Face, Fireworks, npm, Replicate
    r"(?P<keep>\b(?:dckr_pat|wandb_v\d)_)[A-Za-z0-9_-]{20,255}",  # Docker, Weights & Biases
    r"(?P<keep>\bsk-(?:ant-|proj-)?)[A-Za-z0-9_-]{20,255}",  # OpenAI style, Anthropic style
    r"(?P<keep>\b[sr]k_(?:live|test)_)[A-Za-z0-9]{16,255}",  # Stripe
    r"(?P<keep>\bxox[abceoprs](?:\.xox[a-z])?-)[A-Za-z0-9-]{10,255}",  # Slack
    r"(?P<keep>\bxapp-\d-)[A-Za-z0-9-]{10,255}",
    r"(?P<keep>hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{10,255}",
    r"(?P<keep>\b(?:AKIA|ASIA|ABIA|ACCA))[A-Z0-9]{16}\b",  # AWS
    r"(?P<keep>\bAIza)[A-Za-z0-9_-]{35}",  # Google
    r"(?P<keep>\bya29\.)[A-Za-z0-9_-]{20,2048}",
    r"(?P<keep>\bnvapi-)[A-Za-z0-9_-]{40,255}",  # NVIDIA
    r"(?P<keep>\bpypi-AgE)[A-Za-z0-9_-]{20,1024}",
    # JWT; tried only where a run of its letters begins, and without a way back, so that no text is read twice
    r"(?<![A-Za-z0-9_-])(?P<keep>(?:(?!eyJ)[A-Za-z0-9_-])*+eyJ)[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+"
    r"(?:\.[A-Za-z0-9_-]*+)?",
    r"(?P<keep>-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)(?!\[hidden\])[\s\S]*?"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    r"(?P<keep>[a-z]://[^\s/:@'\"]{0,128}:)(?!\[hidden\]@)[^\s/@'\"]{1,256}(?=@)",  # URL credentials
    r"(?P<keep>https?://)[A-Za-z0-9_-]{16,256}(?=@)",
    r"(?i)(?P<keep>[?&](?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|awsaccesskeyid|key|"
    r"(?:access_|auth_|id_)?token)=)(?!\[hidden\])[^&\s\"'<>]{8,4096}",  # signed URLs
    r"(?i)(?P<keep>wandb[\w .:-]{0,40}?(?:login|key)[^\w\n]{1,8})[0-9a-f]{40}\b",
)
_TELLING_NAME = (
    r"passw(?:or)?d|passphrase|secret|api[_-]?key|(?:access|account|private|encryption|signing|license)[_-]?key|"
    r"(?:access|auth|refresh|session|bearer|id|api|hf|bot|app)[_-]?token|credentials?|webhook[_-]?url"
)
_NO_VALUE = r"(?!\[hidden\]|none\b|null\b|true\b|false\b|\*|<|\$|os\.|env\b|\.\.\.|xxx)"
_NAMED = (
    # a quoted value, which may have spaces
    rf"(?i)(?P<keep>(?:{_TELLING_NAME})[\"']?\s{{0,2}}[:=]\s{{0,3}}\"){_NO_VALUE}[^\"\n]{{4,4096}}(?=\")",
    # a bare value after an equals sign, a value in single quotes
    rf"(?i)(?P<keep>(?:{_TELLING_NAME})[\"']?\s{{0,2}}(?:=\s?|[:=]\s{{0,3}}(?='))'?){_NO_VALUE}[^\s\"'&,;)}}\]]{{4,4096}}",
    # a bare value after a colon, where prose might go on instead
    rf"(?i)(?P<keep>(?:{_TELLING_NAME})\s?:\s{{0,3}}){_NO_VALUE}(?=[^\s\"']{{0,64}}\d)[^\s\"'&,;)}}\]]{{6,4096}}",
    rf"(?i)(?P<keep>--?(?:{_TELLING_NAME})\s)(?!-){_NO_VALUE}[^\s\"']{{6,4096}}",
)
_RANDOM_NAMED = (
    r"(?i)(?P<keep>(?:token|\bauth(?:orization)?)[\"']?\s{0,2}[=:]\s{0,3}[\"']?(?:bearer\s|basic\s|token\s)?)"
    r"(?P<value>[A-Za-z0-9_.~+/=-]{16,4096})",
    r"(?i)(?P<keep>\b(?:bearer|basic|token|login)\s{1,2})(?P<value>[A-Za-z0-9_.~+/=-]{16,4096})",
)

_SIGNS = (
    r"gh[pousr]_|github_pat_|gl[a-z]{2,5}-|(?:hf|fw|npm|r8|pat|wandb_v\d|org)_[A-Za-z0-9]{4}|sk-|[sr]k_[lt]|xox|xapp-"
    r"|hooks\.slack|AKIA|ASIA|ABIA|ACCA|AIza|ya29\.|nvapi-|pypi-AgE|eyJ|PRIVATE KEY|:[^\s/]{0,256}@|//[^\s/]{16,256}@"
    r"|(?i:[?&][a-z_-]{2,24}=|wandb|bearer|basic\s|login\s|token\s|token[\"']?\s{0,2}[=:]|auth[a-z]{0,9}[\"']?\s{0,2}[=:]"
    rf"|{_TELLING_NAME})"
)
_ALNUM_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class _Search(Protocol):
    def contains(self, text: str) -> bool: ...


class Redactor:
    """Hides secrets; knows the process's own ones exactly."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets to hide wherever they stand; also as they look inside a URL."""
        known = {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS}
        known |= {quote(secret, safe="") for secret in known}
        self._exact = tuple(sorted(known, key=lambda secret: (-len(secret), secret)))
        self._signs: _Search = re2.compile(_SIGNS, re2.ASCII)
        self._shapes = tuple(re.compile(shape) for shape in (*_SHAPES, *_NAMED))
        self._random = tuple(re.compile(shape) for shape in _RANDOM_NAMED)

    def __repr__(self) -> str:
        return f"Redactor({len(self._exact)} secrets)"

    def redact(self, text: str) -> tuple[str, int]:
        """The text without secrets, and how many were hidden. Hiding twice hides nothing more."""
        hidden = 0
        for secret in self._exact:
            if secret in text:
                hidden += text.count(secret)
                text = text.replace(secret, HIDDEN)
        if self._is_clean(text):
            return text, hidden
        for shape in self._shapes:
            text, count = shape.subn(_hide, text)
            hidden += count
        for shape in self._random:
            text, count = _hide_random(shape, text)
            hidden += count
        return text, hidden

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        """The lines with secrets hidden in their messages, and how many were; the same object when there are none."""
        page = "\n".join([line.message for line in lines])
        if self._is_clean(page) and not any(secret in page for secret in self._exact):
            return lines, 0
        total, safe = 0, []
        for line in lines:
            message, hidden = self.redact(line.message)
            total += hidden
            safe.append(line._replace(message=message) if hidden else line)
        return safe, total

    def _is_clean(self, text: str) -> bool:
        try:
            return not self._signs.contains(text)
        except UnicodeEncodeError:  # a lone surrogate, kept from bytes that were no UTF-8
            return not self._signs.contains(text.encode("utf-8", "replace").decode())


def _hide(found: re.Match[str]) -> str:
    return f"{found['keep']}{HIDDEN}"


def _hide_random(shape: re.Pattern[str], text: str) -> tuple[str, int]:
    hidden = 0

    def hide(found: re.Match[str]) -> str:
        nonlocal hidden
        if not _looks_random(found["value"]):
            return found[0]
        hidden += 1
        return f"{found['keep']}{HIDDEN}"

    return shape.sub(hide, text), hidden


def _looks_random(value: str) -> bool:
    """Whether nobody would type or read it: a long run of mixed letters and digits, or a UUID; no word, no path."""
    if _UUID.search(value):
        return True
    runs = _ALNUM_RUN.findall(value) if "://" not in value and value.count("/") < 3 else []
    return any(re.search("[A-Za-z]", run) and len(re.findall("[0-9]", run)) >= 2 for run in runs)
