"""Recognise prose in which a program gives up: "there is nothing to learn from, leaving".

Early stopping, a planned stop and a finished run use the same verbs, so the prose must also state what went wrong.
"""

import re

from bot.domain.regex import compile_pattern

_GO_ON = r"(?:go(?:ing)? on|continu(?:e|ing)|proceed(?:ing)?|carry(?:ing)? on|train|start|resume|run)"
_GIVES_UP = re.compile(
    r"(?i)\b(?:giv(?:es?|ing) up|gave up)\b(?! (?:its|the|on|yet))|\bno way to (?:go on|continue|proceed|recover)\b"
    rf"|\b(?:can(?:not|'t)|will not|won't|unable to|impossible to|not able to|refus(?:es?|ing|ed) to) {_GO_ON}\b"
    rf"|\bno (?:point|sense|use) (?:in |to )?{_GO_ON}\b|\bmakes? no sense to {_GO_ON}\b|\bnot recoverable\b"
    r"|\babandon(?:s|ed|ing)? (?:the |this )?(?:run|training|job|session|attempt)\b|\bpulling the plug\b"
    r"|\bbowing out\b"
    r"|\b(?:session|run|cluster|job|program|process|driver|trainer) cannot be (?:used|resumed|recovered|continued)\b"
    r"|\bnothing (?:more )?can be done\b|\bdone trying\b|\b(?:have|has|had) to (?:stop|quit|end|abort)\b"
    r"|\bforced to (?:stop|quit|end)\b|\bcalling it (?:off|quits)\b|\bthrow(?:ing|s)? in the towel\b"
    r"|\bwalking away from\b"
    r"|\bending (?:this |the )?(?:session|run|training|job) (?:early|prematurely)\b|\bended (?:before|early"
    r"|prematurely)\b"
    r"|\babort(?:ing|ed) (?:the )?(?:remaining|rest|run|training|job|whole)\b|\bpointless\b|\bnothing (?:is|was"
    r"|gets|will be) trained\b"
    r"|\b(?:ends?|ended|stops?|stopped) without (?:a |any )?(?:model|result|output)\b|\bleaving (?:the "
    r"|our )?work unfinished\b"
)
"""A program that states that it cannot go on."""
_RUN = r"(?:the |this |our |my )?(?:run|training|trainer|job|session|program|attempt|experiment)"
_ENDS = re.compile(
    r"(?i)\b(?:stopping|stopped|quitting|leaving|ending|exiting|halting|closing|terminating|(?:closing"
    r"|shutting) down)"
    rf"(?= (?:here|now|early)\b| {_RUN}\b|\s*[.;!]|\s*$)|\b(?:closing|shutting) {_RUN} down\b"
    r"|\b(?:good ?bye|bye|that (?:was|is) it)\b|\bbetter to (?:stop|quit)\b|\b(?:will|must|going to) (?:exit"
    r"|stop|quit)\b"
    rf"|\b{_RUN} (?:(?:ends?|stops?) (?:here|now)|end\b|is finished)|\bunfinished\b|\bend of (?:the|this) run\b"
    rf"|\bgo(?:es|ing) home\b|\bbefore its time\b"
    r"|\b(?:we|i) (?:\w+ )?(?:stop|quit|end|leave)\b|\b(?:we|i)(?: a|')(?:re|m) done here\b|^\W*(?:stopped"
    r"|halted|ended): "
)
"""A program that ends, for whatever reason: not what it only stops, such as a profiler."""
_VERB = (
    r"(?:answer|reply|replie|respond|match|exist|fit|hand|come|came|arrive|start|return|show|send|sent|agree|load"
    r"|finish)"
)
_TROUBLE = re.compile(
    rf"(?i)\b(?:(?:did|does|do)(?: not|n't)|has not|have not|hasn't|haven't|never|not|nor) (?:\w+ )?{_VERB}\w*"
    r"|\b(?:could not|couldn't|cannot|can't|unable to|failed to) (?:be )?(?:find|found|reach|read|open|load"
    r"|writ|get|connect"
    r"|tak|repair|guess|creat|allocat|parse|start|join|resolv|fetch|restor)\w*"
    r"|\b(?:went away|vanished|exhausted|nothing (?:left )?to (?:train|learn)|refus\w+|disagree\w*|unreachable"
    r"|stuck|expired"
    r"|lost (?:its|the|contact|connection|quorum)|(?:is|are|was|were|have|has) gone|gone;|run out"
    r"|out of (?:retries|disk|memory|space)"
    r"|only \d+ (?:of|out of) \d+|too few|not enough|failed|failure|rejected|died|mismatch\w*|broken|corrupt\w*"
    r"|unreadable"
    r"|abnormal\w*|been (?:quiet|silent)|silent for|quiet for|closing the door|inconsistent|unavailable"
    r"|timed out|garbage"
    r"|zero for|another model|different models|incomplete|insufficient|used up|not renewed"
    r"|(?:does|do) not have the|half of the \w+ (?:is |are )?missing|(?:file|table|shard|peer|host|node"
    r"|key)s? (?:is |are )?missing"
    r"|not (?:reachable|there|found|available|recoverable)|no (?:answer|reply|response|room|such|valid|usable)\b"
    r"|impossible"
    r"|invalid|damaged|denied|nothing was (?:written|saved))\b"
)
_PLANNED = re.compile(
    r"(?i)\bearly[- ]stop|\bskipped\b|\breplaced\b|\brecovered\b|\blater\b|\baccepted\b|\bnecessary\b"
    r"|\bneeded\b|\bdownloaded\b|\bnot a failure\b|\bnone (?:was |were |is )?lost\b|\bnothing (?:was |is )?lost\b"
    r"|\bnot need\b|(?<!used )\bany more\b|\bagreed\b|\bno improvement|\bimprov|\bbest\b|\breached\b|\brequested\b"
    r"|\bplanned\b|\bbudget\b"
    r"|\benough,"
    r"|\b(?:low|high|good|small) enough\b|\btoleranc|\bconverg|\btarget\b|\bno new\b|\bnothing failed\b"
    r"|\bno (?:errors|failures)\b"
    r"|\b0 (?:\w+ )?(?:lost|failed|errors|failures|left|batches lost)\b|\b0 lost\b|\bis done\b|\bwarm-?up\b"
    r"|\bbecause --"
    r"|\blast (?:epoch|pass|step|iteration|batch|round)\b|\basked\b|\brequest to\b|\bresults? (?:are|is|in"
    r"|saved|written)\b"
    r"|\bstate is saved\b|\ball (?:\w+ )?(?:shards|passes|epochs|steps|done|data|files|parts)\b|(?<!in )\bcontinuing\b"
    r"|\bstop request|\bby (?:the )?user\b|\bpatience\b|\bsince (?:yesterday|the last run)\b|\bup to date\b"
    r"|\bmax_?(?:steps|epochs|iter\w*)\b|(?<!not )\bcomplete[d]?\b|\bschedul|\bresume with\b|--resume"
    r"|\brollout\b|\bdrain"
    r"|\bsigterm\b|\bseen once\b|\bfor now\b|\bnothing (?:new|more) to\b|\bon purpose\b|\bctrl-?c\b|\bplateau"
    r"|\bsteps? done\b"
)
"""Reasons for an end without a failure."""
_OTHERS = re.compile(
    r"(?i)\b(?:client|helper|request|connection|callback|download|upload|worker \d+|probe|session \d+|dashboard)\b"
    r"|\b(?:tak(?:e|es|ing)|pick(?:s|ing)?|try(?:ing)?|asking|using) (?:the |it )?(?:next|again|another)\b|\byet\b"
    r"|\binstead\b|\bits lease\b|[\"\u201c\u201d]"
)
"""What gives up while the program goes on, and what it quotes."""
MIN_WORDS = 4
MAY_END = compile_pattern(
    rb"(?i:home|end of|stop|quit|leaving|closing|pointless|trained|unfinished|before its|\bexit|abort|\bend(?:s"
    rb"|ed|ing)\b"
    rb"|giv|gave|go on|going on|continu|carry|proceed|refus|abandon"
    rb"|plug|bowing"
    rb"|trying|bye|that was it|can be done|exiting|halting|towel|cannot|will not|won't|unable|shutting"
    rb"|done here|walking"
    rb"|recoverable|no way to)"
)


def states_plain_end(text: str) -> bool:
    """Does a line without its prefixes state in prose that a program gives up because of something that went wrong?"""
    if len(text.split()) < MIN_WORDS or _PLANNED.search(text) or _OTHERS.search(text):
        return False
    return _GIVES_UP.search(text) is not None or (_ENDS.search(text) is not None and states_trouble(text))


def states_trouble(text: str) -> bool:
    """Does a line say in plain words what went wrong?"""
    return _TROUBLE.search(text) is not None
