"""What the run says of itself: step, loss, gradient norm, learning rate, speed; from the lines of common frameworks.

`parse_sample` reads one line: Hugging Face dictionaries, Lightning and tqdm bars, Megatron, DeepSpeed, fairseq,
Keras, mmengine, RiverGen epochs, MLPerf `:::MLLOG`, and plain `step N loss X`. What the numbers mean is decided in
`numerics` (loss) and `pace` (time).
"""

import math
import re
from dataclasses import dataclass

PROGRESS = (
    r"(?i:(?:loss(?:/tok|\(train\))?|cross[ _]?entropy|xent)['\" \t]*[:=|]{0,2}[ \t'\"]*(?:tensor\()?"
    r"[-+]?(?:[0-9.]|nan|inf))"
    r"|it/s|s/it|:::MLLOG|ms/step|s/step|[0-9n] avg(?: loss)?, "
    r"|(?:^|[^A-Za-z_]|global_|train_)(?i:iter|iteration|step|epoch|batch|num_updates)['\" :=#\[]{1,4} *[0-9]"
)
"""The page filter's idea of a progress line; generous."""

NONFINITE = (
    r"(?i:(?:loss|norm|cross[ _]?entropy|xent)(?:/tok|\(train\))?['\" \t]*[:=|]{0,2}[ \t'\"]*(?:tensor\()?"
    r"[-+]?(?:nan|inf(?:inity)?)(?:[^a-z0-9]|$))"
    r"|(?i:['\"]?loss['\"]?: 0\.0[,}])|\"value\": NaN|nan avg(?: loss)?, "
)
"""Lines that no sampling may miss: a loss or norm that is not finite, or a loss of exactly nothing."""

# Patterns are for text in lower case, which `parse_sample` makes once.
_NUMBER = r"([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf(?:inity)?))(?![\w%])"
_SIGN = r"['\"]?\s*(?:::|:=|[:=|(]|->)?\s*['\"]?(?:tensor\()?\s*"
_LOSS = re.compile(
    r"(?:^|[^a-z0-9_])(?:(?:lm|train(?:ing)?|total|nll|ce|mlm|avg|average|running|mean|reduced[_ ]train|step|batch"
    r"|cur(?:rent)?|sft|dpo|main|avr|smooth(?:ed)?|final|overall|epoch|ema|last)[ _/-]?)?"
    rf"(?:loss(?:/tok|(?:/(?:train|total)){{1,2}}|_train|_total|_step|\(train\))?|cross[ _]?entropy(?:[ _]?loss)?|xent)"
    rf"{_SIGN}{_NUMBER}",
)
_MLLOG_LOSS = re.compile(rf'"key": "(?:train_)?loss", "value": {_NUMBER}')
_EVALUATION = re.compile(r"(?:val(?:id(?:ation)?)?|eval(?:uation)?|test|dev)[ _/:|-]{1,3}$")
_EVALUATING = re.compile(r"\b(?:eval\w*|valid\w*|test(?:ing)?|predict\w*)\b")
_GRAD = re.compile(rf"(?:grad(?:ient)?s?[ _]?norm|gnorm)(?:/\w+)?{_SIGN}{_NUMBER}")
_RATE = re.compile(rf"(?:learning[ _]rate|(?:^|[^a-z])lr(?:[-_]\w+)?){_SIGN}{_NUMBER}")
_TOKENS = (
    re.compile(
        r"(?:tok(?:en)?s?[ _]?(?:/|per)[ _]?s(?:ec(?:ond)?)?(?:[ _]?(?:/|per)[ _]?gpu)?|\bwps|\btps)"
        rf"{_SIGN}{_NUMBER}",
    ),
    re.compile(r"([\d.]*\d) ?tok(?:en)?s?/s"),
)
_SAMPLES = (
    re.compile(
        r"(?:samples?|examples?|images?|imgs?|sequences?)[ _]?(?:/|per)[ _]?s(?:ec(?:ond)?)?"
        rf"{_SIGN}{_NUMBER}|speed: ([\d.]+) samples|\"throughput\": ([\d.]+)",
    ),
    re.compile(r"([\d.]*\d) ?(?:samples|images|imgs|examples)/s"),
)
"""The name before the number, else the number before its unit."""
_ELAPSED = re.compile(r"elapsed time per iteration \((ms|s)\): ([\d.]+)")
_STEP = re.compile(
    r"(?:global[ _-]?step|(?:^|[^a-z_])(?:iteration|iter|train_step|step|update|batch)|num_updates)"
    r"['\"]?\s*(?:::|[:=#|]|no\.?)?\s*['\"]?\[?\s*(\d{1,12})(?!\d|\.\d)(?:\s*(?:/|of)\s*(\d+))?",
)
_BRACKETS = re.compile(r"epoch\W{0,3}(?:\(?train\)?)?\W{0,4}\[?(\d+)(?:\]?:?\s*\[\s*|\]?:?\s+)(\d+)\s*/\s*(\d+)\]?")
_BAR = re.compile(r"(\d+)/(\d+) ?(?:\[(?:\d+:)?\d+:\d+<|\[[=>.]|━)")
_COUNTED = re.compile(r"(\d+) ?/ ?(\d+) (?:batches|steps|iterations)\b")
_COLUMNS = re.compile(r"^\s*(\d+)/\d+\s+[\d.]+g\s+(nan|inf|\d[\d.]*)\s")
"""Rows below a head of names: epoch, memory, and the losses, the first of which speaks for all (Ultralytics)."""
_COUNTED_IMAGES = re.compile(rf"^\s*(\d+): {_NUMBER}, {_NUMBER} avg")
"""Step, loss of the batch and its average (Darknet)."""
_NAMED_BAR = re.compile(r"[a-z][^|]{0,80}?:?\s+\d+%\|| completed \|")
_BARE_BATCH = re.compile(r"batch(?:['\"]?\s*[:=#|]?\s*)\d+")
_EPOCH = re.compile(r"epoch(?:_num)?['\"]?\s*[:=#]?\s*['\"]?\[?(\d+(?:\.\d+)?)")
_SAMPLES_COUNT = re.compile(r'"(?:samples_count|step)": (\d+)')


LONGEST = 800
"""Characters of a line's end that are read: a progress bar's newest state stands last."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one line tells; None where it does not."""

    step: int | None = None
    total: int | None = None
    epoch: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    samples_per_s: float | None = None
    step_s: float | None = None
    """Seconds a step, where the line says it itself."""
    evaluation: bool = False
    """Is it about evaluation rather than training?"""
    bar: bool = False
    """Is the place from a progress bar with a name? Downloads, preparation and serving draw them too."""

    @property
    def training(self) -> bool:
        """Is it surely a step of training: with a loss, a norm or a rate, or a place that training alone counts by?"""
        if self.loss is not None or self.grad_norm is not None or self.learning_rate is not None:
            return True
        if self.step is None or self.bar or self.evaluation:
            return False
        speed = self.tokens_per_s or self.samples_per_s or self.step_s
        return self.epoch is not None or self.total is not None or speed is not None

    @property
    def place(self) -> tuple[float | None, int | None]:
        """Where the run is; a line that repeats it is no progress."""
        return (self.epoch, self.step)


def parse_sample(text: str) -> Sample | None:
    """Read a line's numbers; None when it tells neither a place nor a loss."""
    text = text[-LONGEST:].lower()
    loss = _loss(text) if "loss" in text or "ent" in text else None
    epoch, step, total = _place(text)
    if epoch is None and loss is None and "g " in text and (row := _COLUMNS.match(text)):
        epoch, loss = float(row.group(1)), float(row.group(2))
    if loss is None and " avg" in text and (row := _COUNTED_IMAGES.match(text)):
        step, loss = int(row.group(1)), float(row.group(2))
    if loss is None and epoch is None and total is None and step is not None and not _counts_steps(text):
        step = None
    norm = _first(text, _GRAD) if "norm" in text else None
    speed = _first(text, *_TOKENS) if "tok" in text or "ps" in text else None
    images = _first(text, *_SAMPLES) if "/s" in text or "per" in text or "put" in text or "speed" in text else None
    if loss is None and step is None and epoch is None and norm is None and speed is None and images is None:
        return None
    elapsed = _ELAPSED.search(text)
    return Sample(
        step=step,
        total=total,
        epoch=epoch,
        loss=loss,
        grad_norm=norm,
        learning_rate=_first(text, _RATE) if "lr" in text or "rate" in text else None,
        tokens_per_s=speed,
        samples_per_s=images,
        step_s=float(elapsed.group(2)) / (1000 if elapsed.group(1) == "ms" else 1) if elapsed else None,
        evaluation=loss is None and bool(_EVALUATING.search(text)),
        bar=total is not None and epoch is None and bool(_NAMED_BAR.search(text)),
    )


def _counts_steps(text: str) -> bool:
    """Does something but a bare `batch=14` tell the step? A server tells its batch size so."""
    found = _STEP.search(text)
    return found is None or not _BARE_BATCH.search(found.group(0))


def _loss(text: str) -> float | None:
    """The first training loss; an average that keeps an old NaN (Lightning's bar) yields to the step's own."""
    told = None
    for one in _LOSS.finditer(text):
        word = one.start() if text[one.start()].isalnum() else one.start() + 1
        if _EVALUATION.search(text, max(0, word - 14), word):
            continue
        loss, name = float(one.group(1)), one.group(0)
        if math.isfinite(loss) and (told is None or "train" in name or "step" in name):
            return loss
        told = loss if told is None else told
    found = _MLLOG_LOSS.search(text) if told is None else None
    return float(found.group(1)) if found else told


def _place(text: str) -> tuple[float | None, int | None, int | None]:
    if found := _BRACKETS.search(text):
        return float(found.group(1)), int(found.group(2)), int(found.group(3))
    epoch = _EPOCH.search(text)
    place = float(epoch.group(1)) if epoch else None
    if found := _STEP.search(text):
        return place, int(found.group(1)), int(found.group(2)) if found.group(2) else None
    if found := _BAR.search(text) or _COUNTED.search(text):
        return place, int(found.group(1)), int(found.group(2))
    if found := _SAMPLES_COUNT.search(text):
        return place, int(found.group(1)), None
    return place, None, None


def _first(text: str, *patterns: re.Pattern[str]) -> float | None:
    for pattern in patterns:
        found = pattern.search(text)
        number = next((group for group in found.groups() if group), None) if found else None
        if number is not None:
            try:
                return float(number)
            except ValueError:  # 1.2.3
                return None
    return None
