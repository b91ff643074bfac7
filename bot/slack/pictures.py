"""Charts as pictures: drawn in a separate process, uploaded, and shown by an image block of a message.

A picture of an alert is a delivery of the outbox that follows the reply it belongs to, where the workspace takes no
charts. It waits in a separate queue, so that it delays no alert. The upload is not shared; the message that shows it
carries the delivery id as any other, so that it is found again and not posted twice.

Slack processes an upload for about a second, until then it refuses a block with it (observed:
slackapi/python-slack-sdk#1521, slackapi/java-slack-sdk#1347; read 2026-11-29).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.charts.painter import DrawingFailed, Painter
from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.domain.charts import Chart
from bot.domain.destinations import picture_queue
from bot.domain.metric_charts import describe_chart, metric_charts
from bot.errors import DeliveryError
from bot.slack.client import post, takes
from bot.slack.error_codes import BLOCKS_REFUSED
from bot.slack.failures import UNREACHABLE
from bot.slack.render.alerts import evidence_chart
from bot.slack.render.charts import CHART_TYPE, is_chart
from bot.slack.render.logs import Snippet
from bot.slack.render.message import Message
from bot.slack.render.pictures import picture_message
from bot.slack.reply import with_notes
from bot.slack.uploads import upload_picture

_PROCESSING_WAITS_S = (1.0, 2.0, 4.0)
_SCOPE = "files:write"
_MOST_CHARTS = 2
"""In one picture."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drawing:
    """An uploaded picture."""

    file_id: str
    title: str
    alt_text: str

    def as_message(self) -> Message:
        """The message that shows it."""
        return picture_message(self.file_id, self.title, self.alt_text)


class Pictures:
    """Draws and uploads pictures for one workspace."""

    def __init__(
        self, client: AsyncWebClient, painter: Painter, waits_s: Sequence[float] = _PROCESSING_WAITS_S
    ) -> None:
        # `waits_s` are the waits for Slack to process an upload.
        self._client, self._painter, self._waits_s = client, painter, waits_s
        self._may_upload: bool | None = None

    async def may_upload(self) -> bool:
        """Return whether the app has the optional scope for files, as far as Slack says."""
        if self._may_upload is None:
            try:
                response = await self._client.auth_test()
            except UNREACHABLE:
                return True
            granted = next((value for name, value in response.headers.items() if name.lower() == "x-oauth-scopes"), "")
            self._may_upload = not granted or _SCOPE in {scope.strip() for scope in str(granted).split(",")}
        return self._may_upload

    async def draw(self, build: Callable[[], Sequence[Chart]], name: str) -> Drawing:
        """Draw charts as one picture and upload it; `name` is that of the file, without its ending.

        Raises:
            DeliveryError: it cannot be drawn, or Slack does not accept the file.
        """
        charts = await asyncio.to_thread(build)
        alt_text = " ".join(map(describe_chart, charts))
        title = " · ".join(chart.title for chart in charts)
        try:
            content = await self._painter.draw(lambda: charts)
        except DrawingFailed as error:
            raise DeliveryError("The chart could not be drawn.", reason="not_drawn", permanent=False) from error
        snippet = Snippet(f"{name}.png", title, content)
        return Drawing(await upload_picture(self._client, snippet, alt_text), title, alt_text)

    async def illustrate(self, answer: MetricsAnswer, shown: Message) -> Message:
        """Show the charts of an answer as a picture; a note says why there is none."""
        try:
            drawing = await self.draw(lambda: _most_important(answer), "metrics")
        except DeliveryError as problem:
            return with_notes(shown, [f"The picture could not be shown: {problem.public}"])
        await self._wait_until_processed(drawing.file_id)
        head, *rest = (block for block in shown.blocks if not is_chart(block))
        return Message(shown.text, (head, *drawing.as_message().blocks, *rest))

    async def _wait_until_processed(self, file_id: str) -> None:
        """Wait until Slack knows what kind of file it is; without the optional scope to ask, for some seconds."""
        for wait_s in self._waits_s:
            try:
                response = await self._client.files_info(file=file_id)
                if (response.get("file") or {}).get("mimetype"):
                    return
            except UNREACHABLE as error:
                log.debug("upload not verified", extra={"reason": type(error).__name__})
            await asyncio.sleep(wait_s)

    async def post(self, drawing: Drawing, place: dict[str, object]) -> Receipt:
        """Post a message with a picture, again until Slack has processed it.

        Args:
            drawing: the uploaded picture.
            place: the other arguments of chat.postMessage.

        Raises:
            DeliveryError: the message was not accepted.
        """
        arguments = {**place, **drawing.as_message().payload(), "unfurl_links": False, "unfurl_media": False}
        for wait_s in self._waits_s:
            try:
                return await post(self._client, dict(arguments))
            except DeliveryError as error:
                if error.reason not in BLOCKS_REFUSED:
                    raise
            await asyncio.sleep(wait_s)
        return await post(self._client, dict(arguments))

    async def send(self, notification: Notification, metadata: dict[str, object], delivery_id: str) -> Receipt:
        """Draw and post the picture of a delivery in its thread.

        Raises:
            DeliveryError: it was not posted; `permanent` if a retry cannot help.
        """
        thread, chart = notification.thread, notification.picture
        if thread is None or chart is None:
            raise DeliveryError("The picture has no thread or no chart.", reason="no_root", permanent=True)
        drawing = await self.draw(lambda: (chart,), f"chart-{delivery_id}")
        return await self.post(drawing, {"channel": thread.channel, "thread_ts": thread.ts, **metadata})

    async def follow(self, notification: Notification, root: Receipt | None) -> tuple[Delivery, ...]:
        """Return the picture that follows a reply whose chart the workspace did not take. Never raises."""
        chart = evidence_chart(notification)
        if chart is None or root is None or takes(self._client, CHART_TYPE) or not await self.may_upload():
            return ()
        incident, alert_id = notification.incident, notification.alert_id
        picture = Notification(
            DeliveryKind.PICTURE,
            notification.reason,
            notification.job,
            alert_id=alert_id,
            thread=root,
            picture=chart,
        )
        moment = chart.lines[0].points[-1].x if chart.lines and chart.lines[0].points else 0
        key = f"{incident.id if incident else ''}:picture:{alert_id}:{moment:.0f}"
        return (Delivery(key, picture_queue(root.channel), picture),)


def _most_important(answer: MetricsAnswer) -> Sequence[Chart]:
    return metric_charts(answer.summaries, answer.start, answer.end)[:_MOST_CHARTS]
