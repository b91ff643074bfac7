"""The placeholders of one copy: the same value always gets the same one, of like shape. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Address

_NUMBERED = re.compile(r"(.*[^\W_])(-\d{1,5})", re.DOTALL)
_REPLICA_SUFFIX = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}")
_TEST_NETWORKS = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
"""Blocks of addresses for documentation (RFC 5737), 254 addresses each; then the block for benchmarks (RFC 2544)."""
_BENCHMARK_NETWORK = int(IPv4Address("198.18.0.0"))


class Placeholders:
    """Numbers values by kind in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._counts = Counter[str]()

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of different values of each kind."""
        return self._counts

    def number(self, kind: str, value: str) -> int:
        """Return the number of a value, from 1."""
        key = kind, value.lower()
        if key not in self._numbers:
            self._counts[kind] += 1
            self._numbers[key] = self._counts[kind]
        return self._numbers[key]

    def word(self, kind: str, value: str) -> str:
        """Return a word such as `name3`, which is valid wherever the value was."""
        return f"{kind}{self.number(kind, value)}"

    def numbered(self, kind: str, value: str) -> str:
        """As `word`, but `fit-a7-12` keeps its number and `fit-7d9f8b6c5d-x2x9z` a last part: `pod1-12`, `pod2-1`."""
        if found := _NUMBERED.fullmatch(value):
            return f"{self.word(kind, found[1])}{found[2]}"
        suffix = "-1" if _REPLICA_SUFFIX.fullmatch(value[-6:]) else ""
        return f"{self.word(kind, value)}{suffix}"

    def ipv4(self, value: str) -> str:
        """Return an address that belongs to nobody."""
        block, index = divmod(self.number("address", value) - 1, 254)
        if block < len(_TEST_NETWORKS):
            return f"{_TEST_NETWORKS[block].rpartition('.')[0]}.{index + 1}"
        return str(IPv4Address(_BENCHMARK_NETWORK + block * 254 + index))

    def ipv6(self, value: str) -> str:
        """Return an address of the block for documentation (RFC 3849)."""
        return f"2001:db8::{self.number('address', value):x}"

    def mac(self, value: str) -> str:
        """Return a locally administered hardware address."""
        digits = f"02{self.number('address', value):010x}"
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))

    def uuid(self, value: str) -> str:
        """Return an id of the same shape."""
        return f"00000000-0000-4000-8000-{self.number('id', value):012x}"

    def hex_id(self, value: str) -> str:
        """Return an id of the same length."""
        return f"{self.number('id', value):x}".rjust(len(value), "0")
