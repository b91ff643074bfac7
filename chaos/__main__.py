"""`make chaos`: run on SQLite and PostgreSQL, with and without the history scopes, and print the counts.

Exits with 1 unless nothing was lost, doubled, left stale or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from chaos.driver import Plan, Report, run
from tests.support.postgres import fresh_database, own_server


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--incidents", type=int, default=1000, help="jobs that fail (default 1000)")
    parser.add_argument("--channels", type=int, default=25, help="channels that they report to (default 25)")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--history", choices=("with", "without", "both"), default="with", help="the history scopes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    databases = ("sqlite", "postgresql") if arguments.database == "both" else (arguments.database,)
    scopes = (True, False) if arguments.history == "both" else (arguments.history == "with",)
    is_good = True
    for database in databases:
        for with_history in scopes:
            plan = Plan(arguments.incidents, arguments.channels, with_history=with_history, seed=arguments.seed)
            with tempfile.TemporaryDirectory() as folder, _url(database, Path(folder)) as url:
                report = asyncio.run(run(plan, url, Path(folder)))
            print(describe(database, plan, report), flush=True)
            is_good &= report.verdict.is_perfect and report.is_settled
    return 0 if is_good else 1


def describe(database: str, plan: Plan, report: Report) -> str:
    """The counts of one run, as text."""
    scope = "with" if plan.with_history else "without"
    faults = ", ".join(f"{name} {count}" for name, count in report.faults.most_common())
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(report.verdict).items())
    return (
        f"{database}, {scope} the history scopes, seed {plan.seed}, {report.took_s:.0f} s\n"
        f"  incidents {report.incidents}, in digests {report.folded}, posts {report.posts}, kills {report.kills}, "
        f"faults {report.faults.total()} ({faults})\n"
        f"  {counts}"
        + (f", doubled messages touched {report.touched}" if not plan.with_history else "")
        + ("" if report.is_settled else ", NOT SETTLED")
        + "".join(f"\n  {problem}" for problem in report.problems)
    )


@contextmanager
def _url(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/chaos.db"
        return
    with own_server() as server, fresh_database(server) as url:
        yield url


if __name__ == "__main__":
    sys.exit(main())
