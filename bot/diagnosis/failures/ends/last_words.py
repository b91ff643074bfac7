"""The words with which programs and what runs them end, in any language: fatal statements and exits that are not zero.

Also the words of what goes on or ends well. Where a log ends is for `failed_end` to say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bot.diagnosis.failures.announced_failures import states_exception, states_outcome
from bot.diagnosis.failures.ends.language_ends import LANGUAGE_ENDS, is_uncaught, marks_uncaught
from bot.diagnosis.failures.life_signs import LifeKind, read_life_sign
from bot.diagnosis.failures.noise import is_dump, is_hypothetical, is_quotation
from bot.diagnosis.failures.reasons import Grade, grade, states_refusal
from bot.diagnosis.failures.subjects import is_complaint, names_failure
from bot.diagnosis.failures.summaries import SummaryKind, read_summary
from bot.diagnosis.harmless_lines import is_harmless
from bot.diagnosis.reading.attempts import is_given_up
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.prefixes import split_prefix, unwrap_json
from bot.diagnosis.reading.runner_lines import carries_level
from bot.diagnosis.training.failed_steps import states_failed_step
from bot.domain.levels import stated_level
from bot.domain.logs import Level
from bot.domain.regex import compile_pattern

_NUMBER = r"-?[1-9]\d{0,9}\b"
_JOB = (
    r"(?:job|run|task|step|workflow|pipeline|build|training|experiment|simulation|container|pod|process|environment|command"
    r"|script|program|launch)"
)
_EXIT = re.compile(
    r"(?i)\b(?:exit(?:s|ed|ing)?|return(?:s|ed)?|finished|ended|terminated|completed|failed|status)\b[^\n\d-]{0,24}?"
    rf"\b(?:code|status|value|rc)\b[\"']?[ :=(]{{0,3}}{_NUMBER}"
    r"|\bexit(?:s|ed|ing)?[_ -]?(?:code|status)?[\"']?[ :=(]{1,3}-?[1-9]\d{0,2}\b(?=\W*$|[)\],;.]| after)"
    r"|\bexit(?:ed)? with -?[1-9]\d{0,2}\b(?=\W*$)"
    rf"|\b(?:exit_?code|exit_?status|rc|returncode|return_?code)[\"']?[ :=]{{1,3}}{_NUMBER}"
    rf"|^\W*exit[_ ]?(?:code|status)\s+[:=]\s*{_NUMBER}"
    r"|\bnon-?zero (?:exit|return|status)|\*\*\* \[[^\]\n]+\] Error \d|\brecipe (?:for target )?\S+ failed\b"
    r"|\bELIFECYCLE\b|\bBackoffLimitExceeded\b"
    r"|\b(?:\w{0,20}(?:state|status)|phase|conclusion|result|outcome)[\"']?\s?[:=]\s?[\"']?(?:job_state_)?"
    r"(?:failed|failure|error(?:ed)?|crashed|out_of_memory|node_fail|boot_fail|dead)\b"
    rf"|^\W*(?:the |(?:[\w.-]+: )?[Tt]his )?{_JOB}\b[^\n.,;:]{{0,60}}?\b(?:failed|aborted|crashed|died|errored"
    r"|did not (?:start|finish|complete)|not started)(?=$|[ .,;:!(])(?! (?:to|over|with|jobs?|runs?|\d+ times?)\b)"
)
"""What reports that something ended badly, but not what."""
_PARTS = (
    r"(?:jobs|tasks|trials|runs|workers|trainers|shards|splits|parts|chunks|files|process(?:es)?|ranks|nodes|hosts|replicas|actors"
    r"|folds|fits|attempts|experiments|candidates|stages|steps|commands|subprocesses|children)"
)
_ALL_FAILED = re.compile(
    rf"(?i)(?<![\w.])(?P<count>[1-9]\d{{0,6}}) ?(?:/|of|out of) ?(?P=count) (?:(?:\w+ )?{_PARTS} )?"
    r"(?:have |were |has |are )?(?:failed|crashed|aborted|errored|died|lost)\b"
    rf"|\ball (?:of )?(?:the )?(?:\d+ )?(?:\w+ )?{_PARTS} (?:have |were |has |are )?"
    r"(?:failed|crashed|aborted|errored|died|lost)\b(?! on\b)"
    rf"|(?<![\w.])0 ?(?:/|of|out of) ?[1-9]\d{{0,6}} (?:(?:\w+ )?{_PARTS} )?(?:succeeded|survived)\b"
    rf"|\b(?:no|none of the) (?:\w+ )?{_PARTS} (?:have |has )?(?:succeeded|survived)\b"
    r"|\bfailed, (?:log is in|(?:see|check) (?:the )?\S*logs?)\b"
    r"|\babnormal(?:ly)? (?:program |process )?(?:exit|termin)"
)
"""The same of all parts of a whole, or of the program that hands them out."""
_EXIT_FIELD = re.compile(
    r"^[^{]{0,60}\{.*\"(?:(?:exit_?code|exit_?status|return_?code|rc)\": ?-?[1-9]\d{0,9}\b"
    r"|(?:\w{0,12}_)?(?:state|status|phase|outcome)\": ?\"(?:failed|failure|errored|crashed)\")",
    re.IGNORECASE,
)
"""The same in a field of structured logging."""
_NONE_FAILED = re.compile(r"(?i)^\W*(?:failed|failures?|errors?)\s*[:=]?\s*0\W*$")
"""A field of a record, such as `failed 0`."""
_JSON_FIELD = re.compile(
    r"\s*\"(?:[A-Z]\w*|\w*(?i:status|state|exit_?code|reason|error|conclusion|message|details?"
    r"|description|value|cause))\": (?:\"|-?\d)"
)
"""A field of the record of a job, alone on its line."""
_PROGRAM = r"^(?:[\w./-]+(?::\d+){0,2}: ){0,3}"
"""Names of programs and places in source code, which tools write before their messages."""
_INSTEAD = r"\b(?:re-?building|instead|using|defaults?|disabled|without|ignor|skip)"
"""What the same line has where a program does without something."""
_FATAL = re.compile(
    rf"{_PROGRAM}(?:[Ee]rror|ERROR|[Ff]atal|FATAL|internal error|fatal error): (?![-+]?[\d.]|None\b|null\b)\S"
    rf"|{_PROGRAM}[Ee]rror: [1-9]\d* errors? occurred:"
    rf"|{_PROGRAM}Error (?:in|using) (?!atexit)\S|{_PROGRAM}Error [a-z]{{3,12}}ing (?!.*{_INSTEAD})\S"
    rf"|{_PROGRAM}line \d+: .*: \S.* not found\s*$"
    r"|^[\W_]*(?:(?:FOAM )?FATAL|Fatal|fatal(?=\W*(?::|]| error)))\b|^[\W_]*(?:panic|PANIC)\b ?[:(\[]|^ERROR STOP\b"
    r"|^STOP (?:[1-9]\d*|['\"A-Z])|^Execution halted|^\S{1,40}: (?:\S{1,60}: )?(?:command )?not found\s*$"
    r"|^terminate called|^Un(?:caught|handled) \S|^Exception in thread \"|^Exception: \S|^ERROR ~ \S|^Exiting because"
    r"|^\W{2,}\s*(?i:abort(?:ing|ed)?|giving up|fatal|error|stopping|stopped|failed|run (?:failed|aborted))\b"
    r"|^(?i:abort(?:ing|ed)?|giving up|bailing out|cannot continue|unrecoverable)\b"
    r"|^E\d{3,5}\b|^[A-Z]{2,8}-?(?:E\d{2,5}|\d{3,5}E)\b"
)
"""A statement that starts as programs do where they end."""
_GIVES_UP = re.compile(
    r"(?i)\b(?:aborting|giv(?:es?|ing) up|gave up|cannot (?:continue|proceed|recover|start)|can't continue"
    r"|unrecoverable|terminating|exiting|bailing out|shutting down|quitting|stopping|halting)\b"
)
"""What a line logged as an error says where the program ends because of it."""
_FAILED_AT = re.compile(r"(?i)\W{0,4}(?:failed|crashed|aborted|died|diverged|exploded) (?:at|in|on|during) \w")
"""How a line starts that names the step with which a program ended."""
_PART = re.compile(
    r"(?i)\b(?:requests?|connections?|clients?|sessions?|streams?|trials?|quer(?:y|ies)|uploads?|downloads?|callbacks?)\b"
)
"""What a program gives up without ending."""
_VALUE = re.compile(
    r"(?i)\W*[a-z][\w ()/-]{0,40}\"?\s*[:=]\s*(?:-?\d+|\"\"|''|null|none),?\s*$"
    r"|\W*(?:reason|type|status|state|phase|conditions?|last state)\s*[:=]\s*\w*\s*$"
)
"""A field of a status with a count or a name, such as `Failed: 1`: it states an outcome, but not what happened."""
_HEADER_ONLY = re.compile(r"(?i)(?:fail|crit|error|warn|info): [\w.`<>+-]+\[\d+\]\s*$")
"""The first line of an event in .NET, whose message is on the next line."""
_PARENT = r"(?:coordinator|launcher|parent|driver|supervisor|peer|root|master)"
_GENERIC = re.compile(
    r"(?i)^\W*(?:fatal(?: error)?|error|critical|panic|abort(?:ed)?|execution halted|program (?:stopped|terminated)"
    rf"|stop \d+)?\W*$|\b(?:aborted|terminated|killed|stopped) by (?:the )?{_PARENT}\b|\bgiving up\b"
    r"|\babort(?:ing|ed)? (?:all|the (?:run|job)|job|run)\b|\bsee (?:the )?(?:log|output|above|below)"
    r"|^\W*(?:exiting|shutting down|stopping|terminating|quitting|cleaning up|halting)\b|\ban error (?:has )?occurred\b"
)
"""What reports that a program ends, but not why."""
_ASIDE = re.compile(
    r"^(?:error: |warning: )?fatal: (?:not a git repository|detected dubious ownership|No names found"
    r"|No tags can describe|ambiguous argument|bad revision|unknown revision|your current branch"
    r"|no upstream configured)|^(?:\S{1,40}: ){0,3}(?:line )?(?:\d+: )?"
    r"(?:git|nvcc|nvidia-smi|rocm-smi|hipconfig|lspci|lscpu|lsb_release"
    r"|ibstat|ibv_devinfo|ifconfig|numactl|hostname|free|module|tput|clear|figlet): (?:command )?not found"
)
"""What tools report that a program only asks about its surroundings, such as its version."""
_ENDED_BY_OTHERS = re.compile(
    r"(?i)\btasks? [\d,-]+: (?:terminated|killed)|\bcancelled at \d{4}-|\bterminating process \d+ via signal"
)
"""What a launcher or a scheduler did to the processes that still ran."""
_SURVIVAL = re.compile(
    r"(?i)(?<!not )(?<!never )(?<!un)\b(?:succe(?:ss(?:ful(?:ly)?)?|eded)|resum(?:ed|ing)|recover(?:ed|ing)"
    r"|retr(?:y|ying|ies|ied)|restart(?:ed|ing|s)?|requeu(?:e|ed|ing)|(?<!to )continue|continu(?:es|ing)"
    r"|ignor(?:ed|ing)\b(?!=)|skipp(?:ed|ing)\b(?!=)"
    r"|submitted batch job|is submitted to|falling back|fallback|ready|listening|will try|trying again|healthy"
    r"|passed)\b"
)
"""The program, its supervisor or its scheduler goes on."""
_RESTART = re.compile(
    r"(?i)\b(?:submitted batch job|is submitted to"
    r"|retr(?:y|ying|ies|ied)|(?:re-?start|re-?queu|re-?schedul|re-?submi|re-?launch)\w*|trying again"
    r"|will try)\b"
)
_BACK_OFF = re.compile(r"(?i)\bback-?off\b|\bno (?:retries|restarts)\b|\bcrashloop")
_COMPLETED = re.compile(
    r"(?i)(?<!not )(?<!never )(?<!in)\b(?:completed?|saved|wrote|written|evaluated|best)\b"
    r"(?! with (?:errors?|exit|status|code|failures?))"
)
"""The program reports that it is done, or what it found."""
_FINISHED = re.compile(
    r"(?i)(?<!not )(?<!marked as )\b(?:finished|done|exit(?:ed)?(?: with)?(?: code| status)?[ :=]{1,3}0)\b"
)
"""The same of a part; a script prints it after a failure, too."""
_EXIT_ZERO = re.compile(r"(?i)^\W*(?:command |process |script )?exit(?:ed)?(?: with)?(?: status| code)?[ :=]{1,3}0\W*$")
_HEADER = re.compile(
    r"#\d+ (?:\d+\.\d+ )?|##\[\w+\]|(?:\d[\d:.,/T-]*Z?\s+){1,3}"
    r"(?:(?:[DIWEFC]|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL)\b\s+)?"
    r"(?:[\w./-]+:\d+\]\s+)?"
)
"""What an in-house logger writes before its message, and Docker and GitHub before the line of a step."""
_NO_EVENT = re.compile(r"\w[a-z]Warning\b|(?i:\b(?:log ?level|handlers?)\b)")
"""Warnings of Python, which programs raise where they go on, and settings."""
_NATIVE_FRAME = r"(?:#?\d{1,3}:?\s+)?(?:in )?0x[0-9a-f]{6,16}\b|frame #\d+: |\S+\.so[\d.]*\([^()]*\) ?\[0x"
_FRAME = re.compile(rf"^\s*(?:{_NATIVE_FRAME})")
"""Of the stack that native code prints where an error is thrown."""
_DETAIL = re.compile(
    rf"^(?:{_NATIVE_FRAME}|\+[-=+]+\s*$)"
    r"|^\s+\S|^\s*(?:\d+: |at |@ |from |in |#\d|Caused by|Stack|stack|Backtrace|note: |help: |hint: |For more|To fix"
    r"|goroutine |\|)"
)
MIN_CARRIED = 8
"""From this number of lines on, a level that all of them have is that of the service that carried them."""
LOOKS_BAD = compile_pattern(
    rb"(?i:error|fatal|fata\b|ftl\b|pnc\b|abort|panic|crit|emerg|alert|exit|fail|halt|not found|giv|gave|unhandled"
    rb"|uncaught|terminat|\brc\b|return|crash|died|\bdead|not start|cannot|can't|unrecover|bail|exception|quit"
    rb"|shutting|\bstop|succeed|surviv|(?:level|lvl|severity\w*|priority)\W{1,4}\d)|\bE\d\d\d|\dE\b|\b[EFC]\b|\bF\d"
    rb"|(?i:erreur|fehler|\berro\b)|"
    + "\u043e\u0448\u0438\u0431|\u041e\u0448\u0438\u0431|\u9519\u8bef|\u932f\u8aa4".encode()
    + "|\u30a8\u30e9\u30fc|\uc624\ub958|".encode()
    + LANGUAGE_ENDS
)
"""What the last words of a run that failed contain: most lines need no more than this."""


@dataclass(frozen=True)
class EndRow:
    """One line at the end of a log. What it states is found once; several questions ask for it."""

    raw: str
    text: str
    """Without its prefixes."""
    level: Level | None
    number: int
    """From 1 at the start of the log."""
    label: Label | None = None

    @cached_property
    def is_exit(self) -> bool:
        """Does it report that something ended badly?"""
        if marks_uncaught(self.text):
            return True
        whole = _ALL_FAILED.search(self.text)
        if whole is not None:
            rest = self.text[: whole.start()] + self.text[whole.end() :]
            return not (_SURVIVAL.search(rest) or self._is_mention(whole.start()))
        if states_outcome(self.text):
            return not self._is_mention(0)
        found = _EXIT.search(self.text)
        if found is None and _EXIT_FIELD.search(self.raw) is not None:
            return not _SURVIVAL.search(self.text)
        if found is None or self.kind is LifeKind.JUDGED or states_refusal(self.text):
            return False
        return not _SURVIVAL.search(self.text) and not self._is_mention(found.start())

    @cached_property
    def is_fatal(self) -> bool:
        """Is it what a program writes where it ends?"""
        if self.level is not None and (self.level >= Level.CRITICAL or self.level < Level.ERROR):
            has_words = self.level >= Level.CRITICAL
        else:
            has_words = _FATAL.search(self.text) is not None or (self.level is Level.ERROR and self._gives_up)
            has_words |= is_uncaught(self.text) or is_uncaught(self.raw)
            has_words |= (self._gives_up or _FAILED_AT.match(self.text) is not None) and states_failed_step(self.text)
        has_words |= states_exception(self.text)
        goes_on = has_words and _SURVIVAL.search(self.text) and not _GIVES_UP.search(self.text)
        return has_words and not goes_on and not self._is_mention(0) and not self.is_value

    @property
    def is_plain(self) -> bool:
        """Is it neither a mention nor logged as information?"""
        return (self.level is None or self.level >= Level.WARNING) and not self._is_mention(0)

    @cached_property
    def is_error(self) -> bool:
        """Is it logged as an error, or a fatal statement?"""
        return self.is_fatal or (self.level is not None and self.level >= Level.ERROR and not self._is_mention(0))

    @property
    def is_aside(self) -> bool:
        """Is it of a tool that a program only asks about its surroundings?"""
        return _ASIDE.search(self.text) is not None

    @property
    def is_generic(self) -> bool:
        """Does it report that something failed, but not what?"""
        if _HEADER_ONLY.match(self.raw.strip()) is not None:
            return True
        return self.is_exit or self.is_ended_by_others or _GENERIC.search(self.text) is not None

    @property
    def is_ended_by_others(self) -> bool:
        """Does it report processes that were ended because another one had failed?"""
        return _ENDED_BY_OTHERS.search(self.text) is not None

    @cached_property
    def grade(self) -> Grade:
        """How much it says about why something failed; the fields of structured logging count too."""
        return grade(self.raw if self.raw.startswith("{") else self.text)

    @property
    def states_reason(self) -> bool:
        """Does it say why something failed, and that it did?"""
        return (
            self.grade >= Grade.REASON and not self.is_exit and not (self._is_mention(0) or _SURVIVAL.search(self.text))
        )

    @cached_property
    def complains(self) -> bool:
        """Does it, without a fatal word, say what an exit status after it does not?"""
        if self.is_exit or self._is_mention(0) or self.is_value or self.counts_none:
            return False
        return self._gives_up or is_complaint(self.text)

    @property
    def counts_none(self) -> bool:
        """Is it a field that counts no failure?"""
        return _NONE_FAILED.search(self.text) is not None

    @property
    def is_value(self) -> bool:
        """Is it a field with only a count or a name?"""
        return _VALUE.match(self.text) is not None

    @property
    def warns(self) -> bool:
        """Does a warning say what is wrong, rather than what the program does?"""
        return not self._is_mention(0) and (self.grade >= Grade.REASON or names_failure(self.text))

    @cached_property
    def goes_on(self) -> bool:
        """Does it report that the program, or what ran it, goes on or has completed?"""
        is_answer = self.kind in (LifeKind.ANSWERED, LifeKind.PASSED, LifeKind.JUDGED)
        if is_answer or read_summary(self.text) in (SummaryKind.GOOD, SummaryKind.COMPLETE, SummaryKind.RESULT):
            return True
        is_complaint = self.level is not None and self.level >= Level.WARNING
        return not (is_complaint or is_given_up(self.text)) and bool(
            _SURVIVAL.search(self.text) or _COMPLETED.search(self.text)
        )

    @property
    def restarts(self) -> bool:
        """Does it report that the program starts again, rather than that this is given up?"""
        return _RESTART.search(self.text) is not None and _BACK_OFF.search(self.text) is None

    @property
    def is_finished(self) -> bool:
        """Does it report the end of something?"""
        return _FINISHED.search(self.text) is not None

    @property
    def is_bare_exit(self) -> bool:
        """Does it report an exit without an error, and nothing else?"""
        return _EXIT_ZERO.search(self.text) is not None

    @property
    def is_detail(self) -> bool:
        """Does it belong to the statement above it?"""
        return _DETAIL.match(self.text) is not None

    @property
    def is_frame(self) -> bool:
        """Is it a frame of a stack of native code?"""
        return _FRAME.match(self.text) is not None

    @property
    def is_of_part(self) -> bool:
        """Is it about something that fails without the program, such as a request?"""
        return _PART.search(self.text) is not None

    @cached_property
    def kind(self) -> LifeKind | None:
        """What it shows of the program's life."""
        sign = read_life_sign(self.text)
        return None if sign is None else sign.kind

    @property
    def _gives_up(self) -> bool:
        return _GIVES_UP.search(self.text) is not None and _PART.search(self.text) is None

    def _is_mention(self, start: int) -> bool:
        text = self.text
        is_code = is_quotation(text) and _JSON_FIELD.match(text) is None
        is_noise = is_code or is_dump(text) or is_hypothetical(text, start) or is_harmless(text)
        return is_noise or (_NO_EVENT.search(text) is not None and not states_exception(text))


def states_survival(text: str) -> bool:
    """Does a line report that the program, or what runs it, got over what it states?"""
    return _SURVIVAL.search(text) is not None


def read_rows(raws: Sequence[bytes], first: int, before: Sequence[bytes] = ()) -> list[EndRow]:
    """Read lines, of which the first has the number `first`, after those `before`; empty lines are left out."""
    rows, carried = list[EndRow](), list[Level | None]()
    for number, raw in enumerate((line.decode("utf-8", "replace") for line in raws), first):
        newest = raw.rstrip("\r").rsplit("\r", 1)[-1]
        if not newest.strip():
            continue
        whole = unwrap_json(newest)
        level = None if carries_level(newest) else stated_level(newest)
        carried.append(None if whole is newest else level)
        for text in whole.split("\n"):
            if not text.strip() and text is not whole:
                continue
            split = split_prefix(text)
            found = _HEADER.match(split.text)
            message = split.text[found.end() :] if found else split.text
            own = level if whole is newest else stated_level(text)
            rows.append(EndRow(newest, message, level if own is None else own, number, split.source.label))
    if not carried or carried[0] is None or len(set(carried)) > 1:
        return rows
    carried += [stated_level(raw.decode("utf-8", "replace")) for raw in before[-MIN_CARRIED:] if raw.strip()]
    if len(carried) < MIN_CARRIED or len(set(carried)) > 1:
        return rows
    return [row if row.level != carried[0] else replace(row, level=stated_level(row.text)) for row in rows]
