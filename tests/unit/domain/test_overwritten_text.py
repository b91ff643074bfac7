"""A terminal's final state of progress bars, spinners and redrawn tables, with the number of states that are hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.overwritten_text import collapse_overwritten, is_overwritten, shown_text

BAR = "".join(f"\r{at:3d}%|##| {at}/100" for at in range(100))
SHOWN = {
    "a bar of tqdm": (BAR, "99%|##| 99/100 (99 progress updates hidden)"),
    "a bar that ends with a line feed": (f"{BAR}\n", "99%|##| 99/100 (99 progress updates hidden)\n"),
    "a bar between lines": (f"start\n{BAR}\nend", "start\n99%|##| 99/100 (99 progress updates hidden)\nend"),
    "CRLF is a line end": ("one\r\ntwo\r\n", "one\r\ntwo\r\n"),
    "a double CR before a line feed": ("one\r\r\ntwo", "one\r\r\ntwo"),
    "a bar with CRLF": ("1%\r2%\r\ndone\r\n", "2% (1 progress update hidden)\ndone\n"),
    "a lone CR at the end": ("loss 0.1\r", "loss 0.1"),
    "a CR at both ends": ("\rloss 0.1\r", "loss 0.1"),
    "a shorter state replaces the whole line": ("downloading weights\rdone", "done (1 progress update hidden)"),
    "a bar that was cleared stays": ("98%\r99%\r   \r", "99% (1 progress update hidden)"),
    "a bar that was erased stays": ("98%\r99%\r\x1b[K", "99% (1 progress update hidden)"),
    "erase to the line's end": ("1%\r\x1b[K2%\r\x1b[K3%", "3% (2 progress updates hidden)"),
    "erase the line": ("\x1b[2K1%\x1b[1G\x1b[2K2%", "2% (1 progress update hidden)"),
    "erase without a CR": ("1%\x1b[2K2%", "2% (1 progress update hidden)"),
    "the cursor goes left": ("1%\x1b[1000D2%\x1b[1000D3%", "3% (2 progress updates hidden)"),
    "a spinner of backspaces": ("Loading |\b/\b-\b\\", "Loading \\ (3 progress updates hidden)"),
    "a bar of backspaces": ("1/3" + "\b\b\b2/3" + "\b\b\b3/3", "3/3 (2 progress updates hidden)"),
    "overstruck text": ("N\bNA\bAM\bME\bE", "NAME"),
    "underlined text": ("_\bN_\bA", "NA"),
    "two bars of rich": (
        "A 1%\nB 1%\x1b[1A\r\x1b[2KA 2%\n\x1b[2KB 2%\x1b[1A\r\x1b[2KA 3%\n\x1b[2KB 3%\n",
        "A 3% (2 progress updates hidden)\nB 3% (2 progress updates hidden)\n",
    ),
    "nested bars of tqdm": (
        "out 1%\n\rin 1%\x1b[A\rout 2%\n\rin 2%",
        "out 2% (1 progress update hidden)\nin 2% (1 progress update hidden)",
    ),
    "a failure between states": (
        "1%\rCUDA error: no memory\r2%\r3%",
        "CUDA error: no memory\n3% (2 progress updates hidden)",
    ),
    "a failure at the end": ("1%\r2%\rRuntimeError: no", "RuntimeError: no (2 progress updates hidden)"),
    "a count of errors": ("errors=0 1%\rerrors=0 2%", "errors=0 2% (1 progress update hidden)"),
    "colours are not moves": ("\x1b[32mgreen\x1b[0m", "\x1b[32mgreen\x1b[0m"),
    "coloured states": ("\r\x1b[32m1%\x1b[0m\r\x1b[32m2%\x1b[0m", "\x1b[32m2%\x1b[0m (1 progress update hidden)"),
    "a backspace after a colour": ("\x1b[31m\ba\x1b[2K", "a"),
    "a coloured spinner": ("\x1b[32m|\x1b[0m\b/\b-", "\x1b[32m- (2 progress updates hidden)"),
    "a column in a coloured line": ("\x1b[32mab\x1b[0mc\x1b[2Gxyz", "\x1b[32maxyz (1 progress update hidden)"),
    "nothing": ("", ""),
    "blank lines": ("a\n\nb", "a\n\nb"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_the_final_state_is_shown_with_the_number_hidden(name: str) -> None:
    text, shown = SHOWN[name]
    assert shown == shown_text(text)


PARTS = ("a", "1% ", "error ", "\r", "\n", "\b", "\x1b[2K", "\x1b[A", "\x1b[K", "\x1b[31m", "\r\n")


@given(st.lists(st.sampled_from(PARTS), max_size=40))
def test_any_text_keeps_something_to_read(parts: list[str]) -> None:
    found = collapse_overwritten("".join(parts))
    assert not is_overwritten(found.text)
    assert sum(found.hidden) <= len(parts)
    assert found.text.strip("\n ") or not {"a", "1% ", "error "} & set(parts)


def test_time_grows_with_the_length_of_the_text() -> None:
    text = BAR * 1_000
    assert shown_text(text).endswith("(99,999 progress updates hidden)")
