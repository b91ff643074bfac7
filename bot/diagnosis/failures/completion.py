"""Recognise that a whole run had completed before its process failed, and what fails only because a process ends.

Frameworks report their end in many ways: a saved model, a table of metrics, the time that the run took. Such a line
closes the run if all steps were done before it, or if it names the run itself. It does not if a further stage starts.
"""

import re
from collections.abc import Sequence

from bot.diagnosis.failures.frames import LineKind, is_rule, line_kind
from bot.diagnosis.training.progress import parse_sample
from bot.domain.levels import stated_level

MAX_LINES = 60
"""Number of lines before a failure that are read."""
MAX_CLOSING = 24
"""Number of lines from the one that closes the run to the failure."""
_PART = re.compile(
    r"(?i)\b(?:epochs?(?! completed in)|stages?|phases?|folds?|warm-?up|pre-?process\w*|tokeni[sz]\w*|download\w*|setup"
    r"|init\w*|load\w*|compil\w*|shards?|batch(?:es)?|requests?|part|not|without|partial\w*|emergency|caching|cached"
    r"|checkpoints?|ckpts?|installation|config\w*|import\w*|evaluation|validation|sanity)\b"
)
"""What completes before the run does, or does not complete."""
_FINAL = re.compile(r"(?i)\bfinal\b(?! (?:epoch|stage|phase))|\bbest_metric\b")
_RUN = (
    r"(?:train(?:ing)?|run|simulation|job|fit(?:ting)?|optimi[sz]ation|experiment|pipeline|mdrun|calculation"
    r"|everything|all)"
)
_OVER = r"(?:complete[d]?|finished|done|ended|succeeded|over|(?:completed|finished) successfully)"
_CLOSES_RUN = re.compile(
    rf"(?i)^\W*(?:\[?\w[\w.]{{0,30}}\]?:? ){{0,2}}{_RUN}\b[\w ]{{0,24}}\b{_OVER}\b"
    rf"|\b(?:finished|completed|done) (?:with )?(?:the )?{_RUN}\b"
    r"|\b(?:saved|wrote|exported|uploaded) (?:the )?final\b"
    r"|\bfinal (?:model|weights|adapter)\b.{0,60}\b(?:saved|written|exported)\b"
    r"|\bepochs completed in\b|\bexits? successfully\b|\btotal wall ?time\b"
    r"|\brun[_ ]?(?:finished|completed?|summary)\b"
    r"|\btraining abgeschlossen|entra\xeenement termin|entrenamiento (?:completado|finalizado|terminado)"
    r"|\u8bad\u7ec3(?:\u5b8c\u6210|\u7ed3\u675f)|\u5b66\u7fd2(?:\u5b8c\u4e86|\u7d42\u4e86)"
)
"""What states that the whole run has ended."""
_MODEL = r"(?:models?|weights|adapter|network|results?)"
_SAVED = r"(?:saved|written|wrote|exported|uploaded|stored)"
_CELL = r"[|\u2502\u2503]"
_ROW_OF_TABLE = rf"^{_CELL} *[\w /.@-]{{2,40}}? *{_CELL} +[\d.]+ *{_CELL}"
_ROW = re.compile(_ROW_OF_TABLE)
_CLOSES_STEPS = re.compile(
    r"(?i)^\W*(?:all )?(?:done|finished|complete[d]?)\b(?!:? \d)"
    rf"|\b(?:{_MODEL}|predictions)\b.{{0,40}}\b{_SAVED}\b|\b{_SAVED} (?:the )?(?:\w+ )?{_MODEL}\b"
    r"|\bbest (?:val\w*|test|eval\w*|model|epoch|score|acc\w*|f1|auc|iteration)\b"
    r"|\b(?:total|elapsed|training|wall)(?: elapsed| training| wall)?[ -]?(?:time|runtime|duration)\b.{0,12}\d"
    rf"|\btrain_runtime\b|^\W*(?:\w+:? )?final [\w ]{{1,30}}[:=] ?[\d.]+|{_ROW_OF_TABLE}"
    r"|\bsynced \d+ |\bloop time of\b|\ball \d+ \w+ (?:done|complete)"
)
"""What follows the last step, if all are done."""
_FIGURE = re.compile(r"^\s*[\w/]{3,30} +[:=] +[\d.:]+\s*$")
"""A row of the final metrics, such as `train_loss  =  0.12`."""
_OPENS = re.compile(
    r"(?i)^\W*(?:now )?(?:start|load|evaluat|run|generat|export|convert|merg|upload|begin|resum|launch|compil"
    r"|quanti[sz]|test|sav|push|writ|copy|predict|infer|prepar|build|download|restart|validat|calibrat|comput|sampl"
    r"|pack|publish)ing\b"
    r"|\b(?:stage|phase|part|fold|epoch|round|task) \d+\b.{0,20}\b(?:starts?|started|begins?|of)\b|\.\.\.\s*$"
)
"""What begins a further stage."""
_EPOCHS = re.compile(r"(?i)\bepochs?\W{0,3}\[?(\d{1,9}) ?(?:/|of) ?(\d{1,9})")
_LOGGER = re.compile(
    r"^\W{0,2}(?:INFO|NOTICE|DEBUG)?[\] ]*\[?"
    r"(?!(?:step|epoch|iter\w*|batch|update|train|val\w*|test|eval\w*|loss|global_step|best|final|total|elapsed|time)\b)"
    r"[a-z][\w.]{2,30}(?:: |\] )(?:\[?(?:INFO|NOTICE|DEBUG)\]? )?(?=\S)"
)
"""The name of a logger, and the level."""
_ALL = re.compile(r"(?i)\W*(?:all|everything)\b")
_DIGITS = re.compile(r"\d+")
_ENDS_PROCESS = re.compile(
    r"(?i)\bshut(?:ting)?[ -]?down\b|\binterpreter (?:shutdown|exit|finalization)|\bat[ _]?exit\b|\bon exit\b"
    r"|finaliz|destruct|destroy|tear(?:ing)?[ -]?down|\bsend on closed"
    r"|\bclosed (?:file|channel|pipe|socket|queue|loop|event loop)|broken ?pipe|communicator was aborted"
    r"|bad file descriptor|without an active exception|senderror|endpoint is not connected"
    r"|connection (?:was )?(?:reset|closed|lost|aborted)"
)
_THREAD = re.compile(
    r"^Exception in thread (?!\"?main\b)|^thread '(?!main')[^']{1,60}' panicked|Exception (?:ignored|in callback)"
    r"|_run_exitfuncs"
)


def has_completed(texts: Sequence[str], *, has_trained: bool) -> bool:
    """Do the lines before a failure, oldest first and without prefixes, close the whole run?"""
    lines = [_LOGGER.sub("", text, count=1) for text in texts[-MAX_LINES:]]
    lines = [text for text in lines if _ROW.match(text) or (_is_plain(text) and not is_rule(text))]
    last = next((index for index in reversed(range(len(lines))) if _is_step(lines[index])), -1)
    after = lines[last + 1 :][-MAX_CLOSING:]
    forms = {_DIGITS.sub("0", text) for text in lines[: max(0, last)]}
    has_trained = has_trained and last >= 0
    is_whole = _has_all_steps(lines[: last + 1]) if has_trained else None
    closing = -1
    for index, text in enumerate(after):
        closes_run = _CLOSES_RUN.search(text) is not None and (is_whole or not _is_part(text))
        closes_run = closes_run and (has_trained or not _ALL.match(text))
        closes_steps = has_trained and is_whole is not False and _closes_steps(text, forms, is_whole=bool(is_whole))
        if closes_run or closes_steps:
            closing = index
    return closing >= 0 and not any(_OPENS.search(text) for text in after[closing + 1 :])


def ends_process(text: str, announcement: str) -> bool:
    """Does something fail only because the process ends: in another thread, or with what is closed already?"""
    return _ENDS_PROCESS.search(text) is not None or _THREAD.search(announcement or text) is not None


def _closes_steps(text: str, forms: set[str], *, is_whole: bool) -> bool:
    if not _CLOSES_STEPS.search(text):
        return is_whole and _FIGURE.match(text) is not None
    return is_whole or (_DIGITS.sub("0", text) not in forms and not _is_part(text))


def _is_part(text: str) -> bool:
    return _PART.search(text) is not None and _FINAL.search(text) is None


def _is_plain(text: str) -> bool:
    """Is a line none of a traceback? Some loggers indent the lines whose time they leave out."""
    return line_kind(text) is LineKind.OTHER or (text.startswith(" ") and stated_level(text) is not None)


def _is_step(text: str) -> bool:
    if _CLOSES_RUN.search(text) or "best iteration" in text:
        return False
    sample = parse_sample(text)
    return (
        sample is not None
        and not sample.is_summary
        and (sample.is_training_step or (sample.epoch is not None and sample.loss is not None))
    )


def _has_all_steps(lines: Sequence[str]) -> bool | None:
    """Is the newest of these steps the last one? None if no line states how many there are."""
    epochs = next((found for text in reversed(lines) if (found := _EPOCHS.search(text)) is not None), None)
    if epochs is not None and int(epochs.group(1)) < int(epochs.group(2)):
        return False
    sample = parse_sample(lines[-1])
    if sample is None or sample.total is None or sample.step is None:
        return None if epochs is None else True
    if sample.step < sample.total - 1:
        return False
    return True if epochs is not None or sample.epoch is None else None
