"""What manifest.yml gives the app: its scopes, and its slash commands with the hints that Slack's composer shows."""

from pathlib import Path

import yaml

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


def read_commands(manifest: Path = MANIFEST) -> tuple[tuple[str, str], ...]:
    """(command, usage hint) of each slash command."""
    features = yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]
    return tuple((one["command"], one.get("usage_hint", "")) for one in features["slash_commands"])


def read_shortcuts(kind: str = "message", manifest: Path = MANIFEST) -> tuple[tuple[str, str], ...]:
    """(callback id, name) of each shortcut of messages, or of each `global` one."""
    features = yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]
    return tuple((one["callback_id"], one["name"]) for one in features["shortcuts"] if one["type"] == kind)


def read_unfurl_domains(manifest: Path = MANIFEST) -> tuple[str, ...]:
    """The domains whose links the app is notified of."""
    return tuple(yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]["unfurl_domains"])


def read_is_read_only(manifest: Path = MANIFEST) -> bool:
    """Whether nobody can write to the app in its messages tab."""
    features = yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]
    return bool(features["app_home"]["messages_tab_read_only_enabled"])


def read_tabs(manifest: Path = MANIFEST) -> tuple[bool, bool]:
    """Whether the app has a Home tab, and whether it has a Messages tab."""
    app_home = yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]["app_home"]
    return bool(app_home["home_tab_enabled"]), bool(app_home["messages_tab_enabled"])


def read_scopes(manifest: Path = MANIFEST) -> frozenset[str]:
    """The bot scopes."""
    return frozenset(yaml.safe_load(manifest.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"])
