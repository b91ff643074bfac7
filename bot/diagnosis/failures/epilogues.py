"""Recognise what shells, schedulers, CI systems and sidecars print once a program has ended, which gives no reason."""

import re

from bot.domain.levels import stated_level
from bot.domain.logs import Level

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*"
_EPILOGUE = re.compile(
    r"(?:real|user|sys)\s+\d+m?[\d.,]+s?\s*$|\d+[.,]\d+ ?user \d+|\d+[.,]\d+ real "  # time
    rf"|{_DAY},? (?:\w{{3}} +\d{{1,2}}|\d{{1,2}}\.? \w{{3,9}}) .{{0,24}}\d\d:\d\d|Script (?:done|started) on \d"
    r"|\s*(?:User time|System time|Elapsed|Maximum resident set size|Exit status|Command being timed)\b.{0,40}: "
    r"|##\[\w+\]|::\w+::|Post job cleanup|Cleaning up (?:project directory|orphan)|Uploading artifacts"
    r"|section_(?:end|start):"
    r"|(?:ERROR: )?Job failed: |(?:Process|Command|Step) completed with exit code [1-9]|Build step '"
    r"|Finished: (?:FAILURE|ABORTED)"
    r"|(?:Training |The )?(?:script|command|program|process)? ?(?:finished |exited )?(?:with )?exit (?:code|status):?"
    r" [1-9]\d*\s*$"
    r"|Sender: LSF System|Subject: Job \d|Job <\S+> was |Job was executed|Exited with exit code \d|Resource usage"
    r"|PBS: |Job ID: |Cluster: |User/Group: |State: FAILED|\S+ Efficiency: "
    r"|Cores per node"
    r"|Service Units:|Walltime |Job Wall-clock|Memory Utilized|CPU Utilized"
    r"|make(?:\[\d+\])?: \*\*\* \[|npm ERR! |ERROR conda\.cli|error: Recipe `"
    r"|wandb: |upload: \S+ to |sent [\d,]+ bytes |total size is "
    r"|(?:\([\w.-]+\) )?[\w.-]+@[\w.-]+:\S*[$#](?: |$)|(?:logout|exit)$"
    r"|TensorBoard [\d.]+ at "
)
_ELSEWHERE = re.compile(
    r"process group has NOT been destroyed|resource_tracker: There appear|leaked (?:semaphore|shared_memory)"
)
_ANSWER = re.compile(r"HTTP/[12](?:\.\d)?\"? [1-5]\d\d\b|\[ ?info\]|\tinfo\t")
_SIDECAR = re.compile(
    r"\b(?:GET|HEAD) /(?:health\w*|livez?|readyz?|metrics|ping|-/healthy)\b\S* HTTP/"
    r"|^\[ ?info\] \[|\[(?:input|output|filter|engine):[a-z_]+:|\binotify_fs_add\b|\bflush chunk\b|\t(?:info|debug)\t"
    r"|\bcaller=[\w/]+\.go:\d+.*\blevel=info\b|\blevel=info\b.*\bcaller=[\w/]+\.go:\d+"
    r"|^[A-Za-z_:][\w:]*\{[^}\n]*\} [\d.eE+-]+$|\bhealthz\.go:\d+\]|(?i:\bhealth check passed\b|\bscrape completed\b"
    r"|\bcollected gpu metrics\b|\brenewed (?:auth )?token\b|\b(?:liveness|readiness) probe (?:ok|passed|succeeded)\b)"
    r"|^\d+, NVIDIA .*, \d+ %, |^(?:upload|copy|download): \S+ to \S+$"
)


def is_sidecar(line: str, text: str) -> bool:
    """Did a monitor, a log shipper or a probe write a line, which runs beside a program and outlives it?

    Args:
        line: with its prefixes.
        text: without them.
    """
    return _SIDECAR.search(text) is not None or _SIDECAR.search(line) is not None


def is_epilogue(text: str) -> bool:
    """Is a line, without its prefixes, of something else than the program that ended before it?"""
    return _EPILOGUE.match(text.lstrip()) is not None or _ELSEWHERE.search(text) is not None


def is_of_others(line: str, text: str, own: Level | None) -> bool:
    """Does a line after a failure belong to something else: an epilogue, or logged as information where that was not?

    Args:
        line: with its prefixes.
        text: without them.
        own: the level of the failure's line.
    """
    if is_epilogue(text) or is_sidecar(line, text) or _ANSWER.search(text) is not None:
        return True
    level = stated_level(line)
    return level is not None and level < Level.WARNING and (own is None or own >= Level.WARNING)
