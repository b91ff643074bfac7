"""Providers are found by entry point; one that fails stops no other; what people type finds its provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed

import pytest

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import ConfigError, NotSupported, UsageError
from bot.providers.base import Priority, Provider
from bot.providers.http.client import LimiterPool, require_setting
from bot.providers.registry import GROUP, Registry, build_registry

HERE = __name__


class Acme:
    """A third party's provider."""

    def __init__(self, config: Mapping[str, str], name: str = "acme") -> None:
        self.config = config
        self.name = name
        self.closed = False
        self.priority = Priority.INTERACTIVE

    def with_priority(self, priority: Priority) -> Acme:
        view = Acme(self.config, self.name)
        view.priority = priority
        return view

    @property
    def ref_help(self) -> str:
        return f"{self.name}:<id>"

    def parse_ref(self, text: str) -> JobRef | None:
        job = text.removeprefix(f"https://{self.name}.example/")
        return JobRef(self.name, job) if job.isalnum() else None

    async def get_job(self, job: JobRef) -> Job:
        raise NotSupported

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        return ()

    async def query_logs(self, query: LogQuery) -> LogPage:
        raise NotSupported

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        raise NotSupported

    async def aclose(self) -> None:
        self.closed = True


def create_acme(config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    return Acme(config)


def create_tuned(config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    return Acme(config, "acme-tuned")


def create_locked(config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    require_setting(config, "locked_api_key", "https://locked.example/keys")
    return Acme(config, "locked")


def create_broken(config: Mapping[str, str], limiters: LimiterPool) -> Provider:
    raise KeyError(config["broken_api_key"])


def points(**factories: str) -> list[EntryPoint]:
    return [EntryPoint(name.replace("_", "-"), value, GROUP) for name, value in factories.items()]


ALL = points(
    acme=f"{HERE}:create_acme",
    acme_tuned=f"{HERE}:create_tuned",
    locked=f"{HERE}:create_locked",
    broken=f"{HERE}:create_broken",
    missing="no_such_package:create",
    liar=f"{HERE}:create_acme",
)
CONFIG = {"ACME_API_KEY": "k", "acme_base_url": "http://x", "broken_api_key": "hunter2", "slack_bot_token": "xoxb"}


def test_an_unusable_provider_is_reported_and_stops_no_other() -> None:
    registry = build_registry(CONFIG, ALL)
    assert ("acme", "acme-tuned") == registry.names
    assert {"locked", "broken", "missing", "liar"} == set(registry.problems)
    assert "LOCKED_API_KEY is not set. Get it from https://locked.example/keys." == registry.problems["locked"].public
    assert "BROKEN_" in registry.problems["broken"].public
    assert "no_such_package" in registry.problems["missing"].public
    assert "reports the name acme" in registry.problems["liar"].public


def test_the_text_of_an_unexpected_error_is_hidden_because_it_may_hold_a_key() -> None:
    assert "hunter2" not in build_registry(CONFIG, ALL).problems["broken"].public


def test_a_provider_gets_only_the_settings_with_its_prefix() -> None:
    registry = build_registry(CONFIG, ALL)
    given = {"acme_api_key": "k", "acme_base_url": "http://x"}
    assert {"acme": given, "acme-tuned": given} == {
        name: provider.config for name in registry.names if isinstance(provider := registry.get(name), Acme)
    }


def test_a_provider_is_bound_to_the_requested_priority() -> None:
    provider = Acme({})
    registry = Registry({"acme": provider}, {})
    polling = registry.get("acme", Priority.BACKGROUND)
    assert registry.get("acme") is provider
    assert isinstance(polling, Acme)
    assert Priority.BACKGROUND is polling.priority
    assert registry.get("acme", Priority.BACKGROUND) is polling


def test_two_packages_with_the_same_provider_name_are_both_unusable() -> None:
    twice = [*points(acme=f"{HERE}:create_acme"), *points(acme="other_package:create")]
    registry = build_registry(CONFIG, twice)
    assert () == registry.names
    assert "Uninstall one of them" in registry.problems["acme"].public


def test_a_package_listed_twice_counts_once() -> None:
    assert ("acme",) == build_registry(CONFIG, points(acme=f"{HERE}:create_acme") * 2).names


@pytest.mark.parametrize(
    ("typed", "ref"),
    [
        ("acme:job1", "acme:job1"),
        ("  ACME:job1 ", "acme:job1"),
        ("acme-tuned: job2", "acme-tuned:job2"),
        ("https://acme.example/job3", "acme:job3"),
    ],
)
def test_a_reference_or_url_resolves_to_its_provider(typed: str, ref: str) -> None:
    provider, found = build_registry(CONFIG, ALL).resolve(typed)
    assert (ref, found.provider) == (str(found), provider.name)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("acne:job1", "Did you mean acme?"),
        ("acmetuned:job1", "Did you mean acme-tuned?"),
        ("zzz:job1", "Platforms: acme, acme-tuned. `jobs` lists their jobs."),
        ("job1", "`job1` is not a valid reference. Use `platform:id`. Platforms: acme, acme-tuned."),
        ("acme", "`acme` is not a valid acme reference. Use acme:<id>."),
        ("acme:", "is not a valid acme reference"),
        ("acme:a/b", "is not a valid acme reference"),
        ("https://elsewhere.example/x", "has the URL https://elsewhere.example/x"),
        ("https://locked.example/x", "Not set up: broken, liar, locked, missing."),
        ("", "is not a valid reference"),
        ("x" * 500, "x…` is not a valid reference"),
    ],
)
def test_an_invalid_reference_is_answered_with_the_valid_forms(typed: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_registry(CONFIG, ALL).resolve(typed)
    assert words in caught.value.public


def test_a_reference_to_an_unconfigured_provider_names_the_fix() -> None:
    for typed in ("locked:job1", "locked"):
        with pytest.raises(ConfigError, match="LOCKED_API_KEY"):
            build_registry(CONFIG, ALL).resolve(typed)


def test_without_providers_the_error_names_the_check_command() -> None:
    with pytest.raises(UsageError, match="trainwatch check"):
        build_registry({}, []).resolve("acme:job1")


async def test_all_created_providers_are_closed() -> None:
    registry = build_registry(CONFIG, ALL)
    created = [provider for name in registry.names if isinstance(provider := registry.get(name), Acme)]
    await registry.aclose()
    assert len(created) == 2
    assert all(provider.closed for provider in created)


def test_a_provider_is_created_when_it_is_first_needed() -> None:
    registry = build_registry(CONFIG, [*ALL, *points(late="no_such_package:create")])
    assert registry.get("acme") is registry.get("acme")
    assert registry.resolve("acme:job1")[0] is registry.get("acme")
    assert "no_such_package" in registry.problems["late"].public


def test_shipped_providers_are_found_by_entry_point() -> None:
    assert {"baseten", "baseten-model", "fireworks", "rivergen"} <= {point.name for point in installed(group=GROUP)}
    registry = build_registry({})
    assert {"baseten", "baseten-model", "fireworks", "rivergen"} <= set(registry.problems)
    assert "FIREWORKS_API_KEY" in registry.problems["fireworks"].public


async def test_shipped_providers_do_not_accept_each_others_references() -> None:
    keys = {"baseten_api_key": "a", "fireworks_api_key": "b", "rivergen_api_key": "c"}
    registry = build_registry(keys)
    for typed, name in {
        "https://api.fireworks.ai/v1/accounts/acme/batchJobs/x": "fireworks",
        "https://api.rivergen.ai/api/v1/models/mdl-1/training-metrics?run_id=run-1": "rivergen",
    }.items():
        assert name == registry.resolve(typed)[0].name
    await registry.aclose()


async def test_shipped_providers_do_not_accept_malformed_urls() -> None:
    keys = {"baseten_api_key": "a", "fireworks_api_key": "b", "rivergen_api_key": "c"}
    registry = build_registry(keys)
    with pytest.raises(UsageError) as caught:
        registry.resolve("https://[bad")
    assert "No configured platform has the URL https://[bad" in caught.value.public
    await registry.aclose()
