"""Recognise statements that an exception or a failure ended a run, at whatever level they are logged.

Many programs log the exception that ends them as information, or only report an outcome such as `Reporting training
FAILURE`. The same words in a plan, a count or a summary announce nothing.
"""

import re

_ENDED = r"(?:failed|failure|aborted|crashed|died|errored|terminated abnormally)"
_RUN = (
    r"(?:(?:model |pre-?|fine-?)?train(?:ing|er)?(?: run| job| loop| script| process)?|run|job|trial|experiment"
    r"|fit(?:ting)?|workflow|pipeline|mpijob|tfjob|pytorchjob)"
)
_REASON = r"(?=[^\s\d.+-])(?!(?:none|no|false|null|nil|n/a|ok)\b)"
"""A reason, rather than a metric, a count or a setting."""
_EXCEPTION = re.compile(
    r"(?i)\b(?:exception|error) (?:(?:was |has been )?(?:occurred|captured|encountered)"
    rf"|reported to (?:the )?coordinator|recorded from \w+|caught)\b[^:\n]{{0,60}}: {_REASON}"
    r"|\b(?:caught|got|hit|encountered) (?:an? )?(?:unhandled |unexpected )?(?:exception|error)"
    r" (?:in|during|while|from) (?:the )?(?:\w+ )?(?:train\w*|fit\w*|main|run\w*|epoch|step|loop|worker)\b"
    rf"[^:\n]{{0,40}}: {_REASON}"
    rf"|\b(?:unhandled|uncaught) (?:exception|error)\b[^:\n]{{0,40}}: {_REASON}"
    r"|\b(?:exception|error) (?:in|during|while|when) (?:the )?(?:(?:train|fit|evaluat|sav)(?:ing|er|e|\b)|main\b"
    rf"|run(?:ning)?\b|epoch\b|loop\b)[^:\n]{{0,40}}: {_REASON}"
    r"|\bexception (?:in|during|while|from) (?:the )?(?:\w+ ){1,3}(?:loop|worker|actor|learner|trainer)\b[^:\n]{0,40}"
    rf": {_REASON}"
    r"|\b(?:train|tokeniz|load|pars|pre-?process|comput|compil|convert|export|evaluat|quantiz|merg|build|initializ|read"
    rf"|fitt)ing failed: {_REASON}"
    rf"|^\W*(?-i:FAILED|FAILURE|CRASHED|ABORTED|ABORT): {_REASON}"
    rf"|(?-i:\bNOT OK): {_REASON}"
    rf"|\bunhandledpromiserejection(?:warning)?: {_REASON}"
    r"|\b(?:stopped|ended|halted|aborted|interrupted) (?:with|by|on|due to) (?:an? )?"
    rf"(?:condition|exception|error)\b: {_REASON}"
    rf"|\b{_RUN} (?:has |was |is )?(?:aborted|failed|crashed|died)(?: with| due to| because of)?(?: an?)?"
    rf"(?: exception| error)?: {_REASON}"
)
"""A statement that contains its reason."""
_ASSERTION = re.compile(r"(?i)\bassertion\b.{0,120}\b(?:violated|does not hold)\b")
_OUTCOME = re.compile(
    r"(?i)\b(?:reporting|reported|reports|marking|marked|setting|set|flagged|recording|recorded|declared"
    r"|declares) (?:\S+ ){0,4}?(?:(?:as|to|state|status)(?: an?)? )?"
    rf"{_ENDED}(?: to (?:the )?\w+)?[\"']?\W*$"
    r"|\bstat(?:e|us) (?:has )?(?:changed|set|is now|->|became) (?:to )?\"?(?:failed|failure|error(?:ed)?|crashed)\b"
    r"|\b(?:train(?:ing)?|fit|run|job|trial|experiment)_(?:failed|crashed|aborted)\b(?! ?[=:|]? ?[\d.])"
    r"|\breason[\"']?[=:] ?[\"']?\w*(?:job|run|workflow|trial|replica)failed\b"
    r"|\bterminated for an unknown reason\b"
)
"""A statement that something failed, but not why."""
_STATUS = re.compile(r"(?:^|[:>\]] ?|\. ?)(?:FAILURE|FAILED|CRASHED|ABORTED|ERRORED)[\s!.*=-]*$")
"""The same as the last word of a line, in capitals."""
_SURVIVED = re.compile(
    r"(?i)\bcancell?ed(?:error|exception)?\b|\boutofrange(?:error)?\b|\bend of sequence\b|\bstopiteration\b"
    r"|\bkeyboardinterrupt\b|\bsystemexit\b|\b(?:by|from) (?:the )?(?:user|operator)\b|\buser request|\bearly[- ]stop"
    r"|\bpatience\b|\bsigterm\b|\bsigint\b|\bctrl-?c\b|\bpreempt"
    r"|\b(?:ignor|skipp|retry|retri|continu|resum|recover|restart)(?:ed|ing)\b|\bfall(?:ing)? back\b"
)
"""A planned end, or one that the run got over."""
_HYPOTHETICAL = re.compile(
    r"(?i)\b(?:expect(?:ed|s)?|should|simulat\w+|injected|hooks?|handlers?|policy|callbacks?|when|if|on_\w+"
    r"|on (?:failure|error)|will|may|can"
    r"|(?:0|no|zero) (?:\w+ )?(?:errors?|exceptions?|fail\w*))\b"
)
"""Before the reason: a setting, a plan or a count of none."""
_BEFORE = 60
"""Number of characters before the reason in which such words count."""
_CHARS = 400
"""Number of characters of a line that are read."""


def states_exception(text: str) -> bool:
    """Does a line state that an exception or a failure ended a run, and which one?"""
    found = _EXCEPTION.search(text, 0, _CHARS)
    if found is None:
        return _ASSERTION.search(text, 0, _CHARS) is not None
    before = text[max(0, found.start() - _BEFORE) : found.end()]
    return not (_HYPOTHETICAL.search(before) or _SURVIVED.search(text))


def states_outcome(text: str) -> bool:
    """Does a line only state that a run failed?"""
    start = text[:_CHARS]
    if _OUTCOME.search(start) is None and _STATUS.search(text[-_CHARS:]) is None:
        return False
    return not (_HYPOTHETICAL.search(start) or _SURVIVED.search(start))
