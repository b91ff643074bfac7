"""Serve /healthz, /readyz and /metrics on a separate port."""

import asyncio
import json
import logging
from dataclasses import asdict

from aiohttp import web

from bot.domain.checks import CheckResult
from bot.health.exposition import CONTENT_TYPE, Exposition
from bot.health.monitor import HealthMonitor

log = logging.getLogger(__name__)
_RETRY_S = 30.0


async def serve_health(monitor: HealthMonitor, exposition: Exposition, host: str, port: int) -> None:
    """Serve until cancelled. While another program has the port, log it and try again."""
    runner = web.AppRunner(create_health_app(monitor, exposition), access_log=None)
    await runner.setup()
    try:
        while True:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                extra = {"host": host, "port": port, "reason": error.strerror or type(error).__name__}
                log.warning("health port not available", extra=extra)
                await asyncio.sleep(_RETRY_S)
            else:
                log.info("health port open", extra={"host": host, "port": port})
                await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def create_health_app(monitor: HealthMonitor, exposition: Exposition) -> web.Application:
    """Create the application with the three addresses."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(monitor.loop_results())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(monitor.results())

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=await exposition.write(), headers={"Content-Type": CONTENT_TYPE})

    application = web.Application()
    routes = {"/healthz": healthz, "/readyz": readyz, "/metrics": show_metrics}
    application.add_routes([web.get(path, handler) for path, handler in routes.items()])
    return application


def _answer(results: list[CheckResult]) -> web.Response:
    is_ok = all(one.ok for one in results)
    body = {"ok": is_ok, "checks": [asdict(one) for one in results]}
    return web.Response(status=200 if is_ok else 503, text=json.dumps(body), content_type="application/json")
