"""HTTP for every provider."""

import sys

# httpx imports its own command line where click is installed, and with it rich and pygments: a third of the start-up.
# An entry of None makes Python report the module as missing, which httpx expects.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
