"""The Fireworks provider: sends the requests.

Batch jobs are read here, fine-tuning jobs in `fine_tuning`. Documented:
https://docs.fireworks.ai/api-reference-dlde/get-batch-job-logs, .../get-batch-job, .../list-batch-jobs (read
2026-11-20).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import ConfigError, JobNotFound, NotSupported
from bot.providers.base import Download, Priority
from bot.providers.fireworks.backward_windows import BackwardReader
from bot.providers.fireworks.fine_tuning import FineTuning, FineTuningMemory
from bot.providers.fireworks.log_reader import TokenReader
from bot.providers.fireworks.references import (
    BATCH,
    COLLECTIONS,
    NAME,
    is_fine_tuning,
    is_resource_id,
    job_path,
    parse_job_ref,
)
from bot.providers.fireworks.signed_files import SignedFiles
from bot.providers.fireworks.wire import parse_accounts, parse_batch_job, parse_batch_jobs, parse_entries
from bot.providers.http.client import HttpClient, HttpLimits, HttpProvider, LimiterPool, path_segment, require_setting
from bot.providers.http.retry import retry_on_malformed_response
from bot.steady_clock import utc_now_ns

BASE_URL = "https://api.fireworks.ai"
LARGEST_LIST = 200
_REQUESTS_PER_PAGE = 20
_EXPLANATIONS = {
    401: "rejected the API key; FIREWORKS_API_KEY must be a key that is still listed in the account's settings",
    403: "does not allow this key to read that account",
    404: "has no such account or job; it may have been deleted",
    **dict.fromkeys((402, 412), "suspended the account or is waiting for a payment; see the account's billing page"),
}
"""What an error status means. The gateway maps gRPC codes to HTTP statuses."""


def create(config: Mapping[str, str], limiters: LimiterPool) -> FireworksProvider:
    """Return the provider, from the `FIREWORKS_*` settings; raise ConfigError for a missing or bad one."""
    key = require_setting(config, "fireworks_api_key", "https://app.fireworks.ai/settings/users/api-keys")
    base_url = config.get("fireworks_base_url", "").strip() or BASE_URL
    account = config.get("fireworks_account_id", "").strip() or None
    if account and not is_resource_id(account):
        raise ConfigError("FIREWORKS_ACCOUNT_ID is not a valid account ID. Copy it from the account's page.")
    headers = {"Authorization": f"Bearer {key}"}
    limits = HttpLimits.from_config("fireworks", config)
    limiter = limiters.limiter_for(base_url, headers, limits)
    client = HttpClient(
        NAME,
        base_url,
        headers,
        secrets=[key],
        limiter=limiter,
        explain=lambda response: _EXPLANATIONS.get(response.status),
    )
    files = SignedFiles(limits, limiters, allows_http=base_url.startswith("http:"))
    return FireworksProvider(client, files, base_url=base_url, account=account)


class FireworksProvider(HttpProvider):
    """Reads state and logs of Fireworks jobs, and the metrics of fine-tuning jobs."""

    name = NAME
    ref_help = "fireworks:<account_id>/<batch_job_id>, or fireworks:<account_id>/<sft, rft or dpo>/<job_id>"

    def __init__(
        self,
        client: HttpClient,
        files: SignedFiles,
        *,
        base_url: str = BASE_URL,
        account: str | None = None,
        clock_ns: Callable[[], int] = utc_now_ns,
    ) -> None:
        super().__init__(client)
        self._base_url = base_url
        self._account = account
        self._clock_ns = clock_ns
        self._files = files
        self._priority = Priority.INTERACTIVE
        self._tuning = FineTuning(client, files, FineTuningMemory(), clock_ns)

    def with_priority(self, priority: Priority) -> Self:
        """See `SupportsPriority.with_priority`."""
        view = super().with_priority(priority)
        view._priority = priority
        view._tuning = FineTuning(
            view._client, self._files.with_priority(priority), self._tuning.memory, self._clock_ns
        )
        return view

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await super().aclose()
        await self._files.aclose()

    def has_metrics(self, job: JobRef) -> bool:
        """See `DeclaresMetrics.has_metrics`."""
        return is_fine_tuning(job)

    def parse_ref(self, text: str) -> JobRef | None:
        """Parse `account/job`, `account/sft/job`, the same without the account if one is configured, or a URL."""
        return parse_job_ref(text, account=self._account, base_url=self._base_url)

    async def get_job(self, job: JobRef) -> Job:
        """See `Provider.get_job`."""
        if is_fine_tuning(job):
            return await self._tuning.get_job(job)
        return parse_batch_job(await self._client.get(_path(job)), job)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """Return the newest jobs of every kind, of the configured account or of every account of the key."""
        accounts = [self._account] if self._account else await self._list_accounts()
        jobs = [job for account in accounts for job in await self._list_account(account, limit)]
        jobs.sort(key=lambda job: job.created_at.timestamp() if job.created_at else 0.0, reverse=True)
        return jobs[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. The gateway applies one of `includes`.

        It can filter by rank as well, but a rank that a line states itself wins over the gateway's: a process of
        machine 5 may be rank 43.
        """
        if is_fine_tuning(query.job):
            return await self._tuning.query_logs(query)
        if query.order is Order.ASC or query.end_ns is None:
            return await self._read_page(query)
        steps = BackwardReader.resume(query).steps()
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._read_page(request))
        except StopIteration as end:
            page: LogPage = end.value
            return page

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        """Return the log file of a fine-tuning job as a stream. Batch jobs have none."""
        if form != "txt" or not is_fine_tuning(job):
            raise NotSupported("Fireworks has no log file of this job in this form.", provider=NAME)
        return await self._tuning.download(job)

    async def _read_page(self, query: LogQuery) -> LogPage:
        """Read a page in a direction that the gateway has: oldest first, or newest first from the newest line."""
        reader = TokenReader.resume(query, self._clock_ns())
        for _ in range(_REQUESTS_PER_PAGE):
            answer = await retry_on_malformed_response(self._ask)(query.job, reader)
            page = reader.take(*answer) if answer else None
            if page is not None:
                return page
        return reader.pause()

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Return the metrics of a fine-tuning job. Raises NotSupported for a batch job.

        The watcher gets none: its rules are about hardware, and a poll would read the whole file.
        """
        if not is_fine_tuning(query.job):
            raise NotSupported("Fireworks has no metrics of batch jobs.", provider=NAME)
        if self._priority is Priority.BACKGROUND:
            raise NotSupported("Fireworks has no hardware metrics of fine-tuning jobs.", provider=NAME)
        return await self._tuning.query_metrics(query)

    async def _ask(self, job: JobRef, reader: TokenReader) -> tuple[list[LogLine], str] | None:
        """Return the lines of a page and the token of the next; None if the token expired and the reader restarts."""
        response = await self._client.request("GET", _path(job) + ":getLogs", reader.params(), accept=(400,))
        if response.status == 400 and reader.token_expired():
            return None
        self._client.raise_for(response)
        return parse_entries(response.body, reader.last_ns)

    async def _list_accounts(self) -> list[str]:
        """Return the accounts of the key: `GET /v1/accounts`, as in the client fireworks-ai 1.2.30."""
        try:
            return parse_accounts(await self._client.get("/v1/accounts", [("pageSize", str(LARGEST_LIST))]))
        except JobNotFound as error:
            text = "Fireworks does not list the accounts of this key. To list jobs, set FIREWORKS_ACCOUNT_ID."
            raise NotSupported(text, provider=NAME) from error

    async def _list_account(self, account: str, limit: int) -> list[Job]:
        """List the kinds of jobs side by side; a gateway need not serve all of them."""
        asked = (self._list_kind(account, collection, limit) for collection in COLLECTIONS)
        found = await asyncio.gather(*asked, return_exceptions=True)
        problems = [one for one in found if isinstance(one, BaseException)]
        fatal = [one for one in problems if not isinstance(one, JobNotFound | NotSupported)]
        if fatal or len(problems) == len(COLLECTIONS):
            raise (fatal or problems)[0]
        return [job for one in found if not isinstance(one, BaseException) for job in one]

    async def _list_kind(self, account: str, collection: str, limit: int) -> list[Job]:
        if collection != BATCH:
            return await self._tuning.list_jobs(account, collection, limit)
        path = f"/v1/accounts/{path_segment(account)}/batchJobs"
        params = [("pageSize", str(max(1, min(limit, LARGEST_LIST)))), ("orderBy", "create_time desc")]
        jobs, token = parse_batch_jobs(await self._client.get(path, params), account)
        while token and len(jobs) < limit:
            more, following = parse_batch_jobs(await self._client.get(path, [*params, ("pageToken", token)]), account)
            jobs += more
            token = following if more and following != token else ""
        return jobs


def _path(job: JobRef) -> str:
    account, _, job_id = job_path(job)
    return f"/v1/accounts/{path_segment(account)}/batchJobs/{path_segment(job_id)}"
