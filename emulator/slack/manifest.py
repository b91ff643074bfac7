"""What manifest.yml gives the app: its scopes, and its slash commands with the hints that Slack's composer shows."""

from pathlib import Path

import yaml

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


def read_commands(manifest: Path = MANIFEST) -> tuple[tuple[str, str], ...]:
    """(command, usage hint) of each slash command."""
    features = yaml.safe_load(manifest.read_text(encoding="utf-8"))["features"]
    return tuple((one["command"], one.get("usage_hint", "")) for one in features["slash_commands"])


def read_scopes(manifest: Path = MANIFEST) -> frozenset[str]:
    """The bot scopes."""
    return frozenset(yaml.safe_load(manifest.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"])
