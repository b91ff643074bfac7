"""Remove what a runner writes before each line of the program that it runs: workflow engines, CI systems, log services.

Their times stay, and so do the levels that the program itself may have chosen. Prefixes that state a rank or a pod, as
launchers and Kubernetes write them, are read by `prefixes`.
"""

import re

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_ZONE = r"(?:Z| ?UTC| ?[+-]\d\d:?\d\d)?"
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)"
_CARRIERS = (
    r"(?:subprocess|pod_manager|pod_launcher|process_utils|docker|logging_mixin|ssh|bash|kubernetes_pod|ecs|batch)"
)
"""Modules of Airflow that pass on the output of a program, all of it with one level."""
_DAEMONS = (
    r"(?:slurm|systemd|kube|container|docker|nvidia|nv-|ssh|sudo|cron|CRON|dbus|kernel|chrony|ntp|audit|rsyslog|munge"
    r"|pbs|sge|lsf|mount|multipath|smartd|mcelog|ras|[Nn]etwork|oomd|earlyoom|snapd|logrotate|dhc|irqbalance|udev)"
)
"""What writes a system's journal about itself. Any other program there is one that a unit runs."""
_AFTER_TIME = "|".join((
    r"\d\d[OE]\+? ?",  # GitLab
    r"(?:app|ray|job|worker|ecs)\[[\w./-]{1,60}\]: ",  # Heroku and alike
    rf"[\w.-]{{1,80}} (?!{_DAEMONS})[\w./@-]{{1,60}}\[\d{{1,8}}\]: ",  # journald
    rf"[\da-f]{{8}} (?:\[rank=(?P<determined>\d{{1,6}})\] )?\|\| (?:{_LEVEL}: )?",
    rf"\{{{_CARRIERS}\.py:\d+\}} {_LEVEL} - (?:\[[a-z][\w-]{{0,60}}\] )?",
    rf"\{{[\w.-]{{1,60}}:\d+\}} (?P<airflow>{_LEVEL}) - ",
    rf"- dagster - (?P<dagster>{_LEVEL}) - [\w.-]{{1,80}} - [\da-f-]{{36}} - (?:\d+ - )?(?:[\w.\[\]-]{{1,80}} - )?",
    r"\| INFO +\| (?:Flow|Task) run '[^'\n]{1,80}' - ",  # Prefect passes on what a program prints
    r"(?:DEBG|DEBU|INFO|TRAC) '[^'\n]{1,80}' std(?:out|err) output: ?",  # supervisord
    r"[\w.-]{1,80}(?:/[\w.-]{1,80}){1,3}\.(?:txt|log|out|err): ",
    r"[\w.-]{1,128}/default/[\w-]{1,80} ",  # AWS Batch
    r"[\w.-]{1,128}(?:/[\w.-]{1,128})?/(?:algo-\d+-\d{9,11}|[\da-f]{32}) ",  # SageMaker, ECS
    r"\[\d+/[\w.-]+/\d+ \(pid \d+\)\] ",  # Metaflow
))  # fmt: skip
"""What follows a time."""
_RUNNER_TEXT = (
    rf"\[?(?:(?P<date>\d{{4}}[-/]\d\d[-/]\d\d)(?:T|,? ))?(?P<clock>{_CLOCK}){_ZONE}\]? (?:{_AFTER_TIME})"
    rf"|(?P<syslog>[A-Z][a-z]{{2}} [ \d]\d {_CLOCK} )[\w.-]{{1,80}} (?!{_DAEMONS})[\w./@-]{{1,60}}\[\d{{1,8}}\]: "
    r"|#\d{1,4} \d{1,6}\.\d{1,3} "  # BuildKit
    r"|\d{1,4}\|[\w.-]{1,60} *\| "  # pm2
    r"|[\w.\[\]\"-]{1,120} \((?:remote|local)-exec\): "
    r"|\((?:head|worker\d{1,5}), rank=(?P<skypilot>\d{1,6}), pid=\d{1,8}\) "
    r"|(?:python\d?(?:\.\d+)?|py|[\w.-]{1,40}\.exe) : (?=.)"  # PowerShell
    r"|\[(?:task|taskcluster) \d{4}-\d\d-\d\dT[\d:.]{8,18}Z\] "  # Taskcluster
    r"|(?P<pod>[a-z][a-z\d-]{0,60}-[\da-f]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}) [a-z][a-z\d-]{0,60} (?=.)"  # stern
    r"|(?P<loki>\d{4}-\d\d-\d\dT[\d:.]{8,18}Z) \{[a-z_]+=\"[^\"\n]{0,200}\"(?:, ?[a-z_]+=\"[^\"\n]{0,200}\")*\} "
    r"|[a-z][a-z\d-]{0,100}-\d{8,10}: "  # Argo
    r"|(?:trainer|worker|train|actor|learner|server|master|ps|sh|ddp|spmd|python)/\d{1,4} (?=\S| {2})"  # TorchX
)
_RUNNER = re.compile(_RUNNER_TEXT)
_RUNNER_OR_COLUMNS = re.compile(
    r"(?:[^\t\n]{1,80}\t[^\t\n]{1,80}\t(?=\d{4}-\d\d-\d\dT))?"  # `gh run view --log`
    rf"(?:{_RUNNER_TEXT})"
    rf"|[^\t\n]{{1,80}}\t[^\t\n]{{1,80}}\t(?P<job>\d{{4}}-\d\d-\d\dT{_CLOCK})Z "
    rf"|[A-Z]{{4,8}}\t(?P<vertex>\d{{4}}-\d\d-\d\d {_CLOCK}) [+-]\d{{4}}\t(?:[\w.-]{{1,80}}\t)?"
    r"| {1,5}\d{1,6}\t"  # cat -n
)
"""The same, with what is separated from the line by tabs."""
_RANKS = ("determined", "skypilot")
_LEVELS = ("airflow", "dagster")
_TIMES = ("job", "vertex", "syslog", "loki")
_PAYLOAD = '"textPayload":'
"""The output of a container, as Google Cloud passes it on: the level is that of the stream."""


def carries_level(line: str) -> bool:
    """Is the level in the header of a line that of the runner or the service that passed it on?"""
    return _PAYLOAD in line or _match(line) is not None


def unwrap_runner(line: str) -> str:
    """Return a line without what a runner wrote before it, except its time, level, rank and pod."""
    found = _match(line)
    if found is None:
        return line
    groups = found.groupdict()
    date, clock = groups["date"], groups["clock"]
    time = next((stated.strip() for name in _TIMES if (stated := groups.get(name))), None)
    time = time or (f"{date} {clock}" if date else clock)
    rank = next((groups[name] for name in _RANKS if groups[name]), None)
    level = next((groups[name] for name in _LEVELS if groups[name]), None)
    pod = f"[pod/{groups['pod']}] " if groups["pod"] else ""
    before = pod + (f"{time} " if time else "") + (f"{level} - " if level else "") + (f"[rank{rank}]: " if rank else "")
    return before + line[found.end() :]


def _match(line: str) -> re.Match[str] | None:
    return _RUNNER_OR_COLUMNS.match(line) if "\t" in line else _RUNNER.match(line)
