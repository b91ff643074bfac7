"""Recognise prose in which a program gives up: "there is nothing to learn from, leaving".

Early stopping, a planned stop and a finished run use the same verbs, so the prose must also state what went wrong.
"""

import re

from bot.domain.regex import compile_pattern

_GO_ON = r"(?:go(?:ing)? on|continu(?:e|ing)|proceed(?:ing)?|carry(?:ing)? on|train|start|resume|run)"
_GIVES_UP = re.compile(
    rf"(?i)\b(?:i|we|so|and|must|will|have to|program|trainer|process|run)?\W{{0,2}}\b(?:giv(?:es?|ing) up"
    rf"|gave up)\b(?! (?:its|the|on|yet))"
    rf"|\b(?:can(?:not|'t)|will not|won't|unable to|impossible to|not able to|refus(?:es?|ing|ed) to) {_GO_ON}\b"
    rf"|\bno (?:point|sense|use) (?:in |to )?{_GO_ON}\b|\bmakes? no sense to {_GO_ON}\b"
    r"|\babandon(?:s|ed|ing)? (?:the |this )?(?:run|training|job|session|attempt)\b|\bpulling the plug\b"
    r"|\bbowing out\b"
    r"|\bnothing (?:more )?can be done\b|\bdone trying\b|\b(?:have|has|had) to (?:stop|quit|end|abort)\b"
    r"|\bforced to (?:stop|quit|end)\b|\bcalling it (?:off|quits)\b|\bthrow(?:ing|s)? in the towel\b"
    r"|\bending (?:\w+ ){0,3}(?:early|prematurely)\b|\bended (?:\w+ ){0,3}(?:before|early|prematurely)\b"
)
"""A program that states that it cannot go on."""
_ENDS = re.compile(
    r"(?i)\b(?:stopping|stopped|quitting|leaving|ending|exiting|halting|(?:closing|shutting) down|terminating)\b"
    r"(?:\W|$)|\b(?:training|run|program|session|job) (?:ends?|stops?) (?:here|now)\b|\bgood ?bye\b"
    r"|\bthat (?:was|is) it\b"
)
"""A program that ends, for whatever reason."""
_TROUBLE = re.compile(
    r"(?i)\b(?:did not|didn't|does not|doesn't|do not|has not|have not|never|without|gone|went away|vanished"
    r"|silent|missing"
    r"|nothing (?:left )?to (?:train|learn)\b|could not|couldn't|cannot|can't|unable|refus\w+|disagree\w*|unreachable"
    r"|another model|stuck|lost|wrong|out of (?:memory|space|disk)|too many|only \d+ (?:of|out of) \d+|failed|failure"
    r"|dead|died|mismatch\w*|broken|corrupt\w*|zero for|not (?:reachable|there|found|available|answer\w*|match\w*)"
    r"|no (?:answer|reply|response|room|space|such|valid|more (?:disk|memory|space))|impossible|invalid|damaged"
    r"|denied)\b"
)
_PLANNED = re.compile(
    r"(?i)\bearly[- ]stop|\bno improvement|\bnot improv|\bbest\b|\breached\b|\brequested\b|\bplanned\b|\bbudget\b"
    r"|\btoleranc|\bconverg|\btarget\b|\blast (?:epoch|pass|step|iteration|batch|round)\b|\basked\b|\brequest to\b"
    r"|\bstop request|\bby (?:the )?user\b|\ball (?:\w+ )?(?:shards|passes|epochs|steps|done|data|files"
    r"|parts)\b|\bpatience\b"
    r"|\bmax_?(?:steps|epochs|iter\w*)\b|\bcomplete[d]?\b|\bschedul|\bresume with\b|--resume|\brollout\b"
    r"|\bdrain|\bsigterm\b"
    r"|\bseen once\b|\bfor now\b|\bnothing (?:new|more) to\b|\bon purpose\b|\bctrl-?c\b|\bplateau|\bsteps? done\b"
)
"""Reasons for an end without a failure."""
_OTHERS = re.compile(
    r"(?i)\b(?:client|helper|request|connection|callback|download|upload|worker \d+|probe|lease|session \d+"
    r"|dashboard)\b"
    r"|\b(?:tak(?:e|es|ing)|pick(?:s|ing)?|try(?:ing)?|asking|using) (?:the |it )?(?:next|again|another)\b"
    r"|\byet\b|\binstead\b"
    r"|[\"\u201c\u201d]"
)
"""What gives up while the program goes on, and what it quotes."""
MIN_WORDS = 5
MAY_END = compile_pattern(
    rb"(?i:stop|quit|leaving|\bend(?:s|ed|ing)\b|giv|gave|go on|going on|continu|carry|proceed|refus|abandon"
    rb"|plug|bowing"
    rb"|trying|bye|that was it|can be done|exiting|halting|towel|cannot|will not|won't|unable)"
)


def states_plain_end(text: str) -> bool:
    """Does a line without its prefixes state in prose that a program gives up because of something that went wrong?"""
    if len(text.split()) < MIN_WORDS or _PLANNED.search(text) or _OTHERS.search(text):
        return False
    return _GIVES_UP.search(text) is not None or (_ENDS.search(text) is not None and states_trouble(text))


def states_trouble(text: str) -> bool:
    """Does a line say in plain words what went wrong?"""
    return _TROUBLE.search(text) is not None
