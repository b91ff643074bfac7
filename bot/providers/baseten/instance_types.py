"""Machines: their limits, from a training job or from the list of instance types that deployments are named after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.jobs import Resources
from bot.errors import ProviderError
from bot.providers.baseten.references import DEPLOYMENT
from bot.providers.baseten.wire import WireInstance, WireInstanceTypes
from bot.providers.decoding import decode_body
from bot.providers.http.client import HttpClient

MIB = 1024 * 1024
_INSTANCE = re.compile(r"([A-Z][A-Z0-9]{1,12}):(\d{1,3})x(\d{1,5})x(\d{1,6})")
_READ_AGAIN_AFTER = timedelta(hours=1)


def instance_resources(instance: WireInstance, node_count: int | None = None) -> Resources:
    """Return the limits of a machine."""
    gpu_memory, memory, millicpu = instance.gpu_memory_limit_mib, instance.memory_limit_mib, instance.millicpu_limit
    return Resources(
        instance=instance.name or instance.id,
        node_count=node_count,
        gpu_count=instance.gpu_count,
        gpu_type=instance.gpu_type,
        gpu_memory_limit_bytes=None if gpu_memory is None else gpu_memory * MIB,
        cpu_limit_cores=None if millicpu is None else millicpu / 1000,
        memory_limit_bytes=None if memory is None else memory * MIB,
    )


def named_resources(name: str | None) -> Resources:
    """Read the name of an instance, such as `H100:1x26x225`: GPUs, CPUs and GiB."""
    found = _INSTANCE.fullmatch(name or "")
    if found is None:
        return Resources(instance=name)
    gpu_type, gpus, cores, gib = found.groups()
    return Resources(
        instance=name,
        gpu_type=gpu_type,
        gpu_count=int(gpus),
        cpu_limit_cores=float(cores),
        memory_limit_bytes=int(gib) * 2**30,
    )


class InstanceTypes:
    """The instance types of the workspace. A deployment has only the name of one, which lacks the memory of a GPU.

    They are read for the first name, and again after an hour for a name that is not among them. Where they cannot be
    read, the limits are those in the name.
    """

    def __init__(self) -> None:
        self._known: Mapping[str, WireInstance] = {}
        self._read_at: datetime | None = None

    async def resources(self, client: HttpClient, name: str | None, now: datetime) -> Resources:
        """Return the limits of the instance type of this name."""
        is_due = self._read_at is None or not timedelta(0) <= now - self._read_at < _READ_AGAIN_AFTER
        if name and name not in self._known and is_due:
            self._read_at = now
            await self._read(client)
        return self.cached(name)

    def cached(self, name: str | None) -> Resources:
        """Return what is known of the instance type of this name, without a request."""
        instance = self._known.get(name or "")
        return named_resources(name) if instance is None else instance_resources(instance)

    async def _read(self, client: HttpClient) -> None:
        try:
            found = decode_body(WireInstanceTypes, await client.get("/v1/instance_types"), DEPLOYMENT).instance_types
        except ProviderError:
            return
        self._known = {key: one for one in found for key in (one.id, one.name) if key}
