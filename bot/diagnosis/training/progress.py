"""Parse step, loss, gradient norm, learning rate and speed from the progress lines of common frameworks.

`parse_sample` reads one line: Hugging Face dictionaries, Lightning and tqdm bars, Megatron, DeepSpeed, fairseq,
Keras, mmengine, RiverGen epochs, MLPerf `:::MLLOG`, and plain `step N loss X`.
"""

import math
import re
from typing import NamedTuple

from bot.diagnosis.reading.anchored_patterns import AnchoredPattern
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.prefixes import LogTime
from bot.diagnosis.training.stated_rates import (
    SEPARATOR,
    first_amount,
    parse_amount,
    read_samples_per_s,
    read_tokens_per_s,
)

PROGRESS = (
    r"(?i:(?:loss(?:/tok|(?:/(?:train|total)){1,2}|\(train\)|[ _]train)?|cross[ _]?entropy|xent)['\" \t]*[:=|]{0,2}"
    r"[ \t'\"]*(?:tensor\()?[-+]?(?:[0-9.]|nan|inf))"
    r"|it/s|s/it|:::MLLOG|ms/step|s/step|[0-9n] avg(?: loss)?, "
    r"|(?:^|[^A-Za-z_]|['\"]_|global_|train_|training_)(?i:iter|iteration|step|epoch|batch|num_updates)"
    r"['\" :=#\[]{1,4} *[0-9]|\[ *[0-9]{1,6}, *[0-9]{1,9} ?/ *[0-9]{1,9}\]"
    r"|\[[0-9]{1,9}\][ \t]+[A-Za-z_][0-9A-Za-z_]*(?:'s [a-z]|-[a-z])|(?m:^)[0-9]{1,9}:[ \t]learn: | : Up\. [0-9]"
    r"|total_timesteps +\| *[0-9]|(?m:^) +[0-9]+/[0-9]+ +[0-9.]+G +[0-9n]"
)
"""The page filter for progress lines; it also finds lines that are not."""

NONFINITE = (
    r"(?i:(?:loss|norm|cross[ _]?entropy|xent)(?:/tok|\(train\)|[ _]train)?['\" \t]*[:=|]{0,2}[ \t'\"]*(?:tensor\()?"
    r"[-+]?(?:(?:nan|inf(?:inity)?)(?:[^a-z0-9]|$)|1\.#[qsi]))"
    r"|(?i:loss is (?:nan|inf))|(?i:['\"]?loss['\"]?: 0\.0[,}])|\"value\": NaN|nan avg(?: loss)?, "
    r"|(?i:(?:perplexity|ppl)['\" \t]*[:=|]{0,2}[ \t'\"]*nan(?:[^a-z0-9]|$))"
)
"""Lines that sampling must not skip: a loss or norm that is not finite, or a loss of exactly zero."""

# The patterns expect lower case: `parse_sample` converts the line once. Integers have at most twelve digits, so that
# no number overflows.
_NUMBER = r"([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf(?:inity)?))(?![\w%]|\.\d)"
_WINDOWS_NUMBER = re.compile(r"1\.#(qnan|snan|ind|inf)\d*")
"""How older runtimes of Windows print what is not a finite number."""
_LOSS = AnchoredPattern(
    r"(?:^|[^a-z0-9_])(?:(?:lm|train(?:ing)?|total|nll|ce|mlm|avg|average|running|mean|reduced[_ ]train|step|batch"
    r"|cur(?:rent)?|sft|dpo|main|avr|smooth(?:ed)?|final|overall|epoch|ema|last)[ _/-]?)?"
    rf"(?:loss(?:/tok|(?:/(?:train|total)){{1,2}}|[_ ]train|_total|_step|\(train\))?|cross[ _]?entropy(?:[ _]?loss)?"
    rf"|xent){SEPARATOR}{_NUMBER}",
    "loss", "ntropy", "xent", reach=24,
)  # fmt: skip
_MLLOG_LOSS = re.compile(rf'"key": "(?:train_)?loss", "value": {_NUMBER}')
_EVALUATION_NAME = re.compile(r"(?:val(?:id(?:ation)?)?|eval(?:uation)?|test|dev)[ _/:|-]{1,3}$")
_EVALUATION_LINE = re.compile(r"\b(?:eval\w*|valid\w*|test(?:ing)?|predict\w*)\b")
EVALUATION_WORD = r"\b(?:eval(?:uat\w+)?|valid(?:at\w+)?|val|test(?:ing)?(?!\.py))\b"
"""Before a loss or a step, it shows that the line is about evaluation, unless `train` is there too."""
_EVALUATION_BEFORE_LOSS = re.compile(EVALUATION_WORD)
_GRAD = AnchoredPattern(rf"(?:grad(?:ient)?s?[ _]?norm|gnorm)(?:/\w+)?{SEPARATOR}{_NUMBER}", "grad", "gnorm")
_RATE = AnchoredPattern(
    rf"(?:learning[ _]rate|(?:^|[^a-z])lr(?:[-_]\w+)?){SEPARATOR}{_NUMBER}", "learning", "lr", reach=1
)
_ELAPSED = re.compile(r"elapsed time per iteration \((ms|s)\): (\d{1,12}(?:\.\d*)?)")
_PLAIN_COUNT = r"\d{1,12}(?![\d,.km])|\d{1,3}(?:,\d{3}){1,3}(?!\d|,\d)"
_COUNT = rf"({_PLAIN_COUNT}|\d{{1,4}}(?:\.\d{{1,3}})?(?:k(?![a-z])|m(?=\s*/\s*\d))|\d{{1,12}})"
_TOTAL_COUNT = rf"({_PLAIN_COUNT}|\d{{1,4}}(?:\.\d{{1,3}})?[km](?![a-z])|\d{{1,12}})"
_STEP = AnchoredPattern(
    r"(?:global[ _-]?step|['\"]_step(?!.*global_step)"
    r"|(?:^|[^a-z_])(?:(?:training_)?iteration|iter(?! \d{1,12} step \d)|train_step|step|update|batch)|num_updates)"
    rf"['\"]?\s*(?:::|[:=#|]|no\.?)?\s*['\"]?\[?\s*{_COUNT}(?!\d|\.\d)(?:\s*(?:/|of)\s*{_TOTAL_COUNT})?",
    "step", "iter", "update", "batch", reach=10,
)  # fmt: skip
_TOTAL = re.compile(
    r"(?:max|total)_(?:train(?:ing)?_)?(?:steps?|iters?|iterations?|updates?)['\"]?\s*[:=]\s*['\"]?(\d{1,12})"
)
_IN_EPOCH = r"\[?(\d{1,12})(?:\]?:?\s*\[\s*|\]?:?\s+)(\d{1,12})\s*/\s*(\d{1,12})\]?"
_BRACKETS = re.compile(rf"epoch\W{{0,3}}(?:\(?train\)?)?\W{{0,4}}{_IN_EPOCH}")
_PAIR = re.compile(r"\[\s*(\d{1,12})\s*,\s*(\d{1,12})\s*/\s*(\d{1,12})\]")
"""Epoch, step and total in one pair of brackets."""
_TIMM = re.compile(rf"\btrain: (?=\d+ \[){_IN_EPOCH}")
_ITERATIONS = AnchoredPattern(r"\biter\(train\) *\[ *(\d{1,12})/(\d{1,12})\]", "iter(train)")
_BAR = AnchoredPattern(
    r"(\d{1,12})(?:it)?/(\d{1,12})(?:\.\d{1,6})?(?:it rate:"
    r"| ?(?:\[(?:\d+:)?\d+:\d+<|\[[=>.]|━|(?:\d+:)?\d+:\d+ <))",
    "/", reach=14,
)  # fmt: skip
_COUNTED = AnchoredPattern(
    r"(\d{1,12}) ?/ ?(\d{1,12}) (?:batches|steps|iterations)\b", "batches", "steps", "iterations", reach=28
)
_UNKNOWN_TOTAL = re.compile(r"(\d{1,12})/unknown\b")
_ROUND = re.compile(
    r"(?:^|\] )\[(\d{1,12})\](?=\s+\w+(?:'s [\w@. -]+|-[\w@.-]+): ?(?:[-+]?[\d.]|nan|inf))"
    r"|^(\d{1,12}):(?=\s+(?:learn|test): [-+\d.n])"
)
"""A round of LightGBM, XGBoost or CatBoost."""
_CLU = re.compile(r"\] \[(\d{1,12})\](?= [\w/]+=[-\d.])")
_RARE_STEP = re.compile(
    r"\bup\. (\d{1,12}) : |\| +total_timesteps +\| *(\d{1,12})"
    r"|(?:^|[^a-z_])(?:it|iter_num|n_iter|step_num)[:=]\s*(\d{1,12})\b"
)
_RARE_WORDS = ("it=", "it:", "iter_num", "n_iter", "step_num", " up. ", " total_timesteps ")
"""One of these is in every match of `_RARE_STEP`."""
_LOSS_IS = re.compile(rf"\b(?:epoch|step)\W{{0,3}}\d.{{0,80}}\bloss is {_NUMBER}")
_PERPLEXITY = re.compile(
    rf"(?P<before>\b(?:\w+[ _/-])??)(?:perplexity|ppl){SEPARATOR}(?P<value>\d+\.?\d*(?:e[-+]?\d+)?|nan)(?![\w%]|\.\d)"
)
_COST = re.compile(rf" : cost {_NUMBER}")
_ULTRALYTICS_ROW = re.compile(r"^\s*(\d{1,12})/\d+\s+[\d.]+g\s+(nan|inf|\d+\.?\d*)\s")
"""A table row of Ultralytics: epoch, memory and the losses, of which the first is read."""
_DARKNET_ROW = re.compile(rf"^\s*(\d{{1,12}}): {_NUMBER}, {_NUMBER} avg")
"""A row of Darknet: step, loss of the batch and average loss."""
_NAMED_BAR = re.compile(r"[a-z][^|]{0,80}?:?\s+\d+%\|| completed \|")
_TRAINING_BAR = re.compile(
    r"\b(?:train(?:ing)?|pretrain(?:ing)?|steps?|iter(?:ation)?s?|updates?|optimi\w+)\b[^|:]{0,20}:?\s+\d+%\|"
)
_EPOCH_BAR = re.compile(r"\bepochs?:?\s+\d+%\|[^|]*\|\s*(\d{1,12})/\d")
"""A bar that counts epochs."""
_BARE_BATCH = re.compile(r"batch(?:['\"]?\s*[:=#|]?\s*)\d+")
_EPOCH = re.compile(r"epoch(?:_num)?['\"]?\s*[:=#]?\s*['\"]?\[?(\d{1,12}(?:\.\d+)?)")
_EPOCH_AFTER = re.compile(r"(?<![\w.])(\d{1,6})epoch(?::| results:)")
"""An epoch before its name, as ESPnet writes it."""
_SAMPLES_COUNT = re.compile(r'"(?:samples_count|step)": (\d{1,12})')


EXCERPT_LINE = 240
"""Maximum number of characters of a progress line in an excerpt."""
MAX_LENGTH = 2000
"""Number of characters read from the end of a line: a progress bar's newest state comes last."""


class TrainingPosition(NamedTuple):
    """How far a run got; a line that repeats it is not progress."""

    epoch: float | None = None
    step: int | None = None


class Sample(NamedTuple):
    """The numbers in one progress line; None for those it does not contain."""

    step: int | None = None
    total: int | None = None
    """Number of steps of the run or the epoch."""
    epoch: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    samples_per_s: float | None = None
    step_s: float | None = None
    """Seconds per step, if the line states them."""
    is_evaluation: bool = False
    """Is it about evaluation rather than training?"""
    is_named_bar: bool = False
    """Is the step from a progress bar with a name? Downloads, preparation and serving draw such bars too."""
    is_summary: bool = False
    """Are its numbers averages over the whole run?"""
    step_mark: str = ""
    """The text beside the step, in lower case: equal in all lines of one counter."""
    loss_mark: str = ""
    """The text before the loss, in lower case."""

    @property
    def is_training(self) -> bool:
        """Is it certainly a training step: with a loss, a norm or a rate, or with a count that only training has?

        A round of boosted trees is not: after the last one, which nothing marks, programs work on in silence.
        """
        if self.loss is not None or self.grad_norm is not None or self.learning_rate is not None:
            return True
        if self.step is None or self.is_named_bar or self.is_evaluation:
            return False
        return self.epoch is not None or self.total is not None or self.speed is not None

    @property
    def is_training_step(self) -> bool:
        """Does the line state a step of training, rather than of preparation, evaluation or serving?"""
        return self.step is not None and not self.is_evaluation and (not self.is_named_bar or self.is_training)

    @property
    def position(self) -> TrainingPosition:
        """The epoch and step."""
        return TrainingPosition(self.epoch, self.step)

    @property
    def speed(self) -> float | None:
        """Tokens, samples or steps per second."""
        return self.tokens_per_s or self.samples_per_s or (1 / self.step_s if self.step_s else None)


class LoggedSample(NamedTuple):
    """A sample with the line it was read from."""

    sample: Sample
    line: int
    time: LogTime | None = None
    label: Label | None = None
    text: str = ""

    @property
    def time_ns(self) -> int | None:
        """The line's time by any clock."""
        return self.time.ns if self.time else None


def parse_sample(text: str) -> Sample | None:
    """Parse the numbers in a line; None if it has neither a position, a loss, a norm nor a speed."""
    text = text[-MAX_LENGTH:].lower()
    if ".#" in text:
        text = _WINDOWS_NUMBER.sub(lambda found: "inf" if found[1] == "inf" else "nan", text)
    loss, loss_mark = _loss(text)
    epoch, step, total, step_mark, is_round = _position(text)
    if epoch is None and loss is None and "g " in text and (row := _ULTRALYTICS_ROW.match(text)):
        epoch, loss = float(row.group(1)), float(row.group(2))
    if loss is None and " : cost " in text and (cost := _COST.search(text)):
        loss, loss_mark = float(cost.group(1)), " : cost "
    if loss is None and " avg" in text and (row := _DARKNET_ROW.match(text)):
        step, loss = int(row.group(1)), float(row.group(2))
    if loss is None and (epoch is not None or step is not None) and ("ppl" in text or "perplexity" in text):
        loss, loss_mark = _loss_of_perplexity(text)
    if loss is None and epoch is None and total is None and step is not None and not _counts_steps(text):
        step = None
    norm = first_amount(text, _GRAD) if "norm" in text else None
    speed, images = read_tokens_per_s(text), read_samples_per_s(text)
    if loss is None and step is None and epoch is None and norm is None and speed is None and images is None:
        return None
    elapsed = _ELAPSED.search(text) if "elapsed" in text else None
    return Sample(
        step=step,
        total=total,
        epoch=epoch,
        loss=loss,
        grad_norm=norm,
        learning_rate=first_amount(text, _RATE) if "lr" in text or "rate" in text else None,
        tokens_per_s=speed,
        samples_per_s=images,
        step_s=float(elapsed.group(2)) / (1000 if elapsed.group(1) == "ms" else 1) if elapsed else None,
        is_evaluation=not is_round and _is_evaluation(text, loss_mark),
        is_named_bar=total is not None and epoch is None and _is_named_bar(text),
        is_summary="train_runtime" in text,
        step_mark=step_mark.strip(),
        loss_mark=loss_mark.strip(),
    )


def _is_named_bar(text: str) -> bool:
    if "%|" not in text and " completed |" not in text:  # the pattern is slow
        return False
    return bool(_NAMED_BAR.search(text)) and not _TRAINING_BAR.search(text)


def _is_evaluation(text: str, loss_mark: str) -> bool:
    """Is the line about evaluation? With a loss, only by a word before the loss."""
    if "val" not in text and "test" not in text and "predict" not in text:
        return False
    if not loss_mark:
        return bool(_EVALUATION_LINE.search(text))
    before = text[: text.find(loss_mark)]
    return bool(_EVALUATION_BEFORE_LOSS.search(before)) and "train" not in before


def _counts_steps(text: str) -> bool:
    """Is there a step other than a bare `batch=14`? Servers log their batch size this way."""
    found = _STEP.search(text)
    return found is None or not _BARE_BATCH.search(found.group(0))


def _loss(text: str) -> tuple[float | None, str]:
    """Return the first training loss and its mark; a finite loss of the step wins over an average that keeps a NaN."""
    first, mark = None, ""
    for one in _LOSS.finditer(text):
        word = one.start() if text[one.start()].isalnum() else one.start() + 1
        if _EVALUATION_NAME.search(text, max(0, word - 14), word):
            continue
        loss, name = float(one.group(1)), one.group(0)
        if math.isfinite(loss) and (first is None or "train" in name or "step" in name):
            return loss, text[one.start() : one.start(1)]
        if first is None:
            first, mark = loss, text[one.start() : one.start(1)]
    found = None
    if first is None and "loss" in text:
        found = _MLLOG_LOSS.search(text) or ("loss is " in text and _LOSS_IS.search(text))
    return (float(found.group(1)), text[found.start() : found.start(1)]) if found else (first, mark)


def _loss_of_perplexity(text: str) -> tuple[float | None, str]:
    """Return the loss whose exponential a line states as the perplexity, and its mark; none of an evaluation."""
    found = _PERPLEXITY.search(text)
    if found is None or _EVALUATION_NAME.search(found["before"]):
        return None, ""
    value = float(found["value"])
    loss = value if math.isnan(value) else math.log(value) if 0 < value < math.inf else None
    return loss, "" if loss is None else text[found.start() : found.start("value")]


class _Position(NamedTuple):
    """Where a line says that the run is."""

    epoch: float | None = None
    step: int | None = None
    total: int | None = None
    mark: str = ""
    """The step's mark."""
    is_round: bool = False
    """Is it a round of boosted trees? Its evaluation is part of it."""


def _position(text: str) -> _Position:
    has_epoch = "epoch" in text
    if found := ((has_epoch and _BRACKETS.search(text)) or ("train: " in text and _TIMM.search(text)) or _pair(text)):
        mark = text[found.end(2) : found.end(3) + 1]
        return _Position(float(found.group(1)), int(found.group(2)), int(found.group(3)), mark)
    epoch = (_EPOCH.search(text) or _EPOCH_AFTER.search(text)) if has_epoch else None
    in_epoch = float(epoch.group(1)) if epoch else None
    if found := _STEP.search(text):
        total = found.group(2) or _stated_total(text)
        mark = text[found.start() : found.start(1)]
        return _Position(in_epoch, int(parse_amount(found.group(1))), int(parse_amount(total)) if total else None, mark)
    if in_epoch is None and has_epoch and (found := _EPOCH_BAR.search(text)):
        return _Position(float(found.group(1)))
    if found := _BAR.search(text) or _COUNTED.search(text) or _ITERATIONS.search(text):
        mark = text[found.end(1) : found.end(2) + 1]
        return _Position(in_epoch, int(found.group(1)), int(found.group(2)), mark)
    return _rare_position(text, in_epoch)


def _rare_position(text: str, epoch: float | None) -> _Position:
    """Read a step that is written in another way."""
    if '"s' in text and (found := _SAMPLES_COUNT.search(text)):
        return _Position(epoch, int(found.group(1)), None, text[found.start() : found.start(1)])
    if ("[" in text or "learn:" in text) and (found := _ROUND.search(text)):
        at = 1 if found.group(1) else 2
        return _Position(epoch, int(found.group(at)), None, text[found.end(at) : found.end() + 8], is_round=True)
    if "/unknown" in text and (found := _UNKNOWN_TOTAL.search(text)):
        return _Position(epoch, int(found.group(1)), None, text[found.end(1) : found.end()])
    if "loss" in text and "] [" in text and (found := _CLU.search(text)):
        return _Position(epoch, int(found.group(1)), None, "] ")
    if any(word in text for word in _RARE_WORDS) and (found := _RARE_STEP.search(text)):
        number = next(group for group in found.groups() if group)
        return _Position(epoch, int(number), None, text[found.start() : found.end() - len(number)].rstrip(" :"))
    return _Position(epoch)


def _pair(text: str) -> re.Match[str] | None:
    return _PAIR.search(text, 0, 200) if "/" in text and "[" in text and "," in text else None


def _stated_total(text: str) -> str | None:
    """Return the total that is stated apart from the step, such as `max_steps`."""
    found = _TOTAL.search(text) if "max_" in text or "total_" in text else None
    return found.group(1) if found else None
