"""Choose the proxy for an address, from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, and check SSL_CERT_FILE.

One policy for the platforms and for Slack: its Web API, response URLs, uploads and WebSockets. Addresses of this
machine are always reached directly. The libraries' own policies are not used: they differ from each other.
"""

import ipaddress
import re
import ssl
from fnmatch import fnmatchcase
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from bot.domain.setting_values import repair_setting

_SCHEMES = {"ws": "http", "wss": "https"}
_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for this address, or None to connect directly."""
    address = urlsplit(url)
    scheme, host = _SCHEMES.get(address.scheme, address.scheme), (address.hostname or "").rstrip(".")
    proxies = _proxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or _is_this_machine(host) or _is_excepted(host, address.port or _PORTS.get(scheme), proxies):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def describe_proxy_problem() -> str | None:
    """Return what is wrong with the variables, without their values, which may have a password; None if nothing is."""
    for name, value in sorted(_proxies().items()):
        if name not in ("http", "https", "all"):
            continue
        variable = f"{name.upper()}_PROXY"
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            is_valid = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", value)
        except ValueError:  # an impossible port
            is_valid = False
        if not is_valid:
            return f"{variable} is not a valid proxy. Use http://proxy.example:3128."
        if parts.scheme not in _PORTS:
            return f"{variable} names a {parts.scheme.upper()} proxy. Only HTTP proxies are supported."
    return None


def describe_certificate_problem(cert_file: str | None) -> str | None:
    """Return what is wrong with SSL_CERT_FILE, or None. OpenSSL reads the variable itself and ignores a bad file."""
    if cert_file is None:
        return None
    found = ssl.get_default_verify_paths().cafile
    if found is None:
        return "SSL_CERT_FILE names a file that does not exist."
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(found)
    except OSError:
        return "SSL_CERT_FILE names a file that has no certificates in PEM form, or that cannot be read."
    return None


def _proxies() -> dict[str, str]:
    """The values of the variables `<name>_PROXY`, by name: `http`, `https`, `all`, `no`."""
    repaired = {name: repair_setting(f"{name}_proxy", value) for name, value in getproxies_environment().items()}
    return {name: value for name, value in repaired.items() if value}


def _is_this_machine(host: str) -> bool:
    address = _ip_address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _is_excepted(host: str, port: int | None, proxies: dict[str, str]) -> bool:
    entries = re.split(r"[\s,;]+", proxies.get("no", "").lower())
    return any(_matches(entry, host, port) for entry in entries if entry)


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY names the host: `*`, an address, a network, or a domain with all names below it."""
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    address = _ip_address(host)
    if address is not None:
        return name == "*" or _contains(name, address) or ("*" in name and fnmatchcase(host, name))
    domain = name.removeprefix("*.").strip(".") if name != "*" else name
    return ("*" in domain and fnmatchcase(host, domain)) or host == domain or host.endswith(f".{domain}")


def _split_port(entry: str) -> tuple[str, int | None]:
    """Split `host:port` and `[address]:port`; an IPv6 address without brackets has no port."""
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d+))?|([^:]*):(\d+)", entry)
    if found is None:
        return entry, None
    port = found[2] or found[4]
    return found[1] or found[3] or "", int(port) if port else None


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:  # a name, or an invalid network
        return False


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
