"""Recognise lines that mention a failure without being one.

Logs contain source code, configuration (with patterns for failures), shell commands (`set -x`) and advice. These are
recognised here by their form; the catalogue's `advice` entries recognise lines by their wording.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.diagnosis.catalogue import Signature
from bot.diagnosis.failures.announced_failures import states_exception
from bot.diagnosis.failures.tracebacks import CAUSE, HEADER
from bot.diagnosis.reading.attempts import is_given_up
from bot.domain.alerts import Severity
from bot.domain.levels import stated_level
from bot.domain.logs import Level

_SOURCE_LINE = re.compile(
    r"^\s*(?:\d{1,5}[:|]? {1,8})?(?:"
    r"raise\b|if\b.*:\s*$|elif\b|except\b|assert\b|return\b|def\b|class\b|import\b|from\b.*\bimport\b|with\b.*:\s*$|for\b.*:\s*$|while\b.*:\s*$"
    r"|try:|else:"
    r"|--?[a-z][\w-]*(?: [A-Z{<\[]\S*)?\s{2,}\S"  # an option and what it does
    r"|#(?!#\[error\])|//|/\*|\"\"\"|'''|>>>|@\w"
    r"|(?:self\.)?(?:print\w*|logger\.\w+|logging\.\w+|log\.\w+|warnings\.warn"
    r"|console\.log|echo|sys\.exit|pytest\.\w+|throw|TORCH_CHECK|AT_ERROR|CHECK)\b\s*[(\"']"
    r"|[A-Za-z_][\w.\[\]\"']*\s*(?::\s*\w+\s*)?=\s*(?:\(|\[|\{|f?r?[\"']|re\.compile|lambda\b)"
    r"|f?r?[\"'].*[\"'],?\)?\s*$"
    r")"
)
_INDENTED_CODE = re.compile(
    r"^ {4,}(?!comment = |(?i:error|fatal|critical|warning): |(?:\w+\.)*\w+(?:Error|Exception): "
    r"|\"(?:OOMKilled|[Ee]xitCode)\": )"
    r"\S.*(?:\bself\.|\w\(|==|``|`:|:py:|[,:(){}\[\]]\s*$|# )"
)
"""Indented more than any message, and punctuated like code."""
_SHELL = re.compile(r"^\++ ")
_TABLE_CELLS = re.compile(r"^\s*[│┃](?:[^│┃]*[│┃]){2}")
"""A row of a drawn table, whose cells only display text."""
_PATTERN_ECHO = re.compile(
    r"(?<!\d)\.\*(?!\.\w)|[=!]~ |\\[bdswWSD]|\\\.|\(\?[imsx:]|\[\^|\\\[|\w\|\w.*\|"
    r"|(?i:\b(?:regex|pattern|patterns|log_policies"
    r"|include[sd]?|exclude[sd]?|grep|matcher|rule[s_]?\w*|alert[_ ]on\w*|on_error|keyword[s]?|when)['\"]?\s*[:=])"
)
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:\\(?:[\w.+@ -]+\\)*[\w.+@-]*")
_OWN_OUTPUT = re.compile(r"(?i)\btrainwatch\b")
_HYPOTHETICAL = re.compile(
    r"(?i)\b(?:if (?:you|this|the|it|there|a|an|training|any)\b|in case\b|when you\b"
    r"|(?:stop|end|abort|terminate)s? (?:when|if|once) (?:the|a|an|training|any)\b"
    r"|may (?:be|lead|result|cause|encounter|see|fail|hit|throw|raise)\b"
    r"|might (?:be|lead|result|cause|see|fail|hit|get|raise)\b|could (?:be|lead|result|cause)\b"
    r"|can (?:lead|result|cause)\b"
    r"|to (?:avoid|prevent|reduce|handle|fix|debug|retry on|recover from)\b"
    r"|see ['\"`]|\bwould\b|should you\b|such as\b|e\.g\.|for example\b|instead of\b|see also\b"
    r"|will (?:be (?:raised|thrown|ignored|retried|skipped)|raise|retry|skip|ignore)\b"
    r"|(?:catch|caught(?! (?:a |the )?(?:signal|sig[a-z]+)\b)"
    r"|handled|ignored|ignoring|recovered from|suppress\w*|simulat(?:e[ds]?|ing)|expected|known issue)\b)"
)
_WARNING_HEAD = re.compile(r"\S+:\d+: (?:\w+\.)*\w*Warning: ")
"""The first line of a warning, whose text may have further ones."""
MAX_WARNING_LINES = 16
_LOGGED = re.compile(r"^\W*\d{4}-\d\d-\d\d|^\[?\d\d:\d\d:\d\d|%\|")
_HANDLED = re.compile(
    r"(?i)\b(?:ignor(?:ed|ing)|skipp(?:ed|ing)|excluded|reconnecting|re-?opened|scored as 0|re-?trying|retried"
    r"|re-?queued|recovered|falling back|fell back|(?<!not )continuing|proceeding|unchanged"
    r"|(?:as|is) expected(?! to\b)|harmless"
    r"|not an error)\b"
    r"|\btrying (?:the )?(?:next|another|other)\b"
    r"|\((?:\w+ )?(?:row|sample|record|line|file|item|image|document|example|request|entry|part|key)s? (?:was |is )?"
    r"(?:rejected|dropped|skipped|ignored|excluded|quarantined|left out)\)"
    r"|\.{2,3} ?ok\b|\b(?:try|attempt|retry) \d+ ?(?:/|of) ?\d+\b|\btrying (?:port )?\d+\b"
    r"|\b(?:2nd|second|third|next|another) (?:try|attempt)(?: was)? (?:ok|succeeded|successful|worked)\b"
    r"|\bcan (?:be )?(?:safely )?ignore|\((?:(?!not )[^()]{0,60}\b)?optional\)|\b(?:is|are) optional\b|, optional\W*$"
)
"""What the same line says when a program got over what it reports."""
_HANDLED_ELSEWHERE = re.compile(
    r"(?i)(?:wird|werden|wurde|wurden) (?:\u00fcbersprungen|uebersprungen|ignoriert|ausgelassen|wiederholt)"
    r"|erneuter versuch"
    r"|\b(?:ignor\u00e9|saut\u00e9|omis)(?:e|s|es)?\b|nouvel(?:le)? (?:essai|tentative)"
    r"|\b(?:omitid|ignorad|saltad|descartad)[oa]s?\b|\breintent"
    r"|\bignorat[oaie]\b|\bsaltat[oaie]\b"
    r"|\u043f\u0440\u043e\u043f\u0443\u0449\u0435\u043d|\u043f\u0440\u043e\u043f\u0443\u0441\u043a\u0430|\u0438\u0433\u043d\u043e\u0440\u0438\u0440\u0443|\u043f\u043e\u0432\u0442\u043e\u0440\u043d"
    r"|\u8df3\u8fc7|\u5ffd\u7565|\u91cd\u8bd5|\u5df2\u4e22\u5f03"
    r"|\u30b9\u30ad\u30c3\u30d7|\u7121\u8996\u3057|\u518d\u8a66\u884c"
    r"|\uac74\ub108|\ubb34\uc2dc\ud558|\uc7ac\uc2dc\ub3c4"
)
"""The same in German, French, Spanish, Italian, Russian, Chinese, Japanese and Korean."""
_GIVEN_UP_ELSEWHERE = re.compile(
    r"(?i)\babbruch|\babgebrochen|\bbeendet|\barr\u00eat|\babandon|\bdetenid|\babortad|\bterminad|\binterrott"
    r"|\u043f\u0440\u0435\u0440\u0432\u0430\u043d|\u043e\u0441\u0442\u0430\u043d\u043e\u0432\u043b\u0435\u043d|\u7ec8\u6b62|\u4e2d\u6b62|\u9000\u51fa|\u4e2d\u65ad|\u5931\u8d25\u6b21\u6570|\u7ec8\u4e86|\u7d42\u4e86|\uc885\ub8cc|\uc911\ub2e8"
)
_GIVEN_UP = re.compile(
    r"(?i)\babort|\bgiv\w+ up\b|\bfatal\b|\bexiting\b|\btoo many\b|\btimes in a row\b"
    r"|\bnot (?:re-?trying|recovered|handled)\b"
)
MANY_HANDLED = 20
"""This number of such lines is a problem even so."""
_AT_ANY_LEVEL = frozenset(
    {
        "kernel_hang", "kernel_oom", "killed", "evicted_memory", "evicted_storage", "missing_object", "pod_refused",
        "loss_scale_collapsed",
    }
)  # fmt: skip
_DEVICES = frozenset({"device_in_use"})
"""Signatures of what a library logs as information, although the program then has to do without a device."""
_DUMP = re.compile(r"^\s*(?:Namespace\(|\w+Config\(|\w+Arguments?\(|config:|args:|\{'?\"?\w+'?\"?: (?!.*\} \* \d))")


_LEVEL_CHARS = 240
"""Number of characters among which the header of a line is."""
_LEVEL_OF_MESSAGE = re.compile(
    r"\b(?:INFO|DEBUG)\b[^\n:]{0,80}(?:- |\| |\] |: )(?:ERROR|FATAL|CRITICAL|[a-z][\w.-]{1,30}: (?:error|fatal)): "
)


def as_logged(signature: Signature, line: str) -> Signature:
    """Return the signature of a line as a note if its program logs it only as information.

    What a scheduler, a kernel or a loss scaler reports counts at any level: they log every event as information. So
    does a message that begins with a second level, as the lines of a program do that another one logs.
    """
    if signature.role not in ("root", "weak") or signature.category == "scheduler" or signature.name in _AT_ANY_LEVEL:
        return signature
    level = stated_level(line)
    if level is None or level >= Level.WARNING or _LEVEL_OF_MESSAGE.search(line, 0, _LEVEL_CHARS):
        return signature
    if states_exception(line):
        return signature
    severity = Severity.WARN if signature.name in _DEVICES and not is_handled(line, 0) else Severity.INFO
    return replace(signature, role="note", severity=severity)


def is_handled(text: str, start: int) -> bool:
    """Does the text from index `start` on, where a failure is mentioned, say that the program handled it?"""
    if _HANDLED.search(text, start) is not None and _GIVEN_UP.search(text, start) is None:
        return not is_given_up(text)
    return _HANDLED_ELSEWHERE.search(text, start) is not None and _GIVEN_UP_ELSEWHERE.search(text, start) is None


def as_handled(signature: Signature) -> Signature:
    """Return the signature of a line that says that the program handled it: a note, unless there are many.

    Nodes that a scheduler skips are not handled.
    """
    if signature.role not in ("root", "weak", "cascade", "abort") or signature.name == "never_scheduled":
        return signature
    return replace(signature, role="note", severity=Severity.WARN, min_repeats=MANY_HANDLED)


def as_raised(signature: Signature) -> Signature | None:
    """Return the signature of an exception with a traceback.

    The failed check of native code that Python raised did not abort the process, and what is only worth a
    note elsewhere is a failure where a program gives up because of it.
    """
    if signature.role in ("abort", "advice"):
        return None
    return replace(signature, role="root", severity=Severity.PAGE) if signature.role == "note" else signature


def is_in_warning(before: Sequence[str]) -> bool:
    """Is a traceback part of the text of a warning, which announces it? Then the program caught it.

    Args:
        before: the lines before the traceback, oldest first.
    """
    start = len(before)
    while start and CAUSE.search(before[start - 1]):  # announces the next exception of a chain
        start = next((index for index in reversed(range(start)) if HEADER.search(before[index])), 0)
    if not start or not before[start - 1].rstrip().endswith(":"):
        return False
    for text in reversed(before[max(0, start - MAX_WARNING_LINES) : start]):
        if _WARNING_HEAD.match(text):
            return True
        if _LOGGED.search(text) or _SOURCE_LINE.match(text):
            return False
    return False


def is_quotation(text: str) -> bool:
    """Is this line source code, a shell command, a pattern or trainwatch output, rather than an event?"""
    return bool(
        _SOURCE_LINE.match(text)
        or _INDENTED_CODE.match(text)
        or _SHELL.match(text)
        or _TABLE_CELLS.match(text)
        or _OWN_OUTPUT.search(text)
        or _PATTERN_ECHO.search(_WINDOWS_PATH.sub("", text[:400]))
    )


def is_hypothetical(text: str, start: int) -> bool:
    """Does the text before index `start` describe what may happen rather than what happened?"""
    return bool(_HYPOTHETICAL.search(text, max(0, start - 120), start))


def is_dump(text: str) -> bool:
    """Is this a printed configuration: a Namespace, a dataclass, a dictionary of options?"""
    return bool(_DUMP.match(text)) and "Error" not in text[:20]
