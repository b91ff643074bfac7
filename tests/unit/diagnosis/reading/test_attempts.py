"""Attempts that are counted and given up."""

import pytest

from bot.diagnosis.reading.attempts import is_given_up


@pytest.mark.parametrize(
    "text",
    [
        "upload of model.pt failed (attempt 3/3), giving up: ExpiredToken",
        "download failed (attempt 5 of 5): connection timed out",
        "connect to 10.0.0.2:29500 refused, try 4/4",
        "retry 3/3 failed: 503 Service Unavailable",
        "fetching the licence failed, no more retries",
        "push rejected: retries exhausted",
        "upload gave up after 5 attempts, training continues",
        "not retrying: 403 Forbidden",
    ],
)
def test_last_attempt_is_given_up(text: str) -> None:
    assert is_given_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "upload of model.pt failed (attempt 2/3), retrying in 5 s",
        "connecting to 10.0.0.2:29500 (attempt 3/3)",
        "2 errors, upload ok (attempt 3/3)",
        "Connection refused, retry 3/3",
        "download failed twice, attempt 3 of 3 succeeded",
        "bind failed (attempt 3/3), giving up on port 8000, trying another port",
        "cannot reach the tracker (attempt 3/3), falling back to offline mode",
        "request timed out, 4 tries before giving up",
        "giving up on the fused kernel, using the reference instead",
    ],
)
def test_attempt_that_goes_on_is_not_given_up(text: str) -> None:
    assert not is_given_up(text)
