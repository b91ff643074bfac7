"""Recognise rows of a report on a program's surroundings, which some runtimes log as errors: they state no reason.

Sources: the report of AWS Neuron's runtime, PETSc's error handler, the JVM's and Julia's crash reports, UCX.
"""

import re

_RULE = re.compile(r"(?:^|[\s>|\]:])(?:[-=*#_]{6,}|[-=*#_>8<]{8,})(?: ?\[?[\w ]{1,40}\]? ?[-=*#_>8<]{6,})?[ |>]*$")
"""A rule, perhaps with a heading in its midst, at the end of a line."""
_FACT = re.compile(
    r"(?i)(?:^|\s{2}|[|>\]:] )[#\s]*(?:[\w-]+ ){0,2}(?:version|release|revision|commit|build|kernel|driver|firmware"
    r"|platform|os|cpu|host(?:name)?|instance(?: id)?|cluster(?: id)?|container(?: id)?|node(?: id)?|arch(?:itecture)?"
    r"|compiler|(?:configure|command|compile) (?:options|line|flags)|environment|uptime|region|zone|user|cwd"
    r"|working directory|jre|java vm|libraries|linker)"
    r" ?[:=] ?(?!.*\b(?:mismatch|error|fail|not |un|in(?:valid|compatible)|required|need|expected))\S.{0,120}$"
)
"""The name of something that a report always states, and its value."""


def is_report_row(text: str) -> bool:
    """Is a line only a rule, or a row that states a version, an identifier or the like?"""
    return _RULE.search(text) is not None or _FACT.search(text) is not None
