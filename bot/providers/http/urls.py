"""Build request targets from a base URL, paths and parameters, exactly as they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import httpx

from bot.errors import BadRequest, ConfigError
from bot.providers.base import settings_prefix

_PATH_SAFE = "/?%:@!$&'()*+,;="
"""Not quoted again in a path: its segments are quoted already. Anything else would end the path."""


class BaseUrl:
    """The address to which a client appends paths; it may include a path and a query.

    It is parsed once. Parsing the URL of each request would add a third to the cost of the request (ADR 17).
    """

    def __init__(self, provider: str, text: str) -> None:
        """Parse the setting `<PREFIX>_BASE_URL` of a provider.

        Raises:
            ConfigError: it is not a web address, or contains a user name or password.
        """
        self.url = _parse(f"{settings_prefix(provider).upper()}_BASE_URL", text)
        self._path = self.url.raw_path.partition(b"?")[0].decode("ascii").rstrip("/")
        self._query = self.url.query.decode("ascii")

    def __str__(self) -> str:
        """Without the query, which may contain a key."""
        return str(self.url.copy_with(query=None, fragment=None))

    def target(self, path: str, params: Sequence[tuple[str, str]]) -> bytes:
        """Return path and query as they are sent; the path's segments are quoted (`path_segment`)."""
        query = "&".join(filter(None, (self._query, urlencode(params) if params else "")))
        target = f"{self._path}{quote(path, safe=_PATH_SAFE)}" + (f"?{query}" if query else "")
        return target.encode("ascii")


def path_segment(text: str) -> str:
    """Quote an id for use as one segment of a URL path.

    Raises:
        BadRequest: the id would lead to another path.
    """
    if text in ("", ".", ".."):
        raise BadRequest(f"{text!r} is not a valid id.")
    return quote(text, safe="")


def _parse(setting: str, text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        is_web = url.scheme in ("http", "https") and bool(url.host)
    except (httpx.InvalidURL, ValueError):  # ValueError: an impossible host name
        is_web = False
    if not is_web:
        raise ConfigError(f"{setting} must be a URL such as https://api.example.com.")
    if url.userinfo:
        raise ConfigError(f"{setting} must not contain a user name or password. The API key is sent instead.")
    return url
