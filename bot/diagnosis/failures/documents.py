"""Recognise scripts, help texts and manuals in a log: they mention failures that did not happen."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from bot.domain.regex import compile_pattern

MAX_LINES = 80
"""Maximum number of lines of a document before the line in question."""
_ECHO = re.compile(
    r"(?:[;&|({]|\b(?:then|else|do|RUN)\b|^\s*@|^\s*trap ['\"])\s*-?"
    r"(?:echo|printf|die|bail|logger|notify\w*|slack\w*|mail|say|Write-(?:Host|Error|Output))\b[^\"'\n]*[\"'][^\"'\n]*$"
    r"|\b(?:e?grep|rg|findstr)\b[^|;\"'\n]*[\"'][^\"'\n]*$|\[\[ [^\]\n]*$|^\s*(?:\*\)?|\*[\"'][^\"'\n]*)$"
    r"|^\s*(?:REM\b|<!--)|^\s*\w+ \.{4,} "
)
"""Up to the failure: a shell prints or searches it, or it is in a comment or a list of arguments."""
_PROMPT = re.compile(r"^(?:\++ |[$%>] |\[?[\w.-]+@[\w.:~ /-]+\]?[$#] ?)")
_SHOWS_FILE = re.compile(
    r"^(?:\++ |[$%>] |\[?[\w.-]+@[\w.:~ /-]+\]?[$#] ?)(?:sudo )?"
    r"(?:cat|head|less|more|bat|batcat|sed -n|nl|tail)\b[^|;&>\n]*"
    r"(?:\.(?:sh|bash|zsh|sbatch|slurm|pbs|lsf|bat|ps1|py|ya?ml|toml|cfg|ini|conf|md|rst|j2|mk|tf)|Dockerfile\S*"
    r"|Makefile|README\S*|Jenkinsfile|batch_script)\b\S*\s*$"
    r"|^##\[group\]Run |\bscontrol (?:write batch_script|show -d+ job)|<<-?\s*[\"']?\w+[\"']?\s*$"
)
"""A command that prints a script, a configuration or a manual rather than a log."""
_MAY_SHOW = compile_pattern(rb"\b(?:cat|head|less|more|bat|batcat|sed -n|nl|tail) |##\[group\]Run |\bscontrol |<<")
_OPTION = re.compile(r"^\s{1,12}-{1,2}[A-Za-z][\w-]*(?:[ =,]\S.{0,60}?)?\s{2,}\S")
"""An option with its description, unlike an argument of a command that ran."""
_HEADING = re.compile(
    r"^(?!.*(?:ERROR|FAIL|WARN|FATAL|CRITICAL|EXCEPTION|TRACE|ABORT))"
    r"(?:[A-Z][A-Z ]{2,30}|(?i:usage|options|optional arguments|positional arguments|flags|global flags|commands"
    r"|sub-?commands|environment variables|troubleshooting|exit status)\b[^.!]{0,80})\s*$"
)
_LOGGED = re.compile(r"^\W*(?:\d{4}[-/]\d\d[-/]\d\d|\d\d:\d\d:\d\d)|^##\[endgroup\]")


def may_be_in_document(window: bytes, text: str) -> bool:
    """May a line below this text be part of a document? Cheap, as most lines are not."""
    return text[:2].isspace() or _MAY_SHOW.contains(window)


def is_echoed(before: str) -> bool:
    """Does the text of a line before a failure show that a script only prints, searches or explains it?"""
    return _ECHO.search(before) is not None


def is_in_document(newest_texts: Callable[[], Iterator[str]], text: str) -> bool:
    """Is a line part of a script that is printed, of a help text or of a manual?

    Args:
        newest_texts: reads the lines before it, without prefixes, newest first.
        text: the line, with its indentation.
    """
    if _LOGGED.match(text) or _PROMPT.match(text):
        return False
    is_help = text[:2].isspace()
    for line in islice(newest_texts(), MAX_LINES):
        if _SHOWS_FILE.search(line):
            return True
        if is_help and (_OPTION.match(line) or _HEADING.match(line)):
            return True
        is_help = is_help and (not line.strip() or line[:1].isspace())
        if _LOGGED.match(line) or _PROMPT.match(line):
            return False
    return False
