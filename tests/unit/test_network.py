"""The proxy of an address, from variables as curl reads them; and bad variables are named without their values."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from bot.network import describe_certificate_problem, describe_proxy_problem, proxy_for

PROXY = "http://me:pw@proxy.test:3128"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("variable", "used_for"),
    [
        ("HTTPS_PROXY", {"https://a.test", "wss://a.test"}),
        ("https_proxy", {"https://a.test", "wss://a.test"}),
        ("HTTP_PROXY", {"http://a.test", "ws://a.test"}),
        ("ALL_PROXY", {"http://a.test", "ws://a.test", "https://a.test", "wss://a.test"}),
    ],
)
def test_each_scheme_has_its_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, used_for: set[str]) -> None:
    monkeypatch.setenv(variable, PROXY)
    urls = ("http://a.test", "ws://a.test", "https://a.test", "wss://a.test")
    assert used_for == {url for url in urls if proxy_for(url) == PROXY}


@pytest.mark.parametrize("text", ["proxy.test:3128", '"proxy.test:3128"\r', "http://proxy.test:3128"])
def test_a_proxy_needs_no_scheme_and_is_repaired(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", text)
    assert proxy_for("https://a.test") == "http://proxy.test:3128"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9:3000", "[::1]:80", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST.", "a.localhost"]
)
def test_this_machine_is_reached_directly(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_for(f"https://{host}/path") is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("*", "a.test"), ("a.test", "a.test"), ("A.Test", "b.a.test"), (".a.test", "a.test"), (".a.test", "b.a.test"),
        ("*.a.test", "b.a.test"), ("a.*.test", "a.b.test"), ("a.test:443", "a.test"), ("a.test:8443", "a.test:8443"),
        ("10.0.0.0/8", "10.1.2.3"), ("10.1.2.3", "10.1.2.3:99"), ("10.1.*", "10.1.2.3"), ("*", "10.1.2.3"),
        ("fd00::/8", "[fd00::1]"), ("[fd00::1]:443", "[fd00::1]"), ("fd00::1", "[fd00::1]:99"), ("a.test.", "a.test"),
        ("x.test, a.test", "a.test"), ("x.test a.test", "a.test"), ("x.test,,a.test\n", "a.test"),
    ],
)  # fmt: skip
def test_exceptions_are_reached_directly(monkeypatch: pytest.MonkeyPatch, entry: str, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entry)
    assert proxy_for(f"https://{host}/path") is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("a.test", "aa.test"), ("a.test:80", "a.test"), ("10.0.0.0/8", "11.1.2.3"), ("10.1.2.3:80", "10.1.2.3"),
        ("test.a", "a.test"), ("10.0.0.0/99", "10.1.2.3"), (",", "a.test"), ("b.a.test", "a.test"), (".", "a.test"),
    ],
)  # fmt: skip
def test_other_addresses_use_the_proxy(monkeypatch: pytest.MonkeyPatch, entry: str, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entry)
    assert proxy_for(f"https://{host}/path") == PROXY


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("socks5://me:pw@proxy.test:1080", "ALL_PROXY names a SOCKS5 proxy"),
        ("http://me:pw@proxy.test:many", "ALL_PROXY is not a valid proxy"),
        ("http://", "ALL_PROXY is not a valid proxy"),
        ("me:pw@proxy test", "ALL_PROXY is not a valid proxy"),
    ],
)
def test_a_bad_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, text: str, problem: str) -> None:
    monkeypatch.setenv("ALL_PROXY", text)
    described = describe_proxy_problem() or ""
    assert problem in described
    assert "pw" not in described


def test_good_proxies_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe_proxy_problem() is None
    monkeypatch.setenv("HTTPS_PROXY", "me:pw@proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "*")
    assert describe_proxy_problem() is None


def test_a_bad_certificate_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert "does not exist" in (describe_certificate_problem(str(file)) or "")
    file.write_text("not a certificate")
    assert "no certificates" in (describe_certificate_problem(str(file)) or "")
    trustme.CA().cert_pem.write_to_path(str(file))
    assert describe_certificate_problem(str(file)) is None
    assert ssl.create_default_context().get_ca_certs()
    assert describe_certificate_problem(None) is None
