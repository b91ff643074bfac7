"""Run the Deliverers of Slack and of webhooks as one worker, so that an outage of one does not delay the other."""

import asyncio

from bot.watcher.deliver import Deliverer


class DeliveryGroup:
    """Several Deliverers, each for other channels."""

    def __init__(self, *deliverers: Deliverer) -> None:
        self._deliverers = deliverers

    async def tick(self) -> bool:
        """Run one pass of each. Returns whether any had something to do.

        Raises:
            Exception: the first error of a pass; the passes of the others have ended.
        """
        results = await asyncio.gather(*(one.tick() for one in self._deliverers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return any(results)

    async def stop(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(one.stop() for one in self._deliverers))
