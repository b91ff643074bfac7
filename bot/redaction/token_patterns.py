r"""What secrets look like, as data: the vendors' published token formats, and the names that stand before a secret.

Hiding them is in `redaction`. A page of log is searched for every shape here, and whoever writes the log must not be
able to make that slow, so each pattern keeps two rules. It begins with plain letters, which Python's `re` finds ten
times faster than anything else (names are looked for in lower-cased text, so that they are plain letters too). And no
place of a text is read twice: a repetition ends where its pattern may begin again, or takes all and gives nothing back.

Formats: as the vendors, GitHub's and gitleaks' secret scanning publish them (documented, read 2026-11-20).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

APART = "\n\x01\n"
"""What stands between two messages that are searched together: no value goes on behind it."""

Judge = Callable[[str, int, str], bool]
"""Of the text, where the match begins and the value: whether it is a secret."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret."""

    literal: str
    """What it begins with, in lower case when folded."""
    rest: str
    """A pattern of Python's `re` for what follows; its last group is what is hidden."""
    sign: str
    """A pattern of RE2 for what is there wherever the shape may be: a text without any sign needs no second look."""
    folded: bool = False
    """Whether it is searched in lower-cased text."""
    judge: Judge | None = None
    kind: str = ""
    """Of a token: a pattern of RE2 for what stands before its secret part."""


def _token(literal: str, value: str, *, more: str = "", least: int = 20, bounded: bool = True) -> Shape:
    """A token that begins with its kind; `value` is the class of its letters."""
    begin = _BEGIN.replace("LITERAL", re.escape(literal)) if bounded else ""
    kind = re.escape(literal) + more
    return Shape(literal, f"{begin}{more}({value}{{{least},}})", f"{kind}{value}{{{min(least, 8)}}}", kind=kind)


# A token begins where a word does, also after a colour and after what JSON and URLs write for a character.
_BEGIN = (
    r"(?:(?<![A-Za-z0-9_]LITERAL)|(?<=[0-9;\[]mLITERAL)|(?<=\\[bfnrt]LITERAL)|(?<=%[0-9A-Fa-f]{2}LITERAL)"
    r"|(?<=\\u00[0-9a-f]{2}LITERAL))"
)
_ALNUM, _WORD, _DASHED, _DOTTED, _BASE64 = (
    "[A-Za-z0-9]",
    r"[A-Za-z0-9_]",
    "[A-Za-z0-9_-]",
    "[A-Za-z0-9_.-]",
    "[A-Za-z0-9+/=]",
)
_TOKENS = (
    _token("gh", _WORD, more="[pousr]_", least=30, bounded=False),  # GitHub
    _token("github_pat_", _WORD, least=22, bounded=False),
    _token("gl", _DOTTED, more="(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|soat|agent|oas|wt|ffct)-", least=18, bounded=False),
    _token("hf_", _ALNUM),  # Hugging Frontend
    _token("api_org_", _ALNUM),
    _token("fw_", _ALNUM),  # Fireworks
    _token("npm_", _ALNUM),
    _token("r8_", _ALNUM),  # Replicate
    _token("rpa_", _ALNUM),  # RunPod
    _token("gsk_", _ALNUM),  # Groq
    _token("xai-", _ALNUM),
    _token("pplx-", _ALNUM),
    _token("tgp_v1_", _DASHED),  # Together
    _token("lsv2_", _WORD, more="(?:pt|sk)_"),  # LangSmith
    _token("dckr_", _DASHED, more="[po]at_"),  # Docker
    _token("wandb_v", _DASHED, more=r"\d_"),  # Weights & Biases
    _token("sk-", _DASHED, more="(?:ant-|proj-)?"),  # OpenAI, Anthropic and all who copied them
    _token("k_live_", _ALNUM, least=16, bounded=False),  # Stripe
    _token("k_test_", _ALNUM, least=16, bounded=False),
    _token("whsec_", _BASE64),
    _token("xox", "[A-Za-z0-9-]", more=r"[abceoprs](?:\.xox[a-z])?-", least=10),  # Slack
    _token("xapp-", "[A-Za-z0-9-]", more=r"\d-", least=10),
    _token("hooks.slack.com/", "[A-Za-z0-9/_-]", more="(?:services|workflows|triggers)/", least=10, bounded=False),
    _token("AIza", _DASHED, least=35),  # Google
    _token("ya29.", _DOTTED),
    _token("GOCSPX-", _DASHED),
    _token("AQ.Ab", _DASHED, least=40),
    _token("1//0", _DASHED, least=40),
    _token("nvapi-", _DASHED, least=40),  # NVIDIA
    _token("pypi-AgE", _DASHED, bounded=False),
    _token("dapi", "[0-9a-f]", least=32),  # Databricks
    _token("hvs.", _DASHED),  # Vault
    _token("hvb.", _DASHED),
    _token("dop_v1_", _ALNUM),  # DigitalOcean
    _token("SG.", _DASHED, more=r"[A-Za-z0-9_-]{16,32}\."),  # SendGrid
    _token("glsa_", _WORD, least=32),  # Grafana
    _token("glc_", _BASE64, least=32),
    _token("tskey-", _DASHED, more="(?:auth|api|client)-", least=16),  # Tailscale
    _token("pul-", "[0-9a-f]", least=40),  # Pulumi
    _token("ABSK", _BASE64, least=60),  # AWS Bedrock
    _token("bedrock-api-key-", _BASE64),
    _token("AGE-SECRET-KEY-1", "[A-Z0-9]", least=40),
    _token(
        "LS0tLS1CRUdJTiB", _BASE64, more="(?:QUklW|SU0Eg|FQyBQ|PUEVO|ERU0E|FTkNS)", bounded=False
    ),  # a PEM in base64
    _token("MII", _BASE64, more="[A-Za-z0-9+/]{3}IBA[AD]", least=16, bounded=False),  # the first line of a key
    _token("b3BlbnNzaC1rZXktdjE", _BASE64, bounded=False),
    *(
        Shape(kind, _BEGIN.replace("LITERAL", kind) + "([A-Z0-9]{16})(?![A-Za-z0-9_])", f"{kind}[A-Z0-9]{{16}}")
        for kind in ("AKIA", "ASIA", "ABIA", "ACCA")  # AWS
    ),
    Shape("8Q~", r"(?<=[A-Za-z0-9_.~-]{3}8Q~)([A-Za-z0-9_.~-]{30,})", "8Q~[A-Za-z0-9_.~-]{30}"),  # Entra
    # JWT; a run without a second part is taken whole, so that it is not read again from its next `eyJ`
    Shape(
        "eyJ",
        r"(?:([A-Za-z0-9_-]{8,}+\.(?:eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?|[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++){3}))"
        r"|[A-Za-z0-9_-]{8,}+)",
        r"eyJ[A-Za-z0-9_-]{8}[A-Za-z0-9_-]*\.[A-Za-z0-9_-]",
    ),
)
BROKEN_SIGN = f"(?:{'|'.join(shape.kind or shape.literal for shape in _TOKENS)})[A-Za-z0-9_.+/=-]{{0,64}}{APART}"
"""A token at the end of a message, which may go on in the next one."""
_URLS = (
    Shape(
        "://",
        r"(?<=[A-Za-z0-9]://)[^\s/:@'\"]{0,128}:(?!\[hidden\]@)([^\s/'\"]{1,2048})(?=@)",
        r"://[^\s/:@]*:[^\s/]+@",
    ),
    Shape("http", "s?://([A-Za-z0-9_-]{16,}+)(?=@)", "https?://[A-Za-z0-9_-]{16}[A-Za-z0-9_-]*@"),
)
_SIGNING = "(?:signature|credential|security-token)"
_SIGNED = r"(?:=|%3d)(?!\[hidden\])([^&\s\"'<>]{8,})"


def _in_query(literal: str, more: str = "") -> Shape:
    """A parameter of a signed URL, of which the `&` may be written in other ways."""
    before = f"(?:(?<=[?&;]{literal})|(?<=u0026{literal})|(?<=%26{literal})|(?<=%3f{literal}))"
    sign = f"(?i:(?:[?&;]|u0026|%26|%3f){literal}{more}(?:=|%3d))"
    return Shape(literal, f"{before}{more}{_SIGNED}", sign, folded=True)


_IN_QUERIES = (
    _in_query("sig", "(?:nature)?"),
    _in_query("key"),
    _in_query("token"),
    _in_query("awsaccesskeyid"),
    *(_in_query(f"{name}_token") for name in ("access", "auth", "id")),
    *(
        Shape(vendor, _SIGNING + _SIGNED, f"(?i:{vendor}{_SIGNING}(?:=|%3d))", folded=True)
        for vendor in ("x-amz-", "x-goog-", "x-oss-")
    ),
)

_COLOUR = r"(?:\x1b\[[\d;]{0,12}m){0,3}+"
_QUOTE = r"(?:\\{0,3}[\"'])?"
_NO_VALUE = r"(?!\[hidden\]|\[redacted|none\b|null\b|true\b|false\b|\*|<|\$|os\.|env\b|\.\.\.|xxx)"
_HAS_DIGIT = r"(?=[^\s\"']{0,64}\d)"
_BARE = r"[^\s\"'&,;)}\]]"
_AFTER_NAME = (
    rf"{_COLOUR}{_QUOTE}{_COLOUR}(?:"
    rf"\s{{0,2}}(?:=>?+|:=?+)\s{{0,3}}{_COLOUR}(?:"  # a value in quotes, to where they end, or the line does
    rf"\\{{1,3}}[\"']{_NO_VALUE}([^\"'\\\n]{{4,}})"
    rf"|\"{_NO_VALUE}(?=[^\"\n]{{4}})([^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+)"
    rf"|'{_NO_VALUE}(?=[^'\n]{{4}})([^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+))"
    rf"|\s{{0,2}}=>?+\s?{_COLOUR}'?{_NO_VALUE}({_BARE}{{4,}})"
    rf"|\s?:\s{{0,3}}{_COLOUR}{_NO_VALUE}{_HAS_DIGIT}({_BARE}{{6,}})"  # where prose might go on instead
    rf"|(?<=[\"'])\s?,\s{{0,2}}\\{{0,3}}[\"']{_NO_VALUE}{_HAS_DIGIT}([^\s\"'\\]{{8,}})"  # ('api_key', 'value')
    rf"|(?(flag)(?<![\"'])\s(?!-){_NO_VALUE}[\"']?([^\s\"']{{6,}})|(?!))"  # --api-key value
    rf"|(?(joined)(?<![\"'])\s(?!-){_NO_VALUE}{_HAS_DIGIT}[\"']?([^\s\"']{{12,}})|(?!)))"  # --wandb_api_key value
)


def _name(literal: str, more: str = "") -> Shape:
    """A name that tells that a secret follows."""
    flags = f"(?P<flag>(?<=-{literal}))?(?P<joined>(?<=_{literal}))?"
    return Shape(literal, f"{flags}{more}{_AFTER_NAME}", f"(?i:{literal}{more})", folded=True)


_NAMES = (
    _name("pass", "(?:w(?:or)?d|phrase)"),
    _name("secret", "(?:[ _-]?(?:key|token|id|value))?"),
    _name("credential", "s?"),
    _name("api", "[ _-]?(?:key|token|secret)(?: provided)?"),
    _name("access", "[ _-]?(?:key|token)"),
    _name("auth", "[ _-]?(?:token|key)"),
    _name("session", "[ _-]?(?:key|token)"),
    _name("bearer", "[ _-]?token"),
    *(_name(word, "[_-]?token") for word in ("refresh", "security", "id", "hf", "bot", "app")),
    *(
        _name(word, "[ _-]?key")
        for word in ("account", "private", "encryption", "signing", "license", "subscription", "shared", "master")
    ),
    _name("client", "[_-]key[_-]data"),
    _name("webhook", "[_-]?url"),
    *(_name(word) for word in ("mysql_pwd", ";pwd", "; pwd")),
)


def looks_random(value: str) -> bool:
    """Whether nobody would type or read it: a long run of mixed letters and digits, or a UUID; no word, no path."""
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
    """Whether it is `user:password` in base64, as Docker and HTTP write it."""
    if value.islower():
        return False
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and decoded.isascii() and decoded.decode().isprintable()


_UUID = re.compile(r"-(?<=[0-9A-Fa-f]{8}-)(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_ALNUM_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_LONG_RUN = re.compile(r"[A-Za-z0-9+]{24,}")
_LETTER = re.compile(r"[A-Za-z]")
_TWO_DIGITS = re.compile(r"[0-9][^0-9]*[0-9]")


def _is_random(text: str, start: int, value: str) -> bool:
    return looks_random(value)


def _is_random_or_login(text: str, start: int, value: str) -> bool:
    return looks_random(value) or is_login(value)


def _is_near_wandb(text: str, start: int, value: str) -> bool:
    return "wandb" in text[max(start - 48, 0) : start].lower()


_VALUE = "[A-Za-z0-9_.~+/=-]"
_SAID = rf"{_COLOUR}{_QUOTE}{_COLOUR}\s{{0,2}}[=:]\s{{0,3}}{_COLOUR}{_QUOTE}"
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9-]{0,20}\s{1,2})?"


def _judged(literal: str, before: str, sign: str, judge: Judge = _is_random, least: int = 16) -> Shape:
    """A value that is hidden only when it looks like a secret, since the word before it says little."""
    return Shape(literal, f"{before}({_VALUE}{{{least},}})", f"(?i:{literal}{sign})", folded=True, judge=judge)


_NO_WORD = "[^a-z0-9_]{1,8}"
_JUDGED = (
    _judged(
        "token",
        rf"(?:{_SAID}(?:(?:bearer|basic|token)\s)?|\s{{1,2}})",
        rf"(?:\x1b|{_NO_WORD}(?:(?:bearer|basic|token)[^a-z])?{_VALUE}{{16}})",
    ),
    _judged("auth", f"(?:orization)?{_SAID}{_SCHEME}", "(?:orization)?[^a-z_]", _is_random_or_login, 8),
    _judged("basic", r"\s{1,2}", f"{_NO_WORD}{_VALUE}{{8}}", _is_random_or_login, 8),
    _judged("bearer", r"(?:\s{1,2}|%20)", f"(?:%20|{_NO_WORD}){_VALUE}{{16}}"),
    _judged("login", r"\s{1,2}", f"{_NO_WORD}{_VALUE}{{16}}"),
    _judged("api", r"[_-]?key\s{1,2}", f"[_-]?key{_NO_WORD}{_VALUE}{{16}}"),
    *(
        Shape(word, r"[^\w\n]{1,8}([0-9a-f]{40})(?!\w)", rf"(?i:{word}\W{{1,8}}[0-9a-f]{{40}})", True, _is_near_wandb)
        for word in ("key", "login")
    ),
)
_OTHERS = (
    Shape(
        "cookie",
        r"[\"']?\s{0,2}:\s{0,2}[\"']?([^\s\"'=;:]{1,64}=[^\n\"']{4,})",
        "(?i:cookie[\"']?.?.?:)",
        folded=True,
    ),
    Shape(  # .netrc
        "machine",
        r"\s{1,2}\S{1,128}[\s\x01]{1,8}login\s{1,2}\S{1,128}[\s\x01]{1,8}password\s{1,2}(?!\[hidden\])(\S{4,})",
        "(?i:machine[^a-z])",
        folded=True,
    ),
    Shape("docker login", r"[^\n]{0,128}?\s-p[ =]?(?!\[hidden\])([^\s-]\S{3,})", "docker login"),
)

SHAPES: tuple[tuple[Shape, ...], ...] = (_TOKENS, _URLS, _IN_QUERIES, _NAMES, _JUDGED, _OTHERS)
"""All shapes, in groups: a text without the signs of a group is not searched for its shapes. Tokens come first."""
