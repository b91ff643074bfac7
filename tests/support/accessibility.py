"""Check a page with axe: what people who use a keyboard, a screen reader or low vision would stumble over."""

from __future__ import annotations

from importlib.resources import files

from playwright.async_api import Page

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_GRAVE = frozenset({"serious", "critical"})


async def accessibility_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical, colour contrast included: rule, place and reason."""
    await page.evaluate(_AXE)
    results = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:160]}: {' '.join(node['failureSummary'].split())[:300]}"
        for violation in results["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]
