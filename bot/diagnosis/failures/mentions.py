"""Recognise lines whose content is a failure that did not happen here: samples, templates, classes and their counts.

What a program prints as content has a form that reports do not have: a label of a sample, a prompt in quotes, a place
holder, a column of numbers, a rank in a list of results.
"""

import re

_TAGS = r"\W*(?:(?:\[[\w .:/=-]{1,40}\]|[\w./-]{1,40}(?:\[\d{1,8}\])?:(?!\w))\s*){0,2}"
"""Names of programs and files before a message."""
_LABEL = (
    r"(?:samples?|examples?|prompts?|completions?|predict(?:ions?|ed)|preds?|references?|refs?|hyp(?:othesis)?|targets?"
    r"|ground[ _-]?truth|ctx|question|query|chosen|rejected|src|tgt|text[ _]?[ab]?|tokens|observation|utterance)"
)
_LABELLED = re.compile(
    rf"(?i){_TAGS}(?:[\w.-]*\d[\w.-]*\s+)?{_LABEL}"
    rf"(?:[ _#-]+(?:{_LABEL}|inputs?|outputs?|true|label|context|text|\d+)){{0,2}}"
    r"(?:\s*\([^()]{0,40}\))?(?:\s*[:=|>]+|\s*->)\s"
)
_TRANSLATION = re.compile(r"[STHDP]-\d{1,9}\t")
_HIT = re.compile(
    rf"{_TAGS}(?i:hit|doc(?:ument)?|passage|result|neighbou?r|candidate|match|top) ?#?\d{{1,4}} ?"
    r"[(\[]-?\d*\.\d+[)\]]:? "
)
_PROMPT = re.compile(
    r"(?i)\b(?:prompts?|instruction|question|query|completion|generated_text|output_text|user_input)"
    r"[\"']?\s*[:=]\s*[\[{(]?(?P<quote>[\"'`])"
)
_OF_SANDBOX = re.compile(
    r"(?i)(?<!pod )\b(?:sandbox|unit tests?|judge|verifier|solution|(?:generated|candidate) (?:code|program))\b"
    r".{0,60}\bstd(?:err|out)\W{1,3}$"
)
"""What a program printed that a model wrote."""
_COUNT = re.compile(r"\W*(?:\[[^\]]{1,30}\]\s*)?\d[\d,.]* ?[x\u00d7] +")
_MASKED = re.compile(r"<\*>|<:?(?:NUM|PATH|IP|HEX|NUMBER|HOST|STR|DATE|TIME|UUID|ADDR):?>")
"""The place holders of parsers of logs."""
_MARKDOWN_ROW = re.compile(r"\s*\|(?:[^|]*\|){2,}\s*$")
_FRAME_ROW = re.compile(r"\s*\d{1,7}\s{2,}\S.*\s{3,}-?[\w.]+\s*$")
"""A row of a data frame: its index, a text and a label."""
_BULLET = re.compile(r"\s*[*•-]\s+(?P<quote>[\"'`])")
_COLUMNS = re.compile(r"[\w .,()-]{0,60}?(?:\s{2,}\d[\d.,]*%?){2,}\s*$")
"""Of a report for each class: precision, recall, number."""
_NONE = re.compile(r"\w{0,20}(?: errors?| events?)?[\"'`]?\s*[:=]\s*0(?![\w.])")
"""A count of zero."""


def is_only_printed(text: str, start: int, end: int) -> bool:
    """Does a line only print the failure that it names?

    Args:
        text: the line without its prefixes.
        start: index of the failure in it.
        end: index after it.
    """
    if _MASKED.search(text) or _MARKDOWN_ROW.match(text) or _FRAME_ROW.match(text) or _TRANSLATION.match(text):
        return True
    if _COLUMNS.match(text, end) or _NONE.match(text, end):
        return True
    return is_content(text[:start])


def is_content(before: str) -> bool:
    """Does the text before a failure announce content: a sample, a prompt, the output of a generated program?"""
    if _LABELLED.match(before) or _HIT.match(before) or _COUNT.match(before) or _OF_SANDBOX.search(before):
        return True
    quoted = _PROMPT.search(before) or _BULLET.match(before)
    return quoted is not None and quoted["quote"] not in before[quoted.end() :]
