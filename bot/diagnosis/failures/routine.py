"""Recognise that a program goes on after a failure by the lines it writes: alike those before, or a good summary.

A study, a sweep, a pool of workers or a test harness writes lines of the same shape for each of its parts. If they go
on after the failure of one part, the whole survived it. What a dying program, its launcher and its shell write is new.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.diagnosis.failures.endings import EXIT_ZERO, ends_well, is_complete
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.failures.life_signs import LifeSign, is_throughput
from bot.diagnosis.failures.subjects import is_complaint
from bot.diagnosis.failures.summaries import SummaryKind, read_summary
from bot.diagnosis.failures.surroundings import Surroundings, answer_form, is_answer, is_known_answer
from bot.diagnosis.failures.trial_counts import is_of_one_trial
from bot.diagnosis.failures.windows import UnreadLines
from bot.diagnosis.reading.prefixes import LineSource
from bot.diagnosis.reading.sourced_lines import SourcedLine
from bot.diagnosis.training.progress import PROGRESS, parse_sample
from bot.domain.regex import compile_pattern

GoneOn = Literal["", "briefly", "long"]
"""How long a program has gone on after a failure; "" for not at all."""
MAX_SHAPES, MAX_COUNTERS = 128, 16
MIN_LINES, MIN_SHAPES = 3, 2
"""Number of lines, and of different shapes, that show that the routine goes on."""
MIN_COUNTS = 2
"""Number of times that a counter advances with the same meaning: a part may have been under way."""
MIN_NUMBERS = 2
"""Number of numbers or settings in a line that is a row of results, whatever its first word is."""
LONG_LINES = 20
"""Number of lines after which the failure no longer matters."""
MANY_LINES = 8
"""Number of lines that show it even after a launcher reported the end of the part that failed."""
SHAPE_TOKENS = 8
"""Number of words of a line that make up its shape."""
_COUNTER = re.compile(r"(?<![\w./-])[\[(]?(\d{1,7}) ?(?:/|of|out of) ?(\d{1,7})(?![\w./%-])")
_VARIABLE = re.compile(r"\d|['\"`]")
_SUCCESS = re.compile(r"(?i)\bsuccessfully\b(?!.*\b(?:log|report|upload|sync|copied)\w*)")
_PREPARATION = re.compile(r"(?i)load|captur|compil|warm|\binit|\bjoin|connect|\bready|prepar|\bstart")
"""What a program does at each start: reaching the end of it does not show success."""
_OBJECT_FIELD = re.compile(
    r"[\s-]*[\"']?(?:api[vV]ersion|kind|name|namespace|uid|resourceVersion|fieldPath|\w+Time(?:stamp)?|reason|type|component"
    r"|host|reporting\w+|count|metadata|source|phase|status|\w+ID|image|ready|restartCount|started)[\"']?: ?[\"']?\S*$"
)
"""A field of the object of a cluster, such as an event, whose fields do not come one after another in time."""
_PROGRESS = compile_pattern(f"(?m){PROGRESS}")
_IDLE = re.compile(
    r"(?i)\b(?:wait(?:ing|ed)?|heartbeats?|alive|idle|still|uptime|elapsed|polls?|polling|monitor\w*|watchdog|dcgm"
    r"|nvidia-smi|util(?:i[sz]ation)?|temp(?:erature)?|pending|queued|autoscaler|health\w*|probes?|lease|keepalive"
    r"|skipp(?:ed|ing)|cancel\w*|clean\w*|closed?|closing|shut\w*|terminat\w+|destroy\w*|stop|stopped|stopping|exit(?:ed|ing)?)\b"
)
"""What bystanders write, and what everything writes at its end."""


@dataclass(slots=True)
class Aftermath:
    """What a program wrote after a failure."""

    lines: int = 0
    """Number of lines of known shapes."""
    shapes: int = 0
    """Number of these shapes."""
    counts: int = 0
    """Number of lines in which a known counter is higher than before the failure."""
    has_result: bool = False
    """Did the whole report a result?"""
    has_succeeded: bool = False
    """Did a step of the program succeed?"""
    has_exited_well: bool = False
    series: dict[str, list[int]] = field(default_factory=dict)
    """The counts of each counter, of any process."""
    is_good: bool = False
    """Is the newest summary of the whole good?"""
    is_bad: bool = False
    """Is it bad, or did a part fail, with nothing of the routine after that?"""
    is_lost: bool = False
    """Did the whole give up, with nothing of the routine after that?"""

    def record_summary(self, summary: SummaryKind | None, *, is_own: bool) -> None:
        """Record what a line says about the whole; the last one counts."""
        if not is_own and summary not in (SummaryKind.LOST, SummaryKind.BAD):
            return
        self.is_lost |= summary is SummaryKind.LOST
        self.has_result |= summary in (SummaryKind.RESULT, SummaryKind.COMPLETE)
        if summary is not None and summary is not SummaryKind.RESULT:
            self.is_good, self.is_bad = summary is SummaryKind.GOOD, summary is SummaryKind.BAD

    def record_words(self, text: str, *, is_own: bool) -> None:
        """Record what shows that a program goes on in order after an exception, to its own end."""
        self.has_succeeded |= is_own and _SUCCESS.search(text) is not None and _IDLE.search(text) is None
        self.has_exited_well |= EXIT_ZERO.search(text) is not None

    def record_routine(self, counts: int, *, is_alike: bool) -> None:
        """Record that the routine went on."""
        self.counts += counts
        self.lines += is_alike
        if counts or is_alike:
            self.is_lost = self.is_bad = False

    @property
    def has_finished(self) -> bool:
        """Did a counter, of any process, advance to its total?"""
        return any(
            str(counts[-1]) == key.rpartition("/")[2] and len({*counts}) > MIN_COUNTS
            for key, counts in self.series.items()
        )

    @property
    def is_long(self) -> bool:
        """Has the routine gone on for so long that the failure no longer matters?"""
        return self.lines + self.counts >= LONG_LINES

    @property
    def is_certain(self) -> bool:
        """Does it show that the whole goes on, even if a launcher reported the end of the part that failed?"""
        is_alike = self.lines >= MIN_LINES and self.shapes >= MIN_SHAPES
        is_fine = self.has_succeeded and self.has_exited_well
        goes_on = self.is_good or is_fine or self.has_finished or self.counts >= MIN_COUNTS or self.lines >= MANY_LINES
        return (goes_on or (is_alike and self.has_result)) and not (self.is_lost or self.is_bad)

    @property
    def follows_restart(self) -> bool:
        """Do lines that are repeated as before show that a restart succeeded?"""
        return self.lines >= MIN_LINES and not (self.is_lost or self.is_bad)

    def resumes_routine(self, *, is_caught: bool) -> bool:
        """Do lines alike those before show that the program goes on? Fewer suffice if it caught the failure."""
        is_short = is_caught or self.has_result
        enough = (self.lines >= MIN_LINES and self.shapes >= MIN_SHAPES) or (is_short and self.lines + self.counts > 0)
        return enough and not (self.is_lost or self.is_bad)


@dataclass(slots=True)
class Routine:
    """What a program wrote before a failure. It is read once it matters: most failures of servers end before."""

    unread: UnreadLines | None = None
    """The lines to learn from."""
    texts: list[str] = field(default_factory=list)
    """The failure's own texts, until they are read."""
    known_answer: int = 0
    """Checksum of how a line about a request starts, as one of those lines does."""

    shapes: list[int] = field(default_factory=list)
    """Checksums of the shapes of its lines."""
    repeated: list[int] = field(default_factory=list)
    """Checksums of shapes that several lines had, of any process. What is written only once may belong to a start."""
    counters: dict[str, int] = field(default_factory=dict)
    """The newest count of each counter, by what it counts and its total."""
    name: str = ""
    rank: int | None = None
    """The process that failed."""
    is_known: bool = False
    is_complete: bool = False
    """Had the whole reported before the failure that it was done?"""
    is_of_one_trial: bool = False
    """Is the failure printed from the file of one trial, below counts of more that went well?"""
    surroundings: Surroundings = field(default_factory=Surroundings)

    def learn_later(self, lines: UnreadLines, source: LineSource, texts: Sequence[str]) -> None:
        """Keep what `learn` needs."""
        (self.name, self.rank), self.is_known = source, True
        self.unread, self.texts = lines, list(texts)

    def learned(self) -> "Routine":
        """Return itself, after it has learned from what was kept."""
        if self.unread is not None:
            lines, texts = self.unread.read(), self.texts
            self.unread, self.texts = None, []
            self.learn(lines, LineSource(self.name, self.rank), texts)
        return self

    def is_own_sign(self, sign: LifeSign, line: SourcedLine, *, is_server: bool) -> bool:
        """Is a sign of life one of the program that failed? Of an answer, few lines before the failure show it."""
        if self.unread is None or not is_answer(sign):
            return self.learned().surroundings.is_own_sign(sign, line, is_server=is_server)
        if is_throughput(line.text):  # of all requests
            return is_server or self.learned().surroundings.is_server
        form = answer_form(line)
        is_known = form == self.known_answer or is_known_answer(line, form, self.unread)
        self.known_answer = form if is_known else self.known_answer
        return (is_server or self.learned().surroundings.is_server) if is_known is None else is_known

    def learn(self, lines: Sequence[SourcedLine], source: LineSource, texts: Sequence[str] = ()) -> None:
        """Learn from the lines before a failure of `source`, oldest first, and its own texts."""
        (self.name, self.rank), self.is_known = source, True
        self.surroundings.learn(lines, texts)
        self.is_complete = is_complete(lines)
        self.is_of_one_trial = is_of_one_trial([line.text for line in lines])
        own, of_any = dict[int, None](), dict[int, int]()
        for line in lines:
            is_own = line.source == source
            if is_own:
                self.counters.update(_counters(line.text))
            if (shape := _shape(line.text)) is not None:
                of_any[shape] = of_any.pop(shape, 0) + 1
                if is_own:
                    own.pop(shape, None)
                    own[shape] = None
        self.shapes = list(own)[-MAX_SHAPES:]
        self.repeated = [shape for shape, count in of_any.items() if count > 1][-MAX_SHAPES:]
        self.counters = dict(list(self.counters.items())[-MAX_COUNTERS:])

    def states_end(self, lines: Iterable[SourcedLine], *, is_restarted: bool = False) -> bool:
        """Do lines after a failure, of the program itself, close the run rather than its preparation?

        After a restart, so does a summary of any process that all parts succeeded.
        """
        surroundings = self.learned().surroundings
        return ends_well(
            [
                line
                for line in lines
                if (surroundings.is_own(line) and not _PREPARATION.search(line.text))
                or (is_restarted and read_summary(line.text) is SummaryKind.COMPLETE)
            ]
        )

    def read_after(
        self, lines: Iterable[SourcedLine], *, is_restarted: bool = False, is_retried: bool = False
    ) -> Aftermath:
        """Read the lines after the newest event of the failure, oldest first.

        Args:
            lines: of all processes.
            is_restarted: whether a restart is reported: then lines of any process show that the work goes on.
            is_retried: whether the program reported that it goes on: then its lines may differ from those before.
        """
        self.learned()
        found, shapes = Aftermath(), set[int]()
        known = set(self.repeated if is_restarted else self.shapes)
        for line in lines:
            is_own = is_retried or self.surroundings.is_own(line)
            found.record_words(line.text, is_own=is_own)
            for key, count in () if _PREPARATION.search(line.text) or not is_own else _counters(line.text):
                found.series.setdefault(key, []).append(count)
            summary = read_summary(line.text)
            found.record_summary(summary, is_own=is_own)
            if summary is not None or not (is_restarted or line.source == (self.name, self.rank)):
                continue
            counts = sum(count > self.counters.get(key, count) for key, count in _counters(line.text))
            shape = _shape(line.text)
            is_alike = shape is not None and shape in known
            if shape is not None and is_alike:
                shapes.add(shape)
            found.record_routine(counts, is_alike=is_alike)
        return replace(found, shapes=len(shapes))


def _counters(text: str) -> Iterator[tuple[str, int]]:
    """Read counters such as `[3/12]` or `trial 3 of 12`: what they count, with the total, and the count."""
    if _IDLE.search(text):
        return
    for found in _COUNTER.finditer(text, 0, 200):
        before = text[: found.start()].split()
        yield f"{before[-1].lower()[-16:] if before else ''}/{found.group(2)}", int(found.group(1))


def _shape(text: str) -> int | None:
    """Return a checksum of what lines alike have in common; None if the line does not count.

    These are the first two words, and where further words, numbers and settings are.
    """
    if line_kind(text) is not LineKind.OTHER or is_complaint(text) or _IDLE.search(text) or _OBJECT_FIELD.match(text):
        return None
    tokens = text.split()
    if len(tokens) < 2 or not any(token[:1].isalpha() for token in tokens):
        return None
    if _PROGRESS.contains(text) and (sample := parse_sample(text)) is not None and sample.position != (None, None):
        return None
    words = [f"{token.partition('=')[0]}=" if "=" in token else _mask(token, token) for token in tokens[:2]]
    rest = ["=" if "=" in token else _mask(token, "w") for token in tokens[2:SHAPE_TOKENS]]
    if sum(mark != "w" for mark in rest) >= MIN_NUMBERS:
        words[0] = "*"  # the name of the part whose numbers follow
    return zlib.crc32(" ".join((*words, *rest)).encode("utf-8", "replace"))


def _mask(token: str, plain: str) -> str:
    return "#" if _VARIABLE.search(token) else plain
