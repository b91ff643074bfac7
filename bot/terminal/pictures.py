"""`trainwatch metrics --png` and `--svg`: draw charts of the metrics to files."""

from bot.charts.painter import Painter
from bot.commands.subcommands.jobs import MetricsAnswer, MetricsCommand
from bot.domain.charts import Chart
from bot.domain.metric_charts import metric_charts
from bot.terminal.downloads import open_target
from bot.terminal.output import Output


async def draw_pictures(answer: MetricsAnswer, command: MetricsCommand, output: Output) -> None:
    """Write the files that the command names.

    Raises:
        ConfigError: a file exists or cannot be written.
        DrawingFailed: see `Painter.draw`.
    """
    painter = Painter()
    try:
        for form, path in (("png", command.png), ("svg", command.svg)):
            if path is not None:
                output.progress("Drawing charts.")
                with open_target(path, force=command.force) as file:
                    file.write(await painter.draw(lambda: _charts(answer), form))
                if path != "-":
                    output.note(f"Wrote {path}.")
    finally:
        painter.close()


def _charts(answer: MetricsAnswer) -> tuple[Chart, ...]:
    return metric_charts(answer.summaries, answer.start, answer.end)
