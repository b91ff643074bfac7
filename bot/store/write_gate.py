"""Take turns between the processes that write to one SQLite file.

SQLite gives its write lock to whoever asks first once it is free. A process with a queue of transactions asks again at
once; another process, whose attempts are up to a tenth of a second apart, may then wait for minutes. So a process holds
this gate while it waits for the write lock, and gives it up when it has the lock: whoever has just written waits at the
gate until the other one has had its turn.
"""

import asyncio
import errno
import os
import random
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PATIENCE_S = 2.0
"""After this, a process writes without the gate: its holder may be stopped, and the gate only makes writing fair."""
_LONGEST_PAUSE_S = 0.01
_IS_HELD = {errno.EWOULDBLOCK, errno.EACCES}


class WriteGate:
    """An advisory lock on the folder of the file, which needs no separate file and ends with its process."""

    def __init__(self, folder: Path, *, patience_s: float = _PATIENCE_S) -> None:
        # Opened at the first use, because the folder may not exist yet.
        self._folder, self._patience_s = folder, patience_s
        self._descriptor: int | None = None
        self._is_usable = True

    async def enter(self) -> None:
        """Wait for the gate, at most `patience_s`."""
        ends_s = asyncio.get_running_loop().time() + self._patience_s
        while not self._try_lock() and asyncio.get_running_loop().time() < ends_s:  # noqa: ASYNC110
            await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311

    def leave(self) -> None:
        """Let the next process through. Does nothing if the gate is not held."""
        if sys.platform != "win32" and self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try_lock(self) -> bool:
        """Whether the gate is held now, or cannot be used on this file system."""
        if sys.platform == "win32" or not self._is_usable:
            return True
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if problem.errno in _IS_HELD:
                return False
            self._is_usable = self._descriptor is None  # a folder may appear later; a file system without locks stays
        return True
