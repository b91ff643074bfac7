"""Check a page with axe: what people who use a keyboard, a screen reader or low vision would stumble over."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_GRAVE = frozenset({"serious", "critical"})


async def accessibility_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical, colour contrast included: rule, place and reason."""
    results = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {node['html'][:160]}: {' '.join(node['failureSummary'].split())[:300]}"
        for violation in results.response["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]
