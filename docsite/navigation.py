"""The pages of the documentation site, in order, by what a reader wants: to learn, to do, to look up, to understand.

A page that is not listed fails the build, so none is lost. `generated` pages are written by `docsite.reference`.
"""

from collections.abc import Mapping, Sequence

SECTIONS: Mapping[str, Sequence[str]] = {
    "Tutorial": ("quickstart",),
    "How-to guides": (
        "slack",
        "how-to/deploy",
        "how-to/secrets",
        "how-to/watch-by-pattern",
        "how-to/silence",
        "how-to/on-call",
        "runs",
        "webhooks",
        "how-to/prometheus",
        "how-to/back-up-and-upgrade",
        "how-to/troubleshoot",
        "providers",
    ),
    "Reference": (
        "reference/commands",
        "cli",
        "rules",
        "configuration",
        "access",
        "diagnosis",
        "labelled-logs",
        "reference/failures",
        "reference/platforms",
        "reference/webhook-event",
        "operations",
        "agents",
        "benchmarks",
        "glossary",
        "changelog",
    ),
    "Explanation": ("explanation/delivery", "explanation/diagnosis", "architecture", "adr/index"),
}
