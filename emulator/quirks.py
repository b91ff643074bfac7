"""What may be strange about each vendor, as values: the questions their documents leave open, and known bad days.

Not failures of the connection (``faults.py``). A test or the demo replaces a vendor's quirks at any time, and the
next request sees them: ``quirks.baseten = replace(quirks.baseten, page_cap=7)``.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class BasetenQuirks:
    """Oddities of Baseten's management API; the defaults follow the newest documents."""

    start_inclusive: bool = True
    """Whether a line in the millisecond of ``start_epoch_millis`` is returned."""
    end_inclusive: bool = False
    """The same of ``end_epoch_millis``; the two official clients disagree."""
    org_admin: bool = True
    """Whether the key belongs to an administrator, who may ask why a job waits."""
    page_cap: int | None = None
    """Never return more lines than this, whatever the limit, and do not say so."""
    training_methods: Literal["both", "get", "post"] = "both"
    """Methods that training logs and metrics answer to."""
    refused_status: Literal[404, 405, 501] = 405
    """What the other method gets."""
    oldest_fields_only: bool = False
    """Training log lines have the three fields of the older document: no level, no request id."""
    shuffle_within_ms: bool = False
    """Lines of one millisecond come in another order each time, also across a page's end."""
    shuffle_samples: bool = False
    missing_series: frozenset[str] = frozenset()
    """Series that are empty: a field name (``cpu_usage``) or a field and GPU (``gpu_utilization/3``)."""
    no_node_metrics: bool = False
    """``per_node_metrics`` is empty, as right after a start."""
    max_window: timedelta = timedelta(days=7)
    deployment_warmup: timedelta = timedelta(0)
    """How long after its creation a deployment's logs answer 404."""
    serves_deployment_metrics: bool = True
    """The endpoint is in beta; without it every request gets 404."""
    unknown_metrics: frozenset[str] = frozenset()
    """Documented names that this version of the API does not know yet."""
    refused_schemes: frozenset[str] = frozenset()
    """Schemes of the Authorization header (``api-key``, ``bearer``) that get 401, whatever the key."""
    extra_fields: bool = False
    """Objects carry fields that no document names."""


@dataclass(frozen=True, slots=True)
class FireworksQuirks:
    """Oddities of Fireworks' gateway; the defaults follow the document and proto3's JSON."""

    page_cap: int | None = None
    """Never return more entries than this, though a token says that more follow."""
    token_lifetime: timedelta | None = None
    """How long a page token is accepted; None: no limit."""
    omit_zero_values: bool = True
    """Leave out ``rank`` when it is 0 and ``entries`` when there are none."""
    empty_pages: bool = False
    """Every other page is empty but carries a token."""
    trainer_logs: bool = True
    """Whether trainer log reading is enabled for the account."""
    stamped_lines: bool = True
    """Whether the lines of a trainer's log begin with a time."""
    nested_metrics: bool = False
    """Rows of a metrics file have their numbers in ``data``, and a timestamp."""
    url_lifetime: timedelta = timedelta(minutes=15)
    expired_status: Literal[400, 403] = 400
    """What the store answers to a signed URL that has expired: Google 400, Amazon 403."""
    ignores_ranges: bool = False
    """The store sends the whole file, whatever range was asked for."""
    strict_masks: bool = False
    """A ``readMask`` with an unknown path is refused."""
    extra_fields: bool = False


@dataclass(frozen=True, slots=True)
class RivergenQuirks:
    """Oddities of RiverGen; the defaults follow the documents."""

    chunk_bytes: int = 65_536
    """Size of the pieces in which a download arrives; a small prime cuts lines and characters apart."""
    cut_download_at: int | None = None
    """End a download after this number of bytes ..."""
    cut_looks_complete: bool = False
    """... as if it were complete; otherwise the connection breaks."""
    offers_ranges: bool = False
    """Whether a download has an ETag and answers range requests; `cut_download_at` cuts each response."""
    artifact: bytes | None = None
    """What a download holds in place of the log."""
    file_name: str | None = None
    """The attachment's name in place of the documented one."""
    total_after_filter: bool = True
    """Whether ``total_lines`` and ``offset`` count the lines after the level filter, or all of them."""
    token_expired: bool = False
    forbidden: bool = False
    extra_fields: bool = False


@dataclass(slots=True)
class Quirks:
    """The quirks in force, one value a vendor."""

    baseten: BasetenQuirks = field(default_factory=BasetenQuirks)
    fireworks: FireworksQuirks = field(default_factory=FireworksQuirks)
    rivergen: RivergenQuirks = field(default_factory=RivergenQuirks)
