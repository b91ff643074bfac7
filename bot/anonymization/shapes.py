"""The shapes of addresses, paths, ids and domains in a line, and which of them are public. Pure.

All quantifiers are bounded, so that the time is linear in the length of the line, whatever is in it.
"""

import re
from ipaddress import AddressValueError, IPv4Address

BUCKET_SCHEMES = frozenset(
    {"s3", "s3a", "s3n", "gs", "gcs", "r2", "oss", "cos", "obs", "az", "wasb", "wasbs", "abfs", "abfss"}
)

_PUBLIC = (
    "huggingface.co", "hf.co", "hf.space", "github.com", "githubusercontent.com", "gitlab.com", "bitbucket.org",
    "pytorch.org", "python.org", "pypi.org", "pythonhosted.org", "nvidia.com", "nvcr.io", "tensorflow.org",
    "keras.io", "wandb.ai", "anaconda.com", "anaconda.org", "docker.io", "docker.com", "quay.io", "ghcr.io",
    "gcr.io", "k8s.io", "kubernetes.io", "ray.io", "vllm.ai", "openai.com", "anthropic.com", "googleapis.com",
    "google.com", "amazonaws.com", "windows.net", "microsoft.com", "azure.com", "apache.org", "readthedocs.io",
    "github.io", "arxiv.org", "example.com", "example.org", "aka.ms", "schedmd.com", "comet.com", "neptune.ai",
    "pydantic.dev", "numpy.org", "scipy.org", "scikit-learn.org", "jax.dev", "lightning.ai", "deepspeed.ai",
    "cloudfront.net", "cluster.local", "compute.internal", "modelscope.cn",
)  # fmt: skip
"""Domains of public services. What precedes them may be a name."""
_DOCUMENTATION = re.compile(
    r"(?:docs?|developer|api-docs|www|download|errors|discuss|wiki|help)\.[\w.-]+|pytorch\.org|python\.org|pypi\.org|arxiv\.org|aka\.ms"
    r"|[\w.-]+\.readthedocs\.io|localhost|127\.0\.0\.1|0\.0\.0\.0"
)
_TOP = "com|org|net|edu|gov|mil|internal|local|localdomain|lan|corp|intra|private|home|cloud"
_COUNTRY = "cn|de|uk|fr|eu|jp|kr|ch|nl|se|ca|au|in|us|io|ai|dev|co"
_LABEL = r"[a-z\d](?:[a-z\d-]{0,62}[a-z\d])?"
_FILE = r"[\w.+@=%~,-]"
_COMPONENT = rf"{_FILE}{{1,255}}[/\\]{{1,2}}"

SHAPES = re.compile(
    "|".join(
        (
            r"(?P<ansi>\x1b\[[\d;]{0,12}[A-Za-z])",
            r"(?P<frame>(?<![\w.])[\w.$@]{1,200}\+0x[\da-f]{1,16}(?:/0x[\da-f]{1,16})?)",
            r"(?P<metric>(?<![\w/.~-])[A-Za-z_][\w-]{0,60}(?:/[\w-]{1,60}){1,4}"
            r"(?=(?:[\"'] ?: |: |=) ?-?(?:\d|nan|inf)))",
            r"(?P<url>(?P<scheme>\b[A-Za-z][A-Za-z\d+.-]{0,20})://(?P<authority>[\w.@:%{}\[\]-]{1,300})"
            r"(?P<rest>[^\s\"'`<>|)\]},]{0,2000}))",
            r"(?P<email>(?<![\w.+-])[\w+][\w.+-]{0,63}@(?:[A-Za-z\d-]{1,63}\.){1,6}[A-Za-z]{2,12}\b)",
            r"(?P<uuid>(?<![\dA-Fa-f])[\dA-Fa-f]{8}-(?:[\dA-Fa-f]{4}-){3}[\dA-Fa-f]{12}(?![\dA-Fa-f]))",
            r"(?P<mac>(?<![\w:])(?:[\dA-Fa-f]{2}:){5}[\dA-Fa-f]{2}(?![\w:]))",
            r"(?P<ipv4>(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w|-\w))",
            r"(?P<cloud_host>(?<![\w-])ip-(?:\d{1,3}-){3}\d{1,3}(?![\w-]))",
            r"(?P<ipv6>(?<![\w:])(?:(?:[\da-f]{1,4}:){7}[\da-f]{1,4}|fe80::[\da-f:]{1,30}"
            r"|(?:[\da-f]{1,4}:){2,6}:[\da-f]{1,4}(?::[\da-f]{1,4}){0,4})(?![\w:]))",
            r"(?P<account>(?<=:)\d{12}(?=:)|(?<![\w.])\d{12}(?=\.dkr\.ecr\.))",
            rf"(?P<domain>(?<![\w./-])(?:(?:{_LABEL}\.){{2,8}}(?:{_TOP}|{_COUNTRY})"
            rf"|{_LABEL}\.(?:com|org|edu|gov|internal|local|lan|corp))(?![\w(/-]|\.\w))",
            rf"(?P<path>(?:[A-Za-z]:[/\\]{{1,2}}|~?/|\\\\)?(?:{_FILE}{{1,255}}/{{1,2}}){{1,60}}{_FILE}{{0,255}}"
            rf"|[A-Za-z]:\\{{1,2}}(?:{_COMPONENT}){{0,60}}{_FILE}{{0,255}}|(?<![\w)\]}}.])~?/{_FILE}{{1,255}})",
            r"(?P<token>[^\W_](?:[\w.-]{0,400}\w)?)",
        )
    )
)


def is_special_address(text: str) -> bool:
    """Whether an IPv4 address is the same everywhere, such as 127.0.0.1, or not an address at all."""
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return True
    return address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local


def is_version(found: re.Match[str]) -> bool:
    """Whether four numbers are a version rather than an address, by what precedes them."""
    before = found.string[max(0, found.start() - 16) : found.start()].lower()
    return before.endswith(("==", ">=", "<=", "~=", "-")) or "version" in before or "driver" in before


def is_public_host(name: str) -> bool:
    """Whether a host has only public pages, such as documentation."""
    return _DOCUMENTATION.fullmatch(name) is not None and (
        bool(split_public_suffix(name)[1]) or "." not in name or name[0].isdigit()
    )


def split_public_suffix(name: str) -> tuple[str, str]:
    """Return what precedes a public domain, with its dot, and that domain; the second is empty for others."""
    for suffix in _PUBLIC:
        if name == suffix or name.endswith(f".{suffix}"):
            return name[: len(name) - len(suffix)], suffix
    return name, ""
