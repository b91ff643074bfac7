"""The JSON form of a diagnosis."""

import json

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner


def test_the_json_has_the_promised_fields() -> None:
    diagnoser = Diagnoser(PageScanner(load_catalogue()))
    diagnoser.feed("step 10 loss 2.5", timestamp_ns=1_700_000_000_000_000_000)
    diagnoser.feed("[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")

    told = json.loads(json.dumps(diagnoser.report().to_json()))

    assert set(told) == {"incidents", "lines", "progress"}
    assert told["lines"] == 2
    assert told["progress"]["step"] == 10
    (incident,) = told["incidents"]
    assert set(incident) == {
        "severity", "category", "signature", "title", "hint", "line", "ranks", "count", "first", "last", "excerpt",
        "confidence",
    }  # fmt: skip
    assert (incident["severity"], incident["category"], incident["ranks"]) == ("page", "gpu_memory", [3])
