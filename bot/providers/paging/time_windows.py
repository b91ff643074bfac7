"""Read pages of a log from a platform that is queried by time window: send what `window_scan` asks for.

Providers whose platforms page by token or by offset have their own readers.
"""

from collections.abc import Sequence

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogPage, LogQuery, Order
from bot.errors import CursorLost, ProviderError
from bot.providers.http.retry import retry_on_malformed_response
from bot.providers.paging.cursors import unpack_cursor
from bot.providers.paging.scan_state import Endpoint, FetchWindow, ScanState, Steps, TimeWindow
from bot.providers.paging.window_scan import WindowScan, end_of

__all__ = ["Endpoint", "FetchWindow", "TimeWindow", "read_page_by_time"]

_MOST_STEPS = 10
"""Steps without a full page after which a call returns what it has, to keep the progress of slow platforms."""


async def read_page_by_time(
    query: LogQuery,
    endpoint: Endpoint,
    fetch: FetchWindow,
    *,
    start_ns: int,
    now_ns: int,
    narrower: Sequence[FetchWindow] = (),
) -> LogPage:
    """Read one page of a query, from its cursor when it has one.

    All calls to the same endpoint share `endpoint`. `fetch` sends one request for the query, and each of `narrower`
    one for a narrower query, for a millisecond that does not fit into a page. `start_ns`, the start of the query or of
    the log, is used only without a cursor.

    Raises:
        CursorLost: the cursor cannot be read, or belongs to another query.
    """
    scan = WindowScan(query, _load_state(query, start_ns, now_ns), endpoint, now_ns // NS_PER_MS, len(narrower))
    fetches = [retry_on_malformed_response(one) for one in (fetch, *narrower)]
    begin = scan.position
    for _ in range(_MOST_STEPS):
        try:
            if await _run(scan.step(), fetches):
                break
        except ProviderError:
            if scan.position == begin:
                raise
            break  # Keep the progress; the next call meets the failure again.
    return scan.result()


async def _run(steps: Steps[bool], fetches: Sequence[FetchWindow]) -> bool:
    """Send each request that the steps yield; return their result."""
    try:
        request = next(steps)
        while True:
            try:
                lines = await fetches[request.query](request.window)
            except ProviderError as error:
                request = steps.throw(error)
            else:
                request = steps.send(lines)
    except StopIteration as end:
        return bool(end.value)


def _load_state(query: LogQuery, start_ns: int, now_ns: int) -> ScanState:
    newest_first = query.order is Order.DESC
    if query.cursor is None:
        return ScanState(query.follow, newest_first, start_ns, end_of(query, now_ns))
    state = unpack_cursor(query.cursor, ScanState)
    if (state.follow, state.newest_first) != (query.follow, newest_first):
        raise CursorLost("The log cursor belongs to another query.")
    return state
