"""Tell the lines of a program that failed from those of something else: by how they start, and what they are about.

Launchers, checks, sidecars and monitors write into the log of a program, and go on after it failed. A program's own
lines start as those before the failure did, and name what those named.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from bot.diagnosis.failures.life_signs import LifeKind, LifeSign, is_request, is_throughput, read_life_sign
from bot.diagnosis.failures.windows import UnreadLines
from bot.diagnosis.reading.sourced_lines import SourcedLine

MAX_STYLES, MAX_WORDS, MAX_ANSWERS = 64, 512, 32
_WORD = re.compile(r"[^\W\d_]{3,40}")
_SUFFIX = re.compile(r"(?<=[^\W\d_]{3})(?:ing|ed|es|s)$")
_OUTCOMES = frozenset((
    "all", "and", "are", "best", "but", "code", "complete", "completed", "done", "ended", "error", "exit", "fail",
    "failed", "failure", "finished", "for", "from", "has", "have", "info", "job", "log", "not", "now", "one",
    "out", "pass", "passed", "run", "saved", "skipped", "status", "succeeded", "success", "successful",
    "successfully", "that", "the", "this", "total", "uploaded", "warning", "was", "were", "with", "written",
))  # fmt: skip
"""Words that say nothing about the subject of a line."""
_TAG = re.compile(r"\W{0,3}([A-Za-z][\w./-]{0,60})(?:\[\d+\])?(?:[:|\]] |:$)")
_PATH = re.compile(r"\S*(?:[/\\]|\w\.[A-Za-z])\S*")
_NAME = re.compile(r"[A-Za-z][\w./-]*(?:\d|[_/.-](?=\w))[\w./-]*\w|\d[\w./-]*[A-Za-z_]\w*")
_IN_REQUEST, _REQUEST = re.compile(r"GET|POST|PUT|/"), re.compile(r"HTTP|(?<![\w.])[1-5]\d\d\b")
"""Where the part of an answer begins that differs from request to request: at the word with this, or at this."""
_PROCESS = re.compile(
    r"\[(?!(?i:info|warn(?:ing)?|error|debug|i|w|e)\b)[A-Za-z][\w./:-]{1,40}\](?= )|[\w.-]{2,40} +\| "
)
"""The name of a process, as launchers and Compose write it before a line."""
_DIGITS, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")
_ANSWERS = frozenset({LifeKind.ANSWERED, LifeKind.REFUSED, LifeKind.FAILED})
_SUCCESS = ": Success"
"""How a server without access log ends the line about an answered request."""
_OF_ANSWERS = ("HTTP/", "GET ", "POST ", "PUT ", "| ", "status", _SUCCESS)
"""One of these is in any line about an answered request."""
_TESTS = frozenset({LifeKind.PASSED, LifeKind.UNPASSED, LifeKind.JUDGED})
_TESTING = re.compile(
    r"\btest_\w|\bTest[A-Z]\w|\[ RUN |=== RUN|\bcollected \d+ items|^TAP version|^1\.\.\d|\btest session\b|\bpytest\b"
    r"|^[.sxXFE]{4,}|(?i:\brunning (?:\d+ )?tests?\b)|Randomness seeded to:"
)
_SERVING = re.compile(
    r"(?i)\brunning on (?:local |public )?(?:URL|http)"
    r"|\b(?:serving|listening|server started|started server) (?:on|at|process)\b|\bapi server\b"
    r"|File \".*/(?:uvicorn|starlette|fastapi|flask|gradio|werkzeug|tornado|aiohttp|bentoml|grpc|sglang|vllm"
    r"|entrypoints|serve|server|serving|api)/|\bdeployment \S|\brequest failed\b|\bbad request\b"
)
"""What shows that a program serves requests, before it answered any."""
_LEVEL = re.compile(r"[\[(]?\b(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|SEVERE|FATAL)\b[\])]?[: |-]*")
MIN_SHARE, MIN_SHARED, MIN_SHARE_PLAIN = 0.6, 2, 0.5
"""Share and number of the words of a line that are known if it does not start as lines before it, and their share if
it has no prefix."""


@dataclass(slots=True)
class Surroundings:
    """What a log was about before a failure."""

    styles: list[int] = field(default_factory=list)
    """Checksums of how its lines start."""
    words: list[int] = field(default_factory=list)
    """Checksums of the words in them."""
    answers: list[int] = field(default_factory=list)
    """Checksums of how the newest `MAX_ANSWERS` lines about answered requests start."""
    processes: list[int] = field(default_factory=list)
    """Checksums of names of processes at their start."""
    names: list[int] = field(default_factory=list)
    """Checksums of the names that the failure states: words with a digit or a mark, such as those of files."""
    has_tests: bool = False
    """Did it contain results of tests, or the start of one?"""
    is_server: bool = False
    """Did it mention what serves requests?"""

    def learn(self, lines: Iterable[SourcedLine], texts: Iterable[str]) -> None:
        """Learn from the lines before a failure, oldest first, and from its own texts."""
        styles, answers = dict[int, None](), list[int]()
        words, processes = dict[int, None](), dict[int, None]()
        for line in lines:
            if (found := _PROCESS.match(line.prefix + line.text)) is not None:
                processes[_checksum(found.group(0))] = None
            styles[_checksum(_split_style(line)[0])] = None
            if (sign := read_life_sign(line.text)) is not None:
                self.has_tests |= sign.kind in _TESTS
            if is_throughput(line.text):
                self.is_server = True
            elif is_request(line.text) or (sign is not None and is_answer(sign)):
                answers.append(answer_form(line))
            self._learn_text(line.text, words)
        for text in texts:
            self._learn_text(text, words)
            self.names = [*self.names, *_names(text)][-MAX_STYLES:]
        self.styles, self.answers = list(styles)[-MAX_STYLES:], list(dict.fromkeys(answers[-MAX_ANSWERS:]))
        self.words, self.processes = list(words)[-MAX_WORDS:], list(processes)[-MAX_STYLES:]

    def _learn_text(self, text: str, words: dict[int, None]) -> None:
        self.has_tests |= _TESTING.search(text) is not None
        self.is_server |= _SERVING.search(text) is not None
        words.update(dict.fromkeys(_subjects(text)))

    def is_own(self, line: SourcedLine) -> bool:
        """Is a line of the program that failed, or of what it is a part of?"""
        style, message = _split_style(line)
        subjects = set(_subjects(message))
        known = len(subjects & set(self.words))
        if style and _checksum(style) in self.styles:
            return True
        if style:
            return known >= MIN_SHARED and known >= MIN_SHARE * len(subjects)
        return known > 0 and known >= MIN_SHARE_PLAIN * len(subjects)

    def is_own_sign(self, sign: LifeSign, line: SourcedLine, *, is_server: bool) -> bool:
        """Is a sign of life one of the program that failed? Also learn what it says of the program."""
        if sign.kind is LifeKind.COMPLAINT:  # what the program could not handle
            self.words = [*self.words, *_subjects(line.text)][-MAX_WORDS:]
        if sign.kind is LifeKind.LEFT_OUT:
            return not set(_names(_split_style(line)[1])).isdisjoint(self.names)
        if sign.kind is LifeKind.READY:
            is_own = not self._is_of_other(line)
            self.is_server |= is_own
            return is_own
        if sign.kind is LifeKind.JOB:
            return (is_server or self.is_server) and not self._is_of_other(line)
        if is_throughput(line.text):
            return is_server or self.is_server
        if is_answer(sign):
            return answer_form(line) in self.answers if self.answers else is_server or self.is_server
        if sign.kind in _TESTS:
            return self.has_tests
        if sign.kind is LifeKind.TRIAL:
            return _checksum("trial") in self.words
        if sign.kind is LifeKind.ITEM:
            return self.is_own(line) or not any(_subjects(line.text))
        return True

    def _is_of_other(self, line: SourcedLine) -> bool:
        """Does a line start with the name of a process in brackets or before a bar, as no line before did?"""
        found = _PROCESS.match(line.prefix + line.text)
        return found is not None and _checksum(found.group(0)) not in self.processes


def is_answer(sign: LifeSign) -> bool:
    """Is it about a request, or what an engine generates for some?"""
    return sign.kind in _ANSWERS


def is_known_answer(line: SourcedLine, form: int, before: UnreadLines) -> bool | None:
    """Does a line about a request start as one before the failure? None if no such line was before it."""
    lines = before.newest_first() if any(word in before.window for word in _OF_ANSWERS) else iter(())
    answers = (one for one in lines if not is_throughput(one.text) and _is_about_request(one.text))
    is_known = None
    for one in islice(answers, MAX_ANSWERS):
        if one.source.name == line.source.name and answer_form(one) == form:
            return True
        is_known = False
    return is_known


def _is_about_request(text: str) -> bool:
    if is_request(text):
        return True
    return text.endswith(_SUCCESS) and (sign := read_life_sign(text)) is not None and is_answer(sign)


def answer_form(line: SourcedLine) -> int:
    """Return a checksum of how a line about an answered request starts."""
    text = line.prefix + line.text
    found, inner = _REQUEST.search(text), _IN_REQUEST.search(text)
    end = len(text) if found is None else found.start()
    if inner is not None:
        head = text[: inner.start()]
        word = "" if not head or head[-1].isspace() else head.rsplit(None, 1)[-1]
        end = min(end, len(head) - len(word))
    return _checksum(f"{line.source.name}|{_mask(text[:end])}")


def _mask(text: str) -> str:
    return _mask_letters(_DIGITS.sub("0", text))


@lru_cache(maxsize=256)
def _mask_letters(text: str) -> str:
    return _LETTERS.sub("a", _LEVEL.sub("", text))


def _split_style(line: SourcedLine) -> tuple[str, str]:
    """Return the form of a line's prefixes, with the name of its process or logger ("": it has none), and the rest."""
    text = _LEVEL.sub("", line.text, 1)
    found = _TAG.match(text)
    tag = found.group(1) if found and found.group(1).lower() not in _OUTCOMES else ""
    shape = _mask(line.prefix)
    is_plain = not (line.source.name or shape or tag)
    style = "" if is_plain else _DIGITS.sub("0", f"{line.source.name}|{shape}|{tag}")
    return style, text[found.end() :] if found else text


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "replace"))


def _names(text: str) -> Iterator[int]:
    """Yield checksums of the names in a text."""
    return (_checksum(name) for name in _NAME.findall(text))


def _subjects(text: str) -> Iterator[int]:
    """Yield checksums of the words that a line is about."""
    for word in _WORD.findall(_PATH.sub("", text).lower()):
        if word not in _OUTCOMES:
            yield _checksum(_SUFFIX.sub("", word))
