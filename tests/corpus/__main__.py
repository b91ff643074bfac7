"""`make corpus`: score the diagnosis on a folder of labelled logs, on every core.

docs/labelled-logs.md describes the format and the thresholds. Exit status: 0 if every threshold holds, 1 if not, 2 if a
label is invalid or a log cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bot.errors import ConfigError
from tests.corpus.labels import OWN_CASES, LabelError, LabelReader
from tests.corpus.pool import score_all
from tests.corpus.scoring import (
    ERROR_RATES,
    THRESHOLDS,
    ConfidenceBin,
    Figure,
    ScoredLog,
    confidence_bins,
    measure,
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.corpus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=OWN_CASES, help="default: the project's own cases")
    parser.add_argument("--json", action="store_true", help="print the figures and misses as one JSON object")
    chosen = parser.parse_args(arguments)
    reader, began = LabelReader(chosen.folder), time.monotonic()
    try:
        logs = score_all(reader.read())
    except (LabelError, ConfigError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    figures = measure(logs)
    if is_own := chosen.folder.resolve() == OWN_CASES:
        figures = [one for one in figures if one.metric != "calibration error"]
    if chosen.json:
        sys.stdout.write(json.dumps(to_json(logs, figures, reader.notes)) + "\n")
    else:
        misses = [miss for log in logs for miss in log.misses]
        sys.stdout.write("\n".join([*reader.notes, *misses, *render_table(figures)]) + "\n")
        sys.stdout.write("\n".join(render_confidence(confidence_bins(logs), is_judged=not is_own)) + "\n")
        sys.stdout.write(f"\n{len(logs):,} logs in {time.monotonic() - began:.1f} s\n")
    return 0 if all(one.is_passed for one in figures) else 1


def render_table(figures: Sequence[Figure]) -> list[str]:
    """Render the figures; what misses its threshold is marked."""
    rows = ["", f"{'':20}{'answers':>8}{'share':>8}  threshold"]
    for one in figures:
        limit = f"{'at most' if one.metric in ERROR_RATES else 'at least'} {THRESHOLDS[one.metric]:.2f}"
        share = f"{one.share:.3f}" if one.count else "-"
        rows.append(f"{one.metric:20}{one.count:>8,}{share:>8}  {limit}{'' if one.is_passed else '  MISSED'}")
    return rows


def render_confidence(bins: Sequence[ConfidenceBin], *, is_judged: bool) -> list[str]:
    """Render how often answers were right, by the confidence that they were stated with."""
    why = "" if is_judged else "  (not judged: the patterns were written with these logs)"
    rows = ["", f"{'stated confidence':20}{'answers':>8}{'right':>8}{why}"]
    return rows + [f"{one.stated:<20.2f}{one.count:>8,}{one.right / one.count:>8.2f}" for one in bins]


def to_json(logs: Sequence[ScoredLog], figures: Sequence[Figure], notes: Sequence[str]) -> dict[str, object]:
    """The output of `--json`."""
    return {
        "logs": len(logs),
        "passed": all(one.is_passed for one in figures),
        "figures": {
            one.metric.replace(" ", "_"): {
                "share": round(one.share, 4) if one.count else None,
                "answers": one.count,
                "threshold": THRESHOLDS[one.metric],
                "passed": one.is_passed,
            }
            for one in figures
        },
        "confidence": [asdict(one) for one in confidence_bins(logs)],
        "misses": [
            {"file": log.name, "metric": check.metric, "miss": check.miss, "note": log.note}
            for log in logs
            for check in log.checks
            if not check.is_right
        ],
        "notes": list(notes),
    }


if __name__ == "__main__":
    sys.exit(main())
