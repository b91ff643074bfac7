"""Sign the body of a webhook, as Stripe does. Pure.

The header is `t=<unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>" in hexadecimal>`. The receiver computes the same over
the bytes that it received, compares in constant time, and refuses an old time.
"""

import hashlib
import hmac

HEADER = "Trainwatch-Signature"


def sign(body: bytes, secret: str, at_s: int) -> str:
    """Return the value of the header for a body that is sent at this time."""
    signed = f"{at_s}.".encode() + body
    return f"t={at_s},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
