"""Fixtures of the rendering tests."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension


@pytest.fixture
def json_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """One JSON file per case; rewritten by `make snapshots`."""
    return snapshot.use_extension(JSONSnapshotExtension)
