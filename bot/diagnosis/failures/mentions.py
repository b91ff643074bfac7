"""Recognise lines whose content is a failure that did not happen here: samples, templates, classes and their counts.

What a program prints as content has a form that reports do not have: a label of a sample, a prompt in quotes, a place
holder, a column of numbers, a rank in a list of results.
"""

import re

_TAGS = r"\W*(?:(?:\[[\w .:/=-]{1,40}\]|[\w./-]{1,40}(?:\[\d{1,8}\])?:(?!\w))\s*){0,2}"
"""Names of programs and files before a message."""
_LABEL = (
    r"(?:samples?|examples?|prompts?|completions?|predict(?:ions?|ed)|preds?|references?|refs?|hyp(?:othesis)?|targets?"
    r"|ground[ _-]?truth|ctx|question|query|chosen|rejected|src|tgt|text[ _]?[ab]?|tokens|observation|utterance"
    r"|responses?|answers?|generat(?:ed|ion)s?)"
)
_LABELLED = re.compile(
    rf"(?i){_TAGS}(?:[\w.-]*\d[\w.-]*\s+)?{_LABEL}"
    rf"(?:[ _#-]+(?:{_LABEL}|inputs?|outputs?|true|label|context|text|\d+)){{0,2}}"
    r"(?:\s*\([^()]{0,40}\))?(?:\s*[:=|>]+|\s*->)\s"
)
_LABELLED_CJK = re.compile(
    r"\s*[\[\u3010\u300c]?(?:[\u4f8b\u6837\u6a23][\u672c\u5b50\u4f8b]?\d*|\u8f93\u5165|\u8f93\u51fa|\u5165\u529b|\u51fa\u529b|\u751f\u6210\w{0,4}|\u95ee\u9898"
    r"|\u8cea\u554f|\u56de\u7b54|\u7b54\u6848|\u9884\u6d4b|\u4e88\u6e2c|\u53c2\u8003|\u6b63\u89e3|\uc608\uc2dc|\uc9c8\ubb38|\ub2f5\ubcc0)\s*[\]\u3011\u300d:\uff1a]"
)
_TRANSLATION = re.compile(r"[STHDP]-\d{1,9}\t")
_HIT = re.compile(
    rf"{_TAGS}(?i:hit|doc(?:ument)?|passage|result|neighbou?r|candidate|match|top) ?#?\d{{1,4}} ?"
    r"[(\[]-?\d*\.\d+[)\]]:? "
)
_PROMPT = re.compile(
    r"(?i)\b(?:prompts?|instruction|question|query|completion|generated_text|output_text|user_input)"
    r"[\"']?\s*[:=]\s*[\[{(]?[\"'`]"
)
_CHAT_FIELD = re.compile(
    r"\brole[\"']: ?[\"']\w+[\"'], ?[\"']content[\"']: ?[\"']|\bmessages?\[\d+\]\S{0,20} ?[:=] ?[\"']"
)
_TEXT_FIELD = re.compile(
    r"\b(?:true|pred|label|gold|target|class)=\S+\s.*\b(?:text|sentence|utterance|document|input)="
)
"""A text that was classified."""
_SCORED = re.compile(r"\s*[01]?\.\d+\s+\S.*\s(?:->|=>)\s+[\w-]+\s*$")
_PAIR = re.compile(r"\s*\([^()]+(?:\([^()]*\)[^()]*)*, ?\d+\)\s*$")
"""A text and its count."""
_CAPTION = re.compile(r"\W*[\d:.,]{5,14} --> [\d:.,]{5,14}\]?")
_OF_SANDBOX = re.compile(
    r"(?i)(?<!pod )\b(?:sandbox|unit tests?|judge|verifier|solution|(?:generated|candidate) (?:code|program))\b"
    r".{0,60}\bstd(?:err|out)\W{1,3}$"
)
"""What a program printed that a model wrote."""
_COUNT = re.compile(r"\W*(?:\[[^\]]{1,30}\]\s*)?\d[\d,.]* ?[x\u00d7] +")
_MASKED = re.compile(r"<\*>|<:?(?:NUM|PATH|IP|HEX|NUMBER|HOST|STR|DATE|TIME|UUID|ADDR):?>")
"""The place holders of parsers of logs."""
_MARKDOWN_ROW = re.compile(r"\s*\|(?:[^|]*\|){2,}\s*$")
_STATUS_ROW = re.compile(r"\|\s{1,8}(?:UNAVAILABLE|FAILED|ERROR|UNHEALTHY|CRASHED): \w")
"""A row of a table of states, with a reason, as servers print for their models."""
_FRAME_ROW = re.compile(r"\s*\d{1,7}\s{2,}\S.*\s{3,}-?[\w.]+\s*$")
"""A row of a data frame: its index, a text and a label."""
_BULLET = re.compile(r"\s*[*•-]\s+[\"'`]")
_COLUMNS = re.compile(r"[\w .,()-]{0,60}?(?:\s{2,}\d[\d.,]*%?){2,}\s*$")
"""Of a report for each class: precision, recall, number."""
_NONE = re.compile(r"\w{0,20}(?: errors?| events?)?[\"'`]?\s*(?:[:=]\s*0(?![\w.])|\s0\s*(?=[,;|)}\]]|$))")
"""A count of zero."""


def is_only_printed(text: str, start: int, end: int) -> bool:
    """Does a line only print the failure that it names?

    Args:
        text: the line without its prefixes.
        start: index of the failure in it.
        end: index after it.
    """
    is_row = any(form.match(text) for form in (_MARKDOWN_ROW, _FRAME_ROW, _TRANSLATION, _SCORED, _PAIR, _CAPTION))
    is_row &= _STATUS_ROW.search(text) is None
    is_counted = _COLUMNS.match(text, end) or _NONE.match(text, end)
    is_changed = start == 1 and text[0] in "+-"  # of a difference of two documents
    return is_row or is_changed or bool(is_counted or _MASKED.search(text)) or is_content(text[:start])


def is_content(before: str) -> bool:
    """Does the text before a failure announce content: a sample, a prompt, the output of a generated program?"""
    if any(form.match(before) for form in (_LABELLED, _LABELLED_CJK, _HIT, _COUNT)):
        return True
    if _OF_SANDBOX.search(before) or _TEXT_FIELD.search(before):
        return True
    quoted = _PROMPT.search(before) or _CHAT_FIELD.search(before) or _BULLET.match(before)
    return quoted is not None and quoted.group(0)[-1] not in before[quoted.end() :]
