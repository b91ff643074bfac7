"""`python -m tests.corpus.calibrate FOLDER...`: fit the weights of `bot/diagnosis/confidence.toml` to labelled logs.

Use logs that nobody used to write patterns, diagnosed by a version from before they were seen: `--save FILE` writes its
answers, which `--rows FILE...` reads later. Each answer counts as much as its file's weight, `FILE:0.3`. The table of
reliability is cross-validated: no answer is stated by weights that were fitted to logs of its framework.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.confidence import Weights, estimate_confidence
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Severity
from tests.corpus.labels import Label, LabelReader
from tests.corpus.scoring import diagnose_log, score_log

FOLDS = 5
BINS = 5
SHRINKAGE = 5.0
"""Strength of the penalty on weights other than `base`: few answers must not make a sign decisive."""
FALSE_ALARM = 0.5
"""Weight of an answer about a healthy log: those in a collection are chosen because they look like failures."""
EARLIER = "earlier"
"""A sign of answers with a weight below 1: an earlier version of the reader was right less often, for all signs."""
STEPS = 1500
RATE = 0.5


@dataclass(frozen=True, slots=True)
class StatedAnswer:
    """One reported failure: the signs of its evidence, and whether it was right."""

    group: str
    """What its log has in common with others: its framework or its source."""
    is_right: bool
    signs: tuple[str, ...]
    weight: float = 1.0


def read_answers(folder: Path, scanner: PageScanner) -> Iterator[StatedAnswer]:
    """Diagnose the logs of a folder; yield the failures that were reported, and false alarms as wrong answers."""
    for label in LabelReader(folder).read():
        diagnosis = diagnose_log(scanner, label)
        scored = score_log(label, diagnosis)
        is_answer = scored.checks[0].metric == "recall" or not scored.checks[0].is_right
        if scored.confidence is not None and is_answer and diagnosis.failures[0].severity is not Severity.INFO:
            weight = 1.0 if label.must_fail else FALSE_ALARM
            yield StatedAnswer(_group(label), scored.is_cause_right, diagnosis.failures[0].signs, weight)


def _group(label: Label) -> str:
    return label.framework or label.note.partition(":")[0].strip().lower() or label.name


def fit_weights(answers: Sequence[StatedAnswer]) -> Weights:
    """Fit a logistic model with shrunken weights by gradient descent."""
    weights = dict.fromkeys(["base", *sorted({sign for one in answers for sign in one.signs})], 0.0)
    total = sum(one.weight for one in answers)
    for _ in range(STEPS):
        slopes = defaultdict[str, float](float)
        for one in answers:
            wrong = (estimate_confidence(one.signs, weights) - one.is_right) * one.weight
            for sign in ("base", *one.signs):
                slopes[sign] += wrong
        for sign, weight in weights.items():
            shrinking = 0.0 if sign in ("base", EARLIER) else SHRINKAGE * weight
            weights[sign] = weight - RATE * (slopes[sign] + shrinking) / total
    return weights


def cross_validate(answers: Sequence[StatedAnswer]) -> list[tuple[float, StatedAnswer]]:
    """State the confidence of each answer by weights fitted without its group."""
    folds = [zlib.crc32(one.group.encode()) % FOLDS for one in answers]
    stated = []
    for fold in range(FOLDS):
        weights = fit_weights([one for one, its in zip(answers, folds, strict=True) if its != fold])
        left_out = [one for one, its in zip(answers, folds, strict=True) if its == fold]
        stated += [(estimate_confidence(one.signs, weights), one) for one in left_out]
    return stated


def reliability(stated: Iterable[tuple[float, StatedAnswer]]) -> list[tuple[int, float, float]]:
    """Return (answers, stated, right) of each fifth of the answers, by what they were stated at."""
    ordered = sorted(stated, key=lambda pair: pair[0])
    size = math.ceil(len(ordered) / BINS)
    rows = []
    for start in range(0, len(ordered), size):
        part = ordered[start : start + size]
        mean = sum(confidence for confidence, _ in part) / len(part)
        rows.append((len(part), mean, sum(one.is_right for _, one in part) / len(part)))
    return rows


def expected_error(rows: Sequence[tuple[int, float, float]]) -> float:
    """Return the mean difference between stated and right, over all answers."""
    return sum(count * abs(stated - right) for count, stated, right in rows) / max(1, sum(row[0] for row in rows))


def render_weights(weights: Weights, answers: Sequence[StatedAnswer]) -> str:
    """The fitted table as TOML, with the answers that each weight comes from."""
    seen = Counter(sign for one in answers for sign in ("base", *one.signs))
    right = Counter(sign for one in answers if one.is_right for sign in ("base", *one.signs))
    rows = [
        f'"{sign}" = {weight:.2f}  # {right[sign]} of {seen[sign]} right'
        for sign, weight in weights.items()
        if sign != EARLIER
    ]
    return "\n".join(["[weights]", *rows]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.calibrate", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", help="folders of labelled logs")
    parser.add_argument("--rows", nargs="*", default=[], help="answers saved by another version, FILE or FILE:WEIGHT")
    parser.add_argument("--save", type=Path, help="write the answers instead of fitting")
    chosen = parser.parse_args(arguments)
    scanner = PageScanner(load_catalogue())
    answers = [answer for folder in chosen.folders for answer in read_answers(folder, scanner)]
    answers += [answer for name in chosen.rows for answer in _load(name)]
    if chosen.save:
        chosen.save.write_text("".join(map(_row, answers)), encoding="utf-8")
        return 0
    rows = reliability(pair for pair in cross_validate(answers) if EARLIER not in pair[1].signs)
    sys.stdout.write(render_weights(fit_weights(answers), answers))
    for count, stated, right in rows:
        sys.stdout.write(f"# {count} answers, stated {stated:.2f}, right {right:.2f}\n")
    sys.stdout.write(f"# calibration error {expected_error(rows):.3f}, {sum(row[0] for row in rows)} answers\n")
    return 0


def _load(name: str) -> Iterator[StatedAnswer]:
    path, _, factor = name.partition(":")
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        right, group, signs, weight = line.split("\t")
        found = (*filter(None, signs.split("|")), *([EARLIER] if factor else []))
        yield StatedAnswer(group, right == "1", found, float(factor or 1) * float(weight))


def _row(answer: StatedAnswer) -> str:
    return f"{int(answer.is_right)}\t{answer.group}\t{'|'.join(answer.signs)}\t{answer.weight}\n"


if __name__ == "__main__":
    sys.exit(main())
