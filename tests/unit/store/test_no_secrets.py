"""Nothing secret is stored: no column and no field of a stored value is for a token, a key or a password.

So the database needs no encryption of its own (docs/operations.md). A new column or field with such a name fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

from bot.domain.alerts import Alert, Incident, Notification, Receipt
from bot.domain.dashboard import HomeFilter
from bot.domain.digests import DigestState
from bot.domain.job_matching import Matcher
from bot.domain.jobs import Job
from bot.domain.listings import ListingState
from bot.domain.notify import NotifySettings
from bot.domain.subscriptions import RuleSettings, Subscription
from bot.store.schema import metadata

SECRET_NAME = re.compile(
    r"token|secret|passw|credential|(?:^|_)keys?(?:$|_)|(?:^|_)auth(?:$|_)|install|signature|cookie"
)
STORED = (
    Alert, DigestState, HomeFilter, Incident, Job, ListingState, Matcher, Notification, NotifySettings, Receipt,
    RuleSettings, Subscription,
)  # fmt: skip
"""The types of columns that hold JSON."""
HARMLESS = {
    "alerts.parameters_key": "the parameters of a rule",
    "deliveries.claim_token": "a random number of one claim",
    "deliveries.dedupe_key": "ids of what a message is about",
    "digests.key": "what incidents share",
    "incidents.group_key": "what incidents share",
    "listings.claim_token": "a random number of one claim",
    "seen_keys.key": "the id or the used signature of a request that was handled",
    "watches.claim_token": "a random number of one claim",
}


def stored_types(kind: object, seen: set[type]) -> Iterator[type]:
    """Yield the dataclasses that a type consists of."""
    for part in get_args(kind):
        yield from stored_types(part, seen)
    if isinstance(kind, type) and is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        yield kind
        for hint in get_type_hints(kind).values():
            yield from stored_types(hint, seen)


def test_no_column_is_for_a_secret() -> None:
    columns = {f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns}
    assert {name for name in columns if SECRET_NAME.search(name.partition(".")[2])} == set(HARMLESS)
    assert not [name for name in metadata.tables if SECRET_NAME.search(name) and name != "seen_keys"]


def test_no_field_of_a_stored_value_is_for_a_secret() -> None:
    seen: set[type] = set()
    kinds = [one for kind in STORED for one in stored_types(kind, seen)]
    names = {f"{one.__name__}.{field.name}" for one in kinds for field in fields(one)}
    assert len(kinds) > 20
    suspicious = {name for name in names if SECRET_NAME.search(name.lower().partition(".")[2])}
    assert suspicious == {"Alert.parameters_key", "Digest.key", "RunProgress.tokens_per_s"}
