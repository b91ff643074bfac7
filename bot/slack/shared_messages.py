"""Read what a person shares in a message: its text, its files and the vendors' links in it. Pure.

Source: https://docs.slack.dev/reference/objects/file-object and
https://docs.slack.dev/apis/web-api/slack-connect/#files (documented, read 2026-11-29).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.typed_text import plain_text

_NOT_TEXT = ("image/", "video/", "audio/", "font/", "application/pdf", "application/zip")
_GONE = frozenset({"tombstone", "hidden_by_limit"})


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file of a message, as far as the message describes it."""

    id: str
    name: str = ""
    size: int | None = None
    url: str | None = None
    """Where the app may download it; None if `files.info` has to be asked first (Slack Connect)."""
    kind: str = ""
    """Its media type."""
    is_external: bool = False
    """Whether it is only a link to another service, such as Google Drive."""
    is_gone: bool = False
    """Whether it was deleted, or Slack hides it because of its age."""

    @property
    def is_text(self) -> bool:
        """Whether it may hold text; compressed text counts."""
        return not self.kind.startswith(_NOT_TEXT)


@dataclass(frozen=True, slots=True)
class SharedLog:
    """What a message holds that may be a log."""

    text: str
    """As the person typed it."""
    files: tuple[SharedFile, ...] = ()

    @property
    def has_text_file(self) -> bool:
        """Whether a file may be a log."""
        return any(file.is_text for file in self.files)


def read_shared_log(message: Mapping[str, Any]) -> SharedLog:
    """Read the text and the files of a message; a message of an app may have its text in blocks and attachments."""
    parts = [message.get("text"), *_attached_texts(message)]
    text = "\n".join(part for part in parts if isinstance(part, str) and part)
    if not text:
        text = "\n".join(_block_texts(message.get("blocks")))
    files = message.get("files")
    found = [read_file(one) for one in files if isinstance(one, Mapping)] if isinstance(files, list) else []
    return SharedLog(plain_text(text), tuple(one for one in found if one.id))


def read_file(file: Mapping[str, Any]) -> SharedFile:
    """Read a file object of Slack."""
    size, mode = file.get("size"), file.get("mode")
    is_hidden = file.get("file_access") == "check_file_info"
    url = file.get("url_private_download") or file.get("url_private")
    return SharedFile(
        str(file.get("id") or ""),
        str(file.get("name") or file.get("title") or "the file"),
        size if isinstance(size, int) and not is_hidden else None,
        url if isinstance(url, str) and not is_hidden else None,
        str(file.get("mimetype") or ""),
        is_external=mode == "external" or file.get("is_external") is True,
        is_gone=mode in _GONE,
    )


def _attached_texts(message: Mapping[str, Any]) -> Iterator[object]:
    attachments = message.get("attachments")
    for one in attachments if isinstance(attachments, list) else ():
        if isinstance(one, Mapping) and not one.get("is_app_unfurl"):
            yield from (one.get("text"), *_block_texts(one.get("blocks")))


def _block_texts(value: object) -> Iterator[str]:
    """Every text in blocks, in reading order."""
    match value:
        case {"type": "button" | "overflow" | "image"}:
            return
        case {"type": "mrkdwn" | "plain_text" | "text" | "markdown", "text": str(text)}:
            yield text
        case {"type": "link", "url": str(url)}:
            yield url
        case {"type": "rich_text_preformatted" | "rich_text_section", "elements": list(elements)}:
            yield "".join(text for one in elements for text in _block_texts(one))
        case Mapping():
            for one in value.values():
                yield from _block_texts(one)
        case list():
            for one in value:
                yield from _block_texts(one)
