"""What building a provider's HTTP client costs, before it has sent anything."""

from __future__ import annotations

import ssl

import pytest

from bot.providers.http.client import HttpClient


def test_a_client_is_built_without_reading_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four are built at the start of every command: reading certificates took six sevenths of its time."""
    monkeypatch.setattr(ssl, "create_default_context", None)
    assert HttpClient("baseten", "https://example.com", {}, secrets=[]).request_rate().last_minute == 0
