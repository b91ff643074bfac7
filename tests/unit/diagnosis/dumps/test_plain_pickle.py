"""Plain pickles are decoded; everything else is refused without running anything."""

import contextlib
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.dumps.plain_pickle import UnsafePickle, decode_pickle

_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5) | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


class _Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("exit 1",)


@given(_VALUES, st.integers(2, 5))
def test_plain_data_survives(value: object, protocol: int) -> None:
    assert decode_pickle(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    with contextlib.suppress(UnsafePickle):
        decode_pickle(b"\x80\x02" + data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pickle.dumps(_Runs(), 2), "run code"),
        (pickle.dumps({"entries": [_Runs()]}, 4), "run code"),
        (pickle.dumps(os.getcwd), "run code"),
        (b"\x80\x02cposix\nsystem\n(X\x02\x00\x00\x00lstR.", "run code"),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", "run code"),
        (b"\x80\x02\x82\x01.", "run code"),
        (pickle.dumps({1, 2}), "more than plain data"),
        (pickle.dumps(b"bytes"), "more than plain data"),
        (pickle.dumps(2**4000), "more than plain data"),
        (b"\x80\x02]" + b"]" * 99 + b"a" * 99 + b".", "deeper than"),
        (b"\x80\x02" + b"(" * 99, "deeper than"),
        (b"\x80\x02]q\x00h\x00a.", "deeper than"),
        (b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", "damaged"),
        (b"\x80\x02}]]s.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x02(", "damaged"),
        (b"", "damaged"),
        (b"\x80\x02](](NNNNq\x00" + b"N" * 3000 + b"eq\x01" + b"h\x01" * 3000 + b"e.", "more than 4,000,000 values"),
        (b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"}h\x00Ns.", "keys that no flight recorder writes"),
    ],
)
def test_anything_else_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnsafePickle, match=reason):
        decode_pickle(data)


def test_a_large_memo_index_reserves_nothing() -> None:
    assert decode_pickle(b"\x80\x02}r\xff\xff\xff\xff.") == {}
