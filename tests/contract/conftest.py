"""How long the providers under test wait for a response."""

from __future__ import annotations

import pytest

from bot.providers.testing import RemoteFailure
from tests.support.waiting import LONGEST_S


@pytest.fixture
def response_timeout_s(request: pytest.FixtureRequest) -> float:
    """Return a short timeout only for the tests of a remote that hangs."""
    failure = request.getfixturevalue("failure") if "failure" in request.fixturenames else None
    return 1.0 if failure is RemoteFailure.SILENCE else LONGEST_S
