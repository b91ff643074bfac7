"""How the runtimes of programming languages, and some scientific programs, write an error that ends a program.

Sources: the manuals and sources of each. Python and the JVM are read by `tracebacks`.
"""

import re

_FORTRAN = r"^(?:At line \d+ of file .*: )?Fortran runtime error: |^forrtl: (?:severe|error)"
_LUA = r"^(?:\S*lua\w*(?:\.exe)?: )\S+:\d+: |^\S+\.lua:\d+: attempt to "
_BEAM = r"^\*\* \((?:\w+\.)*[A-Z]\w*\) |^\*\* exception (?:error|exit|throw): "
"""Elixir and Erlang."""
_RUBY = r"^\S+\.rb:\d+:in [`'][^'\n]{1,120}': .+ \([A-Z]\w*(?:::\w+)*\)$"
_PERL = (
    r"^(?!Use of |Argument |Odd number|Deep recursion|Possible |Name \"|Wide character|Subroutine |Useless )"
    r".{3,400} at \S+\.(?:pl|pm|t|cgi) line \d+(?:, <\w*> (?:line|chunk) \d+)?\.$"
)
"""Its warnings have the same form, and begin with one of these words."""
_HASKELL = (
    r"^[\w.-]{1,60}: [^:\n]{1,160}: (?:open(?:Binary)?File|with(?:Binary)?File|getDirectory\w*|createDirectory): "
)
_D = r"^(?:core|std|object)\.\w*[Ee]xception\S*@\S+\(\d+\): |^[\w.]+(?:Error|Exception)@\S+\.d\(\d+\): "
_LISP = r"^Execution error \(\S+\) at |^;(?:Unbound variable|The object)\b"
_OTHER_LANGUAGES = (
    r"^thread \d+ panic: |^PHP (?:Fatal|Parse) error: |^raised [A-Z][\w.]* : \S|^Caught: [\w.]+(?:Exception|Error)\b"
)
"""Zig, PHP, Ada and Groovy."""
_TOOLS = (
    r"^==\d+==ERROR: \w+Sanitizer|^fatal: \[[^\]\n]{1,80}\]: (?:FAILED|UNREACHABLE)|^[│|] Error: \S"
    r"|^\[error\] \([^)\n]{1,60} / [^)\n]{1,40}\) \S"
)
"""Sanitizers, Ansible, Terraform and sbt."""
_PROGRAMS = (
    r"^(?:ERROR|ASSERTION_FAILED) \([\w.-]+\[[^\]\n]{1,20}\]:|^-{2,}> FOAM FATAL (?:IO )?ERROR"
    r"|^\[\d+\]PETSC ERROR: (?!-{3}|\.\./|#\d|See |Configure|Petsc |/)\S"
    r"|^ERROR(?: on proc \d+)?: .{3,300} \(\S+\.cpp:\d+\)$|^[a-z][\w.-]{0,40} \(\S+\.(?:cc|cpp|cxx|c|h):\d+\): \S"
    r"|^(?:Couldn't|Could not|Cannot|Can't) open (?:file\b|\S*[/.]\S)"
    r"|^\s*Error in routine\s+\w+ \(\s*-?\d+\):|^\s*\*? ?\[ABORT\]|^\s*[A-Z]{3,8}: fatal error in \w"
    r"|^\s*(?:VERY BAD NEWS! )?internal error in subroutine\b|^--- !(?:ERROR|BUG)\s*$|^ORCA finished by error"
    r"|^Wrong (?:input )?format (?:at|in) line \d|^Parsing error in line \d"
)
"""Kaldi, OpenFOAM, PETSc, LAMMPS, Vowpal Wabbit, Darknet, Quantum ESPRESSO, CP2K, VASP, ABINIT, ORCA, LIBSVM and
SVMlight."""
_STATEMENT = re.compile(
    "|".join((_FORTRAN, _LUA, _BEAM, _RUBY, _PERL, _HASKELL, _D, _LISP, _OTHER_LANGUAGES, _TOOLS, _PROGRAMS))
)
"""A statement that only a program which ends makes."""
_MARK = re.compile(
    r"^r\(\d{1,4}\);\s*$|^\$(?:Failed|Aborted)\s*$|^==\d+==ABORTING|^stack traceback:$|^Error termination\b"
    r"|^\s+\(file \"[^\"\n]+\" line \d+\)$|^(?:\s+\+ )?CategoryInfo +: |^FAILURE: Build failed with an exception"
    r"|\bSAS System stopped processing this step because of errors"
)
"""What such a program writes with its error, without the reason."""
LANGUAGE_ENDS = (
    rb"\.rb:\d+:in|\.(?:p[lm]|t|cgi) line \d|lua\w*: |\.lua:\d|\*\* \(|raised [A-Z]|forrtl|r\(\d{1,4}\);|line \d+\)"
    rb"|CategoryInfo|Unbound|: (?:open(?:Binary)?File|with(?:Binary)?File|getDirectory|createDirectory)"
    rb"|[Cc]ould(?:n't| not) open|Wrong (?:input )?format|\([\w./-]{1,80}\.(?:cc|cpp|cxx|c|h):\d+\)"
)
"""Part of the filter of last words: what such a line contains, if it has no word for an error."""


def is_uncaught(text: str) -> bool:
    """Is it what a runtime writes of an error that ended its program?"""
    return _STATEMENT.search(text) is not None


def marks_uncaught(text: str) -> bool:
    """Does it show that a program ended with an error, which is in another line?"""
    return _MARK.search(text) is not None
