"""The JSON form of a diagnosis."""

import json

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner


def test_json_has_documented_fields() -> None:
    diagnoser = Diagnoser(PageScanner(load_catalogue()))
    diagnoser.feed("step 10 loss 2.5", timestamp_ns=1_700_000_000_000_000_000)
    diagnoser.feed("[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")

    result = json.loads(json.dumps(diagnoser.report().to_json()))

    assert set(result) == {"incidents", "lines", "progress"}
    assert result["lines"] == 2
    assert result["progress"]["step"] == 10
    (failure,) = result["incidents"]
    assert set(failure) == {
        "severity", "category", "signature", "title", "hint", "why", "line", "ranks", "count", "first", "last",
        "excerpt", "confidence", "confidence_word", "verdict", "verdict_reason", "verdict_missing",
    }  # fmt: skip
    assert (failure["severity"], failure["category"], failure["ranks"]) == ("page", "gpu_memory", [3])
