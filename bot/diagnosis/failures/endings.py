"""Recognise the last words of a run that ended well, in any framework: saved, done, finished, exit code 0."""

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.diagnosis.failures.summaries import SummaryKind, read_summary
from bot.diagnosis.reading.sourced_lines import SourcedLine
from bot.diagnosis.training.progress import parse_sample
from bot.domain.levels import stated_level
from bot.domain.logs import Level

LAST_WORDS = 12
"""Number of the last lines among which these words are."""
_CLOSING = re.compile(
    r"(?i)\bdone\b\W*$|\b(?:finished|completed?|succeed(?:ed)?|success(?:ful(?:ly)?)?|passed)\b"
    r"|\b(?:saved|written|wrote|exported|uploaded|stored|published|registered)\b|\bcode[ :=]+0\b|\bexit[ :=]+0\b"
    r"|\bgood ?bye\b|^\W*ok\W*$|\bbye\b\W*$"
    r"|beendet|gespeichert|\bfertig\b|abgeschlossen|termin[\u00e9e]e?s?\b|enregistr|guardad|terminad|finalizad|completad"
    r"|\u5b8c\u4e86|\u5b8c\u6210|\u5b8c\u6bd5|\u7ed3\u675f|\u4fdd\u5b58|\uc644\ub8cc|\uc885\ub8cc"
    r"|\u0437\u0430\u0432\u0435\u0440\u0448|\u0441\u043e\u0445\u0440\u0430\u043d|\u0437\u0430\u043a\u043e\u043d\u0447|\u0433\u043e\u0442\u043e\u0432\u043e"
)
"""In English, German, French, Spanish, Japanese, Chinese, Korean and Russian."""
_OPENING = re.compile(
    r"(?i)\bsuccessfully (?:assigned|pulled|attached|mounted|created|scheduled|connected|joined|registered|launched"
    r"|started|initiali[sz]ed)\b"
)
"""What succeeds at the start of a run."""
EXIT_ZERO = re.compile(r"(?i)\bexit(?:ed)?(?: with)?(?: exit)?(?: code| status)?[ :=]+0\b|\(code 0\)")
_ASKED_STATUS = re.compile(r"\becho \"?\$\?")
MIN_STEPS_AFTER = 2
"""Number of training steps after such words that show that they closed only a part, such as a saved checkpoint."""
FEW_WORDS = 6
"""Number of the last lines among which a run states that all is done."""


def is_complete(lines: Sequence[SourcedLine]) -> bool:
    """Does one of the last lines state that all parts are done, or that the program ended with code 0?"""
    last = [line.text for line in lines[-FEW_WORDS:]]
    has_asked = any(_ASKED_STATUS.search(text) and after.strip() == "0" for text, after in pairwise(last))
    return has_asked or any(
        read_summary(text) in (SummaryKind.GOOD, SummaryKind.COMPLETE) or EXIT_ZERO.search(text) for text in last
    )


def ends_well(lines: Sequence[SourcedLine]) -> bool:
    """Do the last of these lines close a run, with no error after that, and no further training?"""
    steps = 0
    for line in reversed(lines[-LAST_WORDS:]):
        level = stated_level(line.text)
        summary = read_summary(line.text)
        if summary in (SummaryKind.BAD, SummaryKind.LOST) or (level is not None and level >= Level.ERROR):
            return False
        is_quiet = level is None or level < Level.WARNING
        if summary in (SummaryKind.GOOD, SummaryKind.COMPLETE, SummaryKind.RESULT) or (
            is_quiet and _CLOSING.search(line.text) and not _OPENING.search(line.text)
        ):
            return steps < MIN_STEPS_AFTER
        steps += _is_step(line.text)
    return False


def _is_step(text: str) -> bool:
    """Does a line state a step of training with its loss?"""
    sample = parse_sample(text)
    return sample is not None and sample.is_training and sample.step is not None and sample.loss is not None
