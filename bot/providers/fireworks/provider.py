"""The Fireworks adapter: which request answers which question.

Batch jobs only: the document of their logs (`:getLogs`) is the only one there is; the fine-tuning kinds have no such
call. Documented: https://docs.fireworks.ai/api-reference-dlde/get-batch-job-logs, .../get-batch-job,
.../list-batch-jobs (read 2026-11-20). Beside it: `reader` (paging), `wire` (what answers mean), `address` (references).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import JobNotFound, NotSupported
from bot.providers.base import Priority, RequestRate
from bot.providers.fireworks import references as address
from bot.providers.fireworks.log_reader import Reader
from bot.providers.fireworks.wire import parse_accounts, parse_entries, parse_job, parse_jobs
from bot.providers.http.client import HttpClient, HttpLimits, HttpReply, LimiterPool, path_segment, require_setting
from bot.providers.http.retry import retry_on_malformed_response

BASE_URL = "https://api.fireworks.ai"
LARGEST_LIST = 200
_REQUESTS_A_PAGE = 20


def create(config: Mapping[str, str], limiters: LimiterPool) -> FireworksProvider:
    """Build the provider from FIREWORKS_API_KEY, FIREWORKS_BASE_URL, FIREWORKS_ACCOUNT_ID and the HTTP limits.

    Raises:
        ConfigError: the key is missing or a limit is no number.
    """
    key = require_setting(config, "fireworks_api_key", "https://app.fireworks.ai/settings/users/api-keys")
    base_url = config.get("fireworks_base_url", "").strip() or BASE_URL
    headers = {"Authorization": f"Bearer {key}"}
    limiter = limiters.limiter_for(base_url, headers, HttpLimits.from_config("fireworks", config))
    client = HttpClient(address.NAME, base_url, headers, secrets=[key], limiter=limiter, explain=explain)
    return FireworksProvider(client, base_url=base_url, account=config.get("fireworks_account_id", "").strip() or None)


class FireworksProvider:
    """Reads batch jobs of Fireworks."""

    def __init__(
        self,
        client: HttpClient,
        *,
        base_url: str = BASE_URL,
        account: str | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._account = account
        self._clock_ns = clock_ns

    def __repr__(self) -> str:
        return f"FireworksProvider({self._client!r})"

    def with_priority(self, priority: Priority) -> FireworksProvider:
        """See `SupportsPriority.with_priority`."""
        return FireworksProvider(
            self._client.with_priority(priority),
            base_url=self._base_url,
            account=self._account,
            clock_ns=self._clock_ns,
        )

    @property
    def name(self) -> str:
        """`fireworks`."""
        return address.NAME

    @property
    def ref_help(self) -> str:
        """The form of a reference."""
        return "fireworks:<account_id>/<batch_job_id>"

    def parse_ref(self, text: str) -> JobRef | None:
        """The batch job of `account/job`, of `job` when FIREWORKS_ACCOUNT_ID is set, or of a URL."""
        return address.parse_ref(text, account=self._account, base_url=self._base_url)

    async def get_job(self, job: JobRef) -> Job:
        """One batch job: `GET /v1/accounts/{account}/batchJobs/{job}`."""
        return parse_job(await self._client.get(_path(job)), job)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """The newest batch jobs of the configured account, else of every account of the key."""
        accounts = [self._account] if self._account else await self._list_accounts()
        jobs = [job for account in accounts for job in await self._list_account(account, limit)]
        jobs.sort(key=lambda job: job.created_at.timestamp() if job.created_at else 0.0, reverse=True)
        return jobs[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """One page of a job's log.

        `ranks` and one `--include` are filtered by the gateway. There is no end time there: reading ends here at
        `end_ns`, and newest first everything after it is read and passed over.
        """
        reader = Reader.resume(query, self._clock_ns())
        for _ in range(_REQUESTS_A_PAGE):
            answer = await retry_on_malformed_response(self._ask)(query.job, reader)
            page = reader.take(*answer) if answer else None
            if page is not None:
                return page
        return reader.pause()

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Not offered for batch jobs.

        Raises:
            NotSupported: always.
        """
        raise NotSupported("Fireworks has no measurements of batch jobs.", provider=address.NAME)

    def request_rate(self) -> RequestRate:
        """See `ReportsRequestRate.request_rate`."""
        return self._client.request_rate()

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _ask(self, job: JobRef, reader: Reader) -> tuple[list[LogLine], str] | None:
        """A page's lines and the token of the next; None when the token has expired and the reader begins anew."""
        reply = await self._client.request("GET", _path(job) + ":getLogs", reader.params(), accept=(400,))
        if reply.status == 400 and reader.token_expired():
            return None
        self._client.raise_for(reply)
        return parse_entries(reply.body, reader.last_ns)

    async def _list_accounts(self) -> list[str]:
        """`GET /v1/accounts`: documented for firectl (`firectl account list`), assumed to be served at this path."""
        try:
            return parse_accounts(await self._client.get("/v1/accounts", [("pageSize", str(LARGEST_LIST))]))
        except JobNotFound as error:
            text = "Fireworks does not say which accounts this key may read: set FIREWORKS_ACCOUNT_ID to list jobs."
            raise NotSupported(text, provider=address.NAME) from error

    async def _list_account(self, account: str, limit: int) -> list[Job]:
        path = f"/v1/accounts/{path_segment(account)}/batchJobs"
        params = [("pageSize", str(max(1, min(limit, LARGEST_LIST)))), ("orderBy", "create_time desc")]
        jobs, token = parse_jobs(await self._client.get(path, params), account)
        while token and len(jobs) < limit:
            more, following = parse_jobs(await self._client.get(path, [*params, ("pageToken", token)]), account)
            jobs += more
            token = following if more and following != token else ""
        return jobs


def explain(reply: HttpReply) -> str | None:
    """What a refusal means, in words; None where the general words will do. The gateway maps gRPC codes to HTTP's."""
    match reply.status:
        case 401:
            return "refused the key; FIREWORKS_API_KEY must be a key that is still listed in the account's settings"
        case 402 | 412:
            return "has suspended the account or waits for a payment; see the account's billing page"
        case 403:
            return "does not let this key read that account"
        case 404:
            return "knows no such account or batch job (any more)"
        case _:
            return None


def _path(job: JobRef) -> str:
    account, job_id = address.job_path(job)
    return f"/v1/accounts/{path_segment(account)}/batchJobs/{path_segment(job_id)}"
