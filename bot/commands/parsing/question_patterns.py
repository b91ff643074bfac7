"""The questions that are understood, as data: forms of the normalized question, and the command that they mean.

The first row with a form that is found counts, so rows that change something come first. `questions` normalizes a
question: lower case, no punctuation, `what is` for `whats`, mistyped words corrected, and a mark in place of each
detail: `<job>`, `<rank>`, `<since>`, `<around>`, `<level>`, `<count>`, `<span>` and `<text>`. In a command, `{job}` and
the other names in braces are the details as arguments; a detail that was not named is left out.
"""

import enum
import re
from dataclasses import dataclass


class JobRequirement(enum.Enum):
    """Whether a row applies only with a job or only without one."""

    NONE = "none"
    NAMED = "named"
    """The question names a job, or its thread has one."""
    UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class QuestionPattern:
    """One row."""

    command: str
    forms: re.Pattern[str]
    job: JobRequirement = JobRequirement.NONE
    acts: bool = False
    """Whether the command changes something, so that the person is asked first."""


def _any(*forms: str) -> re.Pattern[str]:
    """A pattern of whole words that any of the forms may match; names in capitals stand for `_GROUPS`."""
    text = "|".join(f"(?:{form})" for form in forms)
    for name, words in _GROUPS.items():
        text = text.replace(name, f"(?:{words})")
    return re.compile(rf"(?<![\w<])(?:{text})(?![\w>])")


_GROUPS = {
    "TELL": (
        r"tell\w*|alert\w*|notif\w*|messag\w*|ping\w*|watch\w*|remind\w*|spam\w*|updates?|bother\w*|bugg?ing|talk\w*"
        r"|post\w*|warn\w*"
    ),
    "STOP": "stop|turn off|disable|pause|quit|no more|never|enough|no longer|not",
    "BROKE": (
        r"crash\w*|fail\w*|die\w*|dying|dead|broke\w*|break\w*|hang\w*|hung|explod\w*|diverg\w*|spik\w*|blow\w*|blew"
        r"|oom\w*|kill\w*|stop\w*|preempt\w*"
    ),
    "JOBS": "job|jobs|run|runs|training|trainings",
    "ASKING": "what|which|when|how|why|do|does|did|will|are|is|who",
    "ANYTHING": "anything|something|everything|any JOBS|all JOBS|which JOBS|how many",
    "WELL": "ok|okay|fine|good|alright|well|healthy|up|alive|running|going|doing",
}
_GROUPS = {name: words.replace("JOBS", f"(?:{_GROUPS['JOBS']})") for name, words in _GROUPS.items()}

PATTERNS = (
    # What changes alerts, and first what asks for the opposite: `do not stop watching`.
    QuestionPattern(
        "list",
        _any(
            r"^(?!why|how|what|which|when)(?:.* )?(?:not|never) (?:\S+ )?"
            r"(?:mute|silence|snooze|shut up|unwatch|(?:stop|turn off|disable|pause|quit) (?:.* )?(?:TELL))",
        ),
    ),
    QuestionPattern(
        "unwatch {job}",
        _any(r"^(?!how|what|which|when|why)(?:.* )?(?:STOP) (?:.* )?(?:TELL)"),
        JobRequirement.NAMED,
        acts=True,
    ),
    QuestionPattern(
        "silence {span}",
        _any(r"^(?!how|what|which|when|why)(?:.* )?(?:STOP) (?:.* )?(?:TELL)"),
        JobRequirement.UNNAMED,
        acts=True,
    ),
    QuestionPattern(
        "silence {span} {job}",
        _any(
            r"^(?!(?:how|what|which|when|why|who|is|are|was|did|does|has|have)\b)(?:.* )?"
            r"(?:shut up|shush|hush|quiet|snooze|zip it|leave (?:me|us) alone|too (?:noisy|loud)|mute|silence)",
        ),
        acts=True,
    ),
    QuestionPattern(
        "watch {job}",
        _any(
            r"^(?!ASKING).*\b(?:tell|let|notify|ping|alert|message|warn|remind|call|wake)\b"
            r".*\b(?:when|if|once|about|as soon)",
            "keep (?:an eye|me posted|us posted|me updated|us updated|watching|track)",
            "watch over",
            "look after",
            "^(?:please )?(?:monitor|follow|babysit)",
        ),
        acts=True,
    ),
    # What trainwatch does.
    QuestionPattern("help silence", _any(r"how (?:do|can|to)\b.*\b(?:STOP|mute|silence|quiet)")),
    QuestionPattern(
        "help",
        _any(
            "(?:what|how) (?:can|do|does|should) (?:i|you|we|this) (?:do|ask|type|say|use|work|know)",
            "^help(?: me)?$",
            "^who are you",
            "^what are you$",
            "how to use",
            "how does this work",
            "^what else",
            "^commands$",
        ),
    ),
    QuestionPattern(
        "list",
        _any(
            "muted",
            "silenced",
            "mutes",
            "silences",
            "subscriptions?",
            "subscribed",
            r"(?:what|which|who)\b.*\b(?:you|we|channel)\b.*\b(?:watch|follow|monitor)\w*",
        ),
    ),
    QuestionPattern(
        "rules {job}", _any(r"(?:what|which|when|will|do)\b.*\b(?:alerts?|rules?|thresholds?|warn|notify)")
    ),
    # Jobs.
    QuestionPattern("jobs mine running", _any(r"(?:my|mine)\b.*\bWELL", "^(?:is|are) my JOBS"), JobRequirement.UNNAMED),
    QuestionPattern("jobs mine failed", _any(r"my\b.*\bBROKE", r"BROKE\b.*\bmy JOBS"), JobRequirement.UNNAMED),
    QuestionPattern("jobs mine", _any("my JOBS", "JOBS of mine"), JobRequirement.UNNAMED),
    QuestionPattern("jobs queued", _any("queue", "queued", "pending"), JobRequirement.UNNAMED),
    QuestionPattern(
        "jobs running",
        _any(
            r"ANYTHING\b.*\b(?:running|alive|active|busy)",
            "^(?:running|active) JOBS$",
            "^what is (?:running|active)",
        ),
        JobRequirement.UNNAMED,
    ),
    QuestionPattern(
        "jobs failed",
        _any(
            r"ANYTHING\b.*\bBROKE",
            r"(?:is|are) (?:everything|all|things|we)\b.*\bWELL",
            "anything (?:wrong|broken|on fire|new)",
            "^BROKE JOBS$",
            "any (?:problems?|issues?|trouble)",
        ),
        JobRequirement.UNNAMED,
    ),
    # Why.
    QuestionPattern("logs {job} {around}", _any(r"what happen\w*\b.*<around>")),
    QuestionPattern(
        "diagnose {job} {since}",
        _any(
            "why",
            "how come",
            "any (?:problems?|issues?|trouble)",
            "root cause",
            "explain",
            "reason",
            "went wrong",
            r"what (?:is |has |was |went |did )?happen\w*",
            "what (?:is |has |was |went |did )?(?:gone|BROKE)",
            "what (?:it )?(?:die|fail|crash)",
            "what (?:is |was )?(?:the )?(?:wrong|broken|problem|matter|cause|reason|issue|error)",
            "who BROKE",
            "traceback",
            "stacktrace",
            "stack trace",
            r"diagnos\w*",
            "postmortem",
            "autopsy",
            "stuck",
            "hung",
            "hanging",
            "hangs",
            r"fro?ze\w*",
            "slow",
            "slower",
            "slowly",
            "stalled",
            r"deadlock\w*",
            r"(?:did|has|have)\b.*\bBROKE",
            "out of memory",
            r"(?:is|are|was) (?!nan).+ (?:nan|diverging|exploding|broken)",
        ),
    ),
    # Lines.
    QuestionPattern(
        "logs {job} {level} {rank} {since} {around} {count} {text}",
        _any(
            "<level>",
            "<rank>",
            "<text>",
            "<count>",
            "logs?",
            "lines?",
            "output",
            "stderr",
            "stdout",
            "prints?",
            "grep",
            "tail",
            "search",
            "look for",
        ),
    ),
    # Numbers.
    QuestionPattern(
        "metrics {job} {since}",
        _any(
            "gpus?",
            "vram",
            "memory",
            r"utili[sz]ation",
            "util",
            "cpus?",
            "ram",
            "disk",
            "storage",
            "metrics?",
            "usage",
            "temperature",
            "power",
            "requests?",
            "latency",
            "replicas?",
        ),
    ),
    # How it is.
    QuestionPattern(
        "status {job}",
        _any(
            "how (?:is|are|was|far|long|much|fast|many|about)",
            r"(?:is|are|was|does) (?:it|this|that|they|<job>)(?= )",
            "still",
            "alive",
            "progress",
            "eta",
            "state",
            "status",
            "steps?",
            "epochs?",
            "checkpoints?",
            "loss",
            r"learn\w*",
            r"converg\w*",
            "done",
            r"finish\w*",
            r"complete\w*",
            "ready",
            "over",
            "news",
            "updates?",
            "speed",
            "throughput",
            "what (?:is|about) (?:up|new|<job>|running|going on|it doing|<job> doing)",
            "when (?:will|does|did|is)",
            "who(?:se)? (?:is |owns |started |launched )?(?:<job>|JOBS|it)",
            r"(?:did|has) (?:it|<job>) (?:start|save|begin|end)\w*",
            "^<job> (?:WELL)$",
            "time left",
            "there yet",
            "check(?: up)?(?: on)? <job>",
        ),
    ),
)

CANNOT = _any(
    "kill",
    "restart",
    "rerun",
    "resubmit",
    "relaunch",
    "cancel",
    "delete",
    "abort",
    "launch",
    "start",
    "resume",
    "stop",
    "scale",
    "requeue",
    "reboot",
    "retry",
)
"""What trainwatch cannot do, because it only reads."""

SPOKEN = re.compile(
    r"^(?:what|how|is|are|was|did|does|do|has|have|when|where|who|whose|which|why|can|could|will|any|anything|still|show"
    r"|give|see|get|tell|let|list|find|search|grep|look|print|stop|no|be|keep|explain|help|shut|mute|silence|leave|last"
    r"|check|eta|update|status|not|never|enough|please|my|everything|monitor|follow|notify|ping|alert|snooze|quit|gpu"
    r"|memory|loss|metrics|progress|logs?|lines?|tail|output|errors?|turn|pause|disable|did)\b|^<"
)
"""How a question or a request begins; other sentences are not for trainwatch, unless they are short or end with `?`."""
SHORT_WORDS = 3
"""A message of up to this number of words needs no form of a question."""
