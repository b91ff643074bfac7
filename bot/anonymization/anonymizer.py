"""Replace what identifies people, organizations and machines in lines of a log, and keep what a diagnosis reads. Pure.

Two passes over the same lines: `learn` collects the names, `anonymize` replaces them wherever they occur. Names of
users, hosts, pods and buckets are replaced as a whole. Paths, projects and models are replaced word by word, without
the words of the vocabulary, so that structure, numbers and extensions remain.
"""

import re
from collections.abc import Iterable, Mapping

from bot.anonymization.names import find_names
from bot.anonymization.placeholders import Placeholders
from bot.anonymization.shapes import (
    BUCKET_SCHEMES,
    SHAPES,
    is_public_host,
    is_special_address,
    is_version,
    split_public_suffix,
)
from bot.anonymization.vocabulary import Vocabulary, parts_of

_WORD = re.compile(r"[^\W_]+")
_INSTALLED = re.compile(
    r"(?:site|dist)-packages[/\\]|[/\\]lib(?:64)?[/\\]python\d[\d.]*[/\\](?!(?:site|dist)-packages)"
    r"|^/(?:lib(?:32|64)?|s?bin|proc|sys|dev(?=/(?!shm))|usr/(?:lib(?:32|64|exec)?|s?bin|share|include))/"
    r"|(?:^|[/\\])(?:aten/src|torch/csrc|pytorch/(?:aten|c10|torch)|third_party|tensorflow/(?:core|compiler|python))/"
)
"""What follows in a path is a package that is installed, the system's, or the source of a framework."""
_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_HOST_IN_PATH = re.compile(rf"{_IPV4.pattern}|ip-(?:\d{{1,3}}-){{3}}\d{{1,3}}(?:\.[\w-]{{1,60}}){{0,6}}")
"""An address, or the name that a cloud derives from it."""
_SEPARATORS = re.compile(r"([/\\]+)")
_NAME_SEPARATORS = re.compile(r"(\.+|(?<=\w)-+(?=\w))")
_HEX = re.compile(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}")
_COMMON_HOST = re.compile(r"algo-\d{1,4}")
"""SageMaker's names of the hosts of every job, which state the rank."""
_OF_REVISION = re.compile(r"(.{1,250}?)((?:-deployment-[a-z\d]{4,10})?-[a-z\d]{5})")
"""A pod is named for its replica set or revision, with random characters."""
_MIN_WORD = 4
"""A shorter word of a path or project is replaced only there; elsewhere it may be anything."""


class Anonymizer:
    """Learns the names in lines, then replaces them."""

    def __init__(self, vocabulary: Vocabulary, hidden: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        """Take names that the person asks to hide, in any case and within words, and the names of local users."""
        self._vocabulary = vocabulary
        self._placeholders = Placeholders()
        self._names: dict[str, str] = {}
        """Whole names, in lower case, and their placeholders."""
        self._revisions: dict[str, str] = {}
        """Replica sets and revisions, in lower case, and what replaces them."""
        self._words: set[str] = set()
        """Words that are replaced wherever they occur, in lower case."""
        asked = sorted({name for name in hidden if name}, key=len, reverse=True)
        self._asked = re.compile("|".join(map(re.escape, asked)), re.IGNORECASE) if asked else None
        for user in users:
            self._add_user(user)

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of different values replaced so far, by kind."""
        return self._placeholders.counts

    def learn(self, line: str) -> None:
        """Collect the names in a line."""
        for kind, name in find_names(line):
            match kind:
                case "user":
                    self._add_user(name)
                case "host":
                    self._host(name)
                case "pod":
                    self._pod(name)
                case "revision":
                    self._revisions[name.lower()] = self._pod(name)
                case "bucket":
                    self._bucket(name)
                case "name":
                    self._words_of(name)
        SHAPES.sub(self._replace, line)

    def anonymize(self, line: str) -> str:
        """Return a line without the names, which must have been learned."""
        if self._asked is not None:
            line = self._asked.sub(self._hide, line)
        return SHAPES.sub(self._replace, line)

    def _hide(self, found: re.Match[str]) -> str:
        word = self._placeholders.word("hidden", found[0])
        return word.capitalize() if found[0][0].isupper() else word

    def _replace(self, found: re.Match[str]) -> str:
        """Replace what has a shape, or one plain word."""
        text = found[0]
        match found.lastgroup:
            case "email":
                return self._email(text)
            case "url":
                return self._url(found)
            case "uuid":
                return self._placeholders.uuid(text)
            case "mac":
                return self._placeholders.mac(text)
            case "ipv4":
                is_kept = is_special_address(text) or is_version(found)
                return text if is_kept else self._placeholders.ipv4(text)
            case "cloud_host":
                return f"ip-{self._placeholders.ipv4(text[3:].replace('-', '.')).replace('.', '-')}"
            case "ipv6":
                return self._placeholders.ipv6(text)
            case "account":
                return self._placeholders.hex_id(text)
            case "domain":
                return self._host(text)
            case "path":
                return self._path(text)
            case "token":
                return self._token(text)
        return text

    def _token(self, text: str) -> str:
        """Replace the learned names in a run of letters, digits, dots, hyphens and underscores."""
        if (known := self._whole_name(text)) is not None:
            return known
        if _HEX.fullmatch(text):
            return self._placeholders.hex_id(text)
        parts = _NAME_SEPARATORS.split(text)
        return "".join(self._names.get(part.lower()) or _WORD.sub(self._learned_word, part) for part in parts)

    def _whole_name(self, text: str) -> str | None:
        """Return what replaces a learned name; a pod keeps the name of its revision, if the log has that."""
        pod = _OF_REVISION.fullmatch(text.lower())
        if pod is not None and (revision := self._revisions.get(pod[1])) is not None:
            return f"{revision}{pod[2]}"
        return self._names.get(text.lower())

    def _learned_word(self, found: re.Match[str]) -> str:
        word = found[0]
        if (known := self._names.get(word.lower())) is not None:
            return known
        if word.lower() in self._words:
            return self._placeholders.word("name", word)
        if word.islower() or word.isupper():
            return word
        return "".join(
            self._placeholders.word("name", part).capitalize() if part.lower() in self._words else part
            for part in parts_of(word)
        )

    def _words_of(self, text: str) -> str:
        """Replace each word of a path, project or model that the vocabulary lacks, and learn it."""
        return "".join(
            self._host(part)
            if _HOST_IN_PATH.fullmatch(part)
            else self._whole_name(part) or _WORD.sub(self._own_word, part)
            for part in _SEPARATORS.split(text)
        )

    def _own_word(self, found: re.Match[str]) -> str:
        word = found[0]
        if (known := self._names.get(word.lower())) is not None:
            return known
        if self._vocabulary.is_known(word):
            return word
        if _HEX.fullmatch(word):
            return self._placeholders.hex_id(word)
        if len(word) >= _MIN_WORD:
            self._words.add(word.lower())
        return self._placeholders.word("name", word)

    def _path(self, text: str) -> str:
        """Replace the words of a path but not those of installed packages."""
        found = _INSTALLED.search(text)
        end = found.end() if found else len(text)
        return self._words_of(text[:end]) + text[end:]

    def _url(self, found: re.Match[str]) -> str:
        scheme, host, rest = found["scheme"], found["authority"], found["rest"]
        if scheme.lower() in BUCKET_SCHEMES:
            account, at, name = host.rpartition("@")
            where = f"{self._bucket(account)}@{self._host(name)}" if at else self._bucket(name)
            return f"{scheme}://{where}{self._path(rest)}"
        login, _, host = host.rpartition("@")
        if login:
            self._add_user(login.partition(":")[0])
        name, colon, port = host.partition(":")
        if is_public_host(name):
            return f"{scheme}://{name}{colon}{port}{rest}"
        return f"{scheme}://{self._host(name)}{colon}{port}{self._path(rest)}"

    def _email(self, text: str) -> str:
        local, _, domain = text.partition("@")
        self._words_of(split_public_suffix(domain)[0].rpartition(".")[0])
        self._add_user(local)
        return f"{self._placeholders.word('user', local)}@example.com"

    def _add_user(self, name: str) -> str:
        name = name.partition("@")[0]
        lower = name.lower()
        if lower in self._names or self._is_known(lower):
            return self._names.get(lower, name)
        self._names[lower] = self._placeholders.word("user", name)
        return self._names[lower]

    def _host(self, name: str) -> str:
        """Replace the name of a host or a domain; public domains keep theirs."""
        lower = name.lower()
        if lower in self._names:
            return self._names[lower]
        if _IPV4.fullmatch(lower):
            return name if is_special_address(lower) else self._placeholders.ipv4(lower)
        if (
            lower == "localhost"
            or _COMMON_HOST.fullmatch(lower)
            or not any(map(str.isalpha, lower))
            or (lower.isalpha() and self._is_known(lower))
        ):
            return name
        own, public = split_public_suffix(lower)
        if public:
            return self._words_of(own) + public
        label, dot, _ = lower.partition(".")
        first = self._names.setdefault(label, self._placeholders.numbered("host", label))
        return self._names.setdefault(lower, f"{first}.example" if dot else first)

    def _pod(self, name: str) -> str:
        lower = name.lower()
        if lower not in self._names and not (self._is_known(lower) or _COMMON_HOST.fullmatch(lower)):
            self._names[lower] = self._placeholders.numbered("pod", name)
        return self._names.get(lower, name)

    def _bucket(self, name: str) -> str:
        return self._names.setdefault(name.lower(), self._placeholders.word("bucket", name)) if name else name

    def _is_known(self, name: str) -> bool:
        """Whether all words of a name are in the vocabulary, so that it identifies nobody."""
        return all(map(self._vocabulary.is_known, _WORD.findall(name)))
