"""Recognise the exception of one request, which the handler of a server caught and answered with an error.

The handler of each framework announces such an exception. One or two of them say that a request was wrong, or that the
code has a bug which some requests reach; the server goes on. If more fail, nobody is served.
"""

import re

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.recovery import Recovery
from bot.diagnosis.precedence import Precedence

MAX_FAILED = 2
"""Number of failed requests, without an answered one, that do not show yet that all fail."""
_OF_REQUESTS = frozenset({"code", "data"})
"""Categories of exceptions that a request can cause. Those of devices and memory stay for the next request."""
_BY_CONTENT = re.compile(
    r"^\s*(?:\w+\.)*(?:(?:Type|Key|Index|Value|Attribute|Assertion|ZeroDivision|Overflow|NotImplemented|Lookup"
    r"|Unicode\w*|\w*Decode|\w*Encode|\w*Validation|\w*Parse|Missing\w*|Invalid\w*|UnidentifiedImage)(?:Error|Exception)"
    r"|cv2\.error)\b"
)
"""Exceptions that the content of a request causes, unlike those of an engine that has failed."""
_HANDLER = re.compile(
    r"\bException on /\S* \[[A-Z]+\]|\bException in [AW]SGI application|\bError caught in API function"
    r"|\bException (?:calling application|iterating responses): |\bInternal Server Error: /"
    r"|\bUncaught exception (?:GET|POST|PUT|PATCH|DELETE) /|\bException occurred while handling uri\b"
    r"|\bError handling request\b|\bInvoking custom service failed\b"
    r"|\bFailed to process the request\(s\) for model\b"
)
"""What the handler of requests in a framework for servers logs before the exception."""
_ANY_HANDLER = re.compile(
    r"(?i)\b(?:failed|failure|error|exception) (?:occurred )?(?:while |when |in |to )?"
    r"(?:process|handl|serv|answer)(?:e|ing)? (?:the |a |this )?"
    r"(?:(?:http|api|inference|grpc|rpc|predict\w*) )?(?:request|prediction|call|query)\b"
)
"""The same in words of any program; of a client, too."""


def is_of_one_request(root: Candidate, recovery: Recovery) -> bool:
    """Did the handler of a server catch the exception, and have few requests failed?"""
    if recovery.has_exited or not root.has_exception or root.precedence is not Precedence.ROOT:
        return False
    if root.category not in _OF_REQUESTS or max(root.count, recovery.life.failed) > MAX_FAILED:
        return False
    rows = root.excerpt[: root.root_index]
    is_server = root.is_in_server or recovery.routine.surroundings.is_server or recovery.life.failed > 0
    is_announced = any(map(_HANDLER.search, rows)) or (is_server and any(map(_ANY_HANDLER.search, rows)))
    return is_announced and (root.name == "shape_device" or _BY_CONTENT.search(root.exception) is not None)
