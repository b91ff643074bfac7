"""Recognise error lines that only report an outcome: another line near them, usually before, has the reason.

The inner function fails first and logs why; then each caller logs that it failed.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

_DOING = r"(?:load|import|initiali[sz]e|start|create|build|deploy|launch|run|execute|process|fetch|complete|finish|get)"
_THING = (
    r"(?:child|process|worker|command|task|step|job|script|container|shard|replica|subprocess|actor|trial|model|stage)"
)
_CODE = (
    r"(?:,? (?:with )?(?:(?:a )?non-?zero )?(?:exit |return |error |status )*"
    r"(?:code|status|ret|rc|errno|number)\b[ :=]*-?\d*)"
)
_VAGUE = re.compile(
    r"(?i)ninja: build stopped|\bmake(?:\[\d+\])?: \*\*\*|error compiling objects|subprocess-exited-with-error"
    r"|failed building wheel|^\W*failed: \S+\s*$|\bexiting due to\b|\baborting\b|\bwill be stopped\b"
    rf"|\b{_THING}\b[^:]{{0,40}}:? *\b(?:failed|exited|died|crashed|terminated|stopped)"
    rf"(?: unexpectedly| with (?:an )?(?:exception|errors?))?{_CODE}?\W*$|^\W*error file: "
    r"|\bcall (?:\w+ )?api failed\b"
    r"|\bfailed with (?:\w+ )?(?:error|status|ret)(?: code| number)?[ :=]{0,3}-?(?:0x)?\d+\W*$"
    rf"|\bfailed{_CODE}\W*$|, error code(?: is)?[ :=]*-?\d+\W*$|^[^.]*\bret ?[:=] ?-?\d+\W*$"
    rf"|(?:failed|unable|could not|couldn't|cannot|error)(?: to)? {_DOING}(?:ing)?\b[^:=]{{0,80}}(?:: ['\"]?/\S+)?\W*$"
    r"|\bsee (?:the )?(?:root cause|(?:errors?|logs?|stack ?trace|traceback|messages?|output)\b)"
    r"|\binspect the previous\b|\berror executing job with overrides\b"
    r"|error: [^\[\n]{0,20}\[(?:INFO|DEBUG|WARN\w*)\]|:\s*$"
    r"|\bexception in (?!thread|\S+: \S.{20}|(?:\w+ ){1,3}\w+: \S.{7})\S+"
    r"|\bencountered an error(?: in [\w.]+(?: \w+)?)?\W*$"
    r"|\bexception on /\S* \[[a-z]+\]|\bhit an exception\b|\ban error (?:has )?occurred(?: while calling \S+)?\W*$"
    r"|^(?:[\w.]+(?:Error|Exception): )?(?:\w+ ){1,4}(?:failed|failure|crashed)\W*$|, stdout: , stderr: "
    r"|^\W*(?:\w+ )?(?:error|failed|failure|fatal|crashed)\W*$|^\S+ FAILED\W*$"
    r"|\b(?:printing|dumping|showing|collecting) (?:the )?(?:[\w-]+ ){0,3}(?:logs?|output|contents)\b[\w ]{0,20}[.: ]*$"
    r"|\bexception (?:while |when |during )?[a-z]+ing(?: an?| the)?(?: [a-z]+){0,3}\W*$"
    r"|\bassertion ['`\"]?(?:0|false|NULL)['`\"]? failed\W*$"
)
_COUNT = re.compile(r"(?i)^(?:\W*error: )?\W*\d+ (?:\w+ )?errors?(?:\(s\))? (?:found|occurred)\W*$")
_STACK = re.compile(r"(?i)^(?:stack ?trace(?:back)?|backtrace|call stack):\s*$")
_GUESSES = re.compile(r"(?i)\b(?:likely|possible|potential|common|typical) (?:causes?|reasons?)\W*$")
MAX_GAP = 4
"""Number of other lines between two error lines of one failure."""


@lru_cache(maxsize=256)
def is_vague(text: str) -> bool:
    """Does an error line state only that something failed?"""
    return (_VAGUE.search(text) is not None or counts_errors(text)) and not lists_guesses(text)


def counts_errors(text: str) -> bool:
    """Does a line only state how many errors follow it?"""
    return _COUNT.match(text) is not None


def heads_stack(text: str) -> bool:
    """Does a line only announce the frames of a stack?"""
    return _STACK.match(text) is not None


def lists_guesses(text: str) -> bool:
    """Does an error line end with the heading of a list of what may be wrong, of which no row says what is?"""
    return _GUESSES.search(text) is not None


def find_reason(texts: Sequence[str], is_reason: Callable[[int], bool], is_end: Callable[[int], bool]) -> int | None:
    """Return the index of the first error line with a reason, among those that lead to the end of `texts`.

    Args:
        texts: the lines before a vague one, oldest first.
        is_reason: does the line at an index report an error?
        is_end: does the line at an index belong to something else, such as progress?
    """
    found, gap = None, 0
    for index in reversed(range(len(texts))):
        if is_end(index) or gap > MAX_GAP:
            break
        if not is_reason(index):
            gap += 1
            continue
        gap = 0
        found = found if is_vague(texts[index]) else index
    return found
