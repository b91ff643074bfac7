"""Grade how much a line says about why something failed: only that it did, an error, what does not fit, or its origin.

A reason states what is wrong with something: it is missing, invalid, too large, or expected to be different. An origin
is a reason that no other failure of the run brings about: a refusal, a limit, a full disk, broken data or hardware.
"""

import enum
import re
from functools import lru_cache

from bot.diagnosis.failures.vague_lines import is_vague
from bot.domain.regex import compile_pattern

_STATE = (
    r"(?:found|exists?|existing|available|installed|supported|implemented|match(?:es|ed)?|compatible"
    r"|finite|valid|defined"
    r"|registered|fit|contain|have|understood|present|initialized|configured|satisfied|reachable|mounted|recognized|equal"
    r"|converged|positive|symmetric|invertible)"
)
_DO = (
    r"(?:find|open|resolve|locate|read|write|lock|pin|allocate|mmap|map|extend|create|decode|parse|bind|reach|access|connect"
    r"|init\w*|register|load|mount)"
)
_REASON = compile_pattern(
    rf"(?i)(?:\bnot|n't|\bno longer|\bnever) (?:be |been |a |an |yet |currently )*{_STATE}\b"
    r"|\b(?:does not|doesn't|do not|don't) support\b"
    r"|\bno (?:such|available|room|route|usable|valid|suitable|matching|objects?|files?|device|gpus?"
    r"|module named|kernel|adapter|operator|models?|data)\b"
    r"|\bno [\w ]{1,40} (?:found|available|left|configured|defined)\b|\bonly supports?\b|\bend of file\b"
    r"|\bnot a multiple of\b"
    r"|\bun(?:available|supported|recogni[sz]ed|resolved|reachable|schedulable|known|readable)\b"
    r"|\b(?:over|above|below|beyond) (?:the )?(?:\w+ )?(?:limit|threshold|maximum|minimum)|\bmaximum number\b"
    r"|\btoo (?:large|small|long|short|many|few|big|old|new|high|low|deep|hot)\b|\bout of (?:range|bounds)\b"
    r"|mismatch|\bincompatible|\bundefined\b|\bunexpected\b|\binvalid\b|\billegal\b|\bmalformed\b|\bduplicate"
    r"|\bambiguous\b|\binconsistent\b|\balready (?:exists|registered)|\bconflict|\bstale\b"
    rf"|\b(?:cannot|can't|could not|couldn't|unable to|fail\w* to|error) {_DO}(?:ing)?\b.*[\w/]{{3}}"
    r"|(?:^|[^\w])nan\b|\bnon-?finite\b|\boverflow|\bunderflow|\bdiverged\b|\bsingular\b|\bexpected\b"
    r"|\bmust (?:be|have|match|not|contain)\b|\brequires?\b|\b(?:is|are) required\b|\bneeds? (?:at least|to)\b"
    r"|\bexceed(?:s|ed|ing)\b.{0,20}\bcfl\b|\bcfl\b.{0,30}\b(?:violat|exceed)"
    r"|\b(?:assert|assertion|\w+_assert\w*)\b.{0,80}(?:\bfail|:\d+: )"
    r"|\bassertion\b.*\bfailed|\bcheck failed\b|\bversion\b.{0,60}\b(?:mismatch|older|newer|required|differ)"
    r"|\bbuilt (?:for|with|against)\b|\bdiffers?\b|\bmissing\b|\bis empty\b"
    r"|\b0 (?:files|samples|images|objects|rows|records|items)\b"
)
_ORIGIN = compile_pattern(
    r"(?i)\b(?:permission|access|authorization) (?:was |is )?denied|\baccessdenied\b|\bforbidden\b"
    r"|\bunauthori[sz]ed\b"
    r"|\bunauthenticated\b|\bnot (?:authori[sz]ed|permitted|allowed|enough)\b|\brestricted\b|\brefused\b"
    r"|\brevoked\b|\bexpired\b|\binvalid (?:\w+ )?(?:credentials?|token|api key|license)|\bno credentials?\b"
    r"|\b(?:licen[cs]e) (?:server|checkout|manager|not|error|expired)|\bno licen[cs]e\b"
    r"|\brequest\w*\W{1,3}\d+\b.{1,20}\b(?:available|free)\W{1,3}\d"
    r"|\bno (?:\w+ )?(?:device|gpu|npu|hpu|tpu|core|chip|accelerator)s? (?:is |are )?(?:available|free|left)\b"
    r"|\binsufficient|\bout of (?:\w+ )?(?:memory|space|quota|credit)|\bno (?:space|free|memory)\b|\bquota\b"
    r"|\bexceed(?:s|ed|ing)\b.{0,40}\b(?:memory|limit|budget|quota|capacity|retries|size)"
    r"|\bover (?:the )?\w* ?(?:quota|budget)"
    r"|\bnot enough\b|\blimit (?:of \S+ )?(?:was |is )?(?:reached|hit|allows)"
    r"|\b[a-z]*(?:limit|quota)exceeded|\bmaximum number of users"
    r"|\bnot have (?:\w+ )?(?:permission|access)|n't have (?:\w+ )?(?:permission|access)|\bfail(?:ed)? to extend\b"
    r"|\bcorrupt|\btruncated\b|\bdamaged\b|\bchecksum (?:error|mismatch|fail\w*|of|does|did)|\b(?:bad"
    r"|wrong|invalid) checksum|\bcrc (?:error|mismatch|check)|\bcrc32?\b.*\bfail"
    r"|\bbad (?:magic|record|crc|block|zip|sector)|\bunexpected end of (?:data|file|stream)"
    r"|\balready (?:in use|held|locked|bound)|\b(?:in use|held|locked) by\b|\bresource busy\b|\bread-only file"
    r"|\bdisk (?:is )?full\b|\b(?:9\d|100) ?% full\b|\bname or service not known|\bno route\b|\bno such host\b"
    r"|\blink\b.{0,20}\bdown\b|\bport (?:error|down)|\bdevice[ _]lost\b|\bis faulty\b"
    r"|\binput/output error|\bi/o error"
    r"|\btransport endpoint is not|\bsafe mode\b|\bcertificate verify failed|\bdns error"
    r"|\bname resolution\b|\bunhandled core"
    r"|\bmaintenance[- ]event|\bspot/instance-action|\bundefined symbol\b|\bfell off\b|\bxid\b"
    r"|\buncorrectable|\becc error|\bhardware error|\bmedium error|\bfatal error detected"
    r"|\bversion\b.{0,40}\b(?:not found|does not match|not supported)|\bwas built (?:for|with|against)\b"
    r"|\b(?:generated|built|compiled|exported|serialized) (?:on|for|with|by) (?:an? )?"
    r"(?:incompatible|different|another|newer|older)\b"
    r"|\bcompatible with th(?:is|e) (?:\w+ )?version|\bversion tag does not match"
    r"|\bexpect(?:ing|ed)\b.{0,30}\bversion\b.{0,60}\b(?:got|found)\b"
    r"|\bpreempted\b|\bevicted\b|\breclaimed\b|\bkill(?:ed|ing)\b.{0,80}\b(?:memory|limit|budget)|\boom\b"
    r"|\boom[- _]?kill"
    r"|\b(?:401|403|413|429|503|507)\b.{0,3}\b(?:client error|server error|forbidden|unauthorized"
    r"|too many|insufficient"
    r"|service|payload)|\b(?:http|status|code)\W{1,4}(?:401|403|413|429|503|507)\b"
    r"|\bpeer access is not|\bsocket not created|\bincorrect (?:username|password)"
    r"|\bauthentication ?failed|\bcannot open shared object"
    r"|\b404\b.{0,3}\b(?:no such|not found|client error)|\bincompatible_driver|\bdriver (?:version[^:]|requires)"
)
_CONSEQUENCE = compile_pattern(
    r"(?i)\bnonetype\b|\bbroken (?:pipe|promise)\b|\bbrokenpipe|\bEOFError\b|\bstopiteration\b"
    r"|\bconnection\b.{0,40}\b(?:lost|closed|reset|aborted|broken)\b|\b(?:recv|send|socket) error\b|\bheartbeat"
    r"|\bunhandled (?:system|cuda) error|\binternal error\b(?:[^ ]|$| [^(])|\berror_device_lost\b"
    r"|\bremote process exited|\bunspecified launch failure"
    r"|\bsegmentation fault|\bcore dumped|\bcore halted|\btimed? ?out\b|\btimeout\b|\bdeadline_?exceeded"
    r"|\bgiving up\b|\baborted\b|\binterrupted\b|\bmismatch between collectives|\bdisagree\b|\bacross all ranks\b"
    r"|\buneven (?:number|inputs)|\bcollectives?\b.{0,40}\bfailed|\bhealth ?check failed|\bhost sync|\bmpi_err_\w+"
    r"|\bactor died|\bworkers? (?:jobs? )?(?:has |have )?(?:died|failed|exited)|\bdied while\b"
    r"|\b(?:workers?|process(?:es)?|children) (?:is|are|was|were) (?:no longer (?:alive|running)|not alive|dead)\b"
    r"|\bsigabrt\b|\bsigterm\b"
    r"|\b(?:exit(?:ed)?|return(?:ed)?|failed)\b.{0,20}\b(?:status|code)\b:? ?-?[1-9]|\breturned a failure\b"
    r"|\bsome \w+ jobs failed|\bdid not (?:start|complete)\b|\bran into error\b|\bother traceback\b|\bdevice log\b"
    r"|\bno (?:fit |trained )?models?\b.{0,20}\b(?:can infer|left|succeeded)|\bloss scale already at minimum"
    r"|\bfailed to (?:complete|finish|run|start \d+ times)\b|\binconsistent\b.{0,20}\bparams\b|\bequal shape in all_"
)
"""What fails because something else did."""


_REFUSED = compile_pattern(
    r"(?i)\b(?:401 unauthori[sz]ed|403 forbidden|407 proxy auth\w*|413 (?:payload|request entity|content) too large"
    r"|429 too many requests|404 not found|410 gone|451 unavailable|507 insufficient storage)\b"
)
"""A status of HTTP, with which nothing else that failed makes a server answer."""


_NONE_COUNTED = re.compile(
    r"(?i)\b(?:(?:number|count) of |num_?|n_)?(?:nans?|infs?|non-?finite|(?:grad_)?(?:over|under)flow(?:s|ed)?|skipped"
    r"|invalid|corrupt(?:ed)?|truncated|duplicated?|mismatch(?:e[sd])?|missing|unexpected)"
    r"(?:[ _](?!(?:rank|process|worker|task|index|id|device|host|node)\w*[ :=])[a-z]{2,14}s)?"
    r" ?[:=] *(?:0(?:\.0+)?(?![\w.%])|false\b|none\b)"
)
"""A counter of what did not happen, as lines of progress have them."""


class Grade(enum.IntEnum):
    """How much a line says about a failure."""

    OUTCOME = 0
    """Only that something failed, or what fails when something else has failed."""
    FAULT = 1
    """An error."""
    REASON = 2
    """What is wrong."""
    ORIGIN = 3
    """What is wrong, and no other failure of the run brings it about."""


def states_refusal(text: str) -> bool:
    """Does a line state the status with which a server refuses a request?"""
    return _REFUSED.contains(text)


@lru_cache(maxsize=256)
def grade(text: str) -> Grade:
    """Grade a line without its prefixes."""
    text = _NONE_COUNTED.sub("", text)
    if states_refusal(text):
        return Grade.ORIGIN
    if _CONSEQUENCE.contains(text):
        return Grade.OUTCOME
    if _ORIGIN.contains(text):
        return Grade.ORIGIN
    if _REASON.contains(text):
        return Grade.REASON
    return Grade.OUTCOME if is_vague(text) else Grade.FAULT
