"""The page of Slack that creates the app, with the manifest filled in."""

from pathlib import Path
from urllib.parse import quote

APPS_URL = "https://api.slack.com/apps"


def creation_url() -> str:
    """Return the URL of Slack's page "Create an app", with manifest.yml filled in.

    Source: parameters `new_app` and `manifest_yaml`, section "Sharing manifests" of
    https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests (documented, read 2026-11-29).
    """
    return f"{APPS_URL}?new_app=1&manifest_yaml={quote(_manifest(), safe='')}"


def _manifest() -> str:
    """The manifest without comments and blank lines, to keep the URL short."""
    packed = Path(__file__).parents[1] / "_docs" / "manifest.yml"
    path = packed if packed.is_file() else Path(__file__).parents[2] / "manifest.yml"
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
