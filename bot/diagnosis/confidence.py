"""How likely a diagnosis is right: a logistic model over a few signs of its evidence.

`confidence.toml` has its weights, which `tests.corpus.calibrate` fits to logs that were not used to write the patterns.
"""

import math
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files

VERY_LIKELY, PROBABLE = 0.85, 0.73
"""From these probabilities on, a diagnosis is very likely, or probably, right; below, it is a guess."""

Weights = Mapping[str, float]
"""The weight of each sign; `base` counts always, and a sign without a weight counts nothing."""


def load_weights() -> Weights:
    """Read the fitted weights."""
    text = files("bot.diagnosis").joinpath("confidence.toml").read_text(encoding="utf-8")
    return {str(sign): float(weight) for sign, weight in tomllib.loads(text)["weights"].items()}


def estimate_confidence(signs: Iterable[str], weights: Weights) -> float:
    """Return the probability, 0 to 1, that a failure with these signs is the right cause."""
    total = weights.get("base", 0.0) + sum(weights.get(sign, 0.0) for sign in signs)
    return 1 / (1 + math.exp(-total))


def confidence_word(confidence: float) -> str:
    """Return `very likely`, `probably` or `a guess`."""
    if confidence >= VERY_LIKELY:
        return "very likely"
    return "probably" if confidence >= PROBABLE else "a guess"
