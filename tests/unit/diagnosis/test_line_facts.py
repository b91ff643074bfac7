"""What a line states on its own is read once for all lines that differ only in long numbers."""

import pytest

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.line_facts import LineReader


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader(load_catalogue())


def test_lines_with_other_long_numbers_share_their_facts(reader: LineReader) -> None:
    first = reader.read("could not decode /data/20417.jpg, skipping this sample")

    assert first.signature is not None
    assert reader.read("could not decode /data/90021.jpg, skipping this sample") is first
    assert reader.read("could not decode /data/7.jpg, skipping this sample") is not first


def test_statuses_and_numbers_of_another_length_are_read_again(reader: LineReader) -> None:
    assert reader.read("exited with code 1") is not reader.read("exited with code 0")
    assert reader.read("wrote 20417 rows") is not reader.read("wrote 204177 rows")


def test_lines_with_other_fractions_are_read_again(reader: LineReader) -> None:
    above, collapsed = (
        reader.read(f"overflow detected, setting loss scale to: {scale}") for scale in (0.0156, "0.0001")
    )

    assert above.signature is not None
    assert above.signature.name == "overflow_skip"
    assert collapsed.signature is not None
    assert collapsed.signature.name == "loss_scale_collapsed"


@pytest.mark.parametrize(
    ("text", "states_ranks"),
    [
        ("could not decode /data/20417.jpg, skipping this sample", False),
        ("rank 3 did not join the barrier", True),
        ("Process rank: 2, device: cuda:2", True),
        ("Stalled ranks: 5", True),
    ],
)
def test_texts_that_state_ranks_are_known(reader: LineReader, text: str, states_ranks: bool) -> None:
    assert reader.read(text).states_ranks is states_ranks


def test_advice_does_not_count_as_an_event(reader: LineReader) -> None:
    text = "Sequence group 9 is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space."

    assert not reader.may_be_event(text, None)
    assert reader.may_be_event("RuntimeError: CUDA out of memory. Tried to allocate 2.50 GiB.", None)
