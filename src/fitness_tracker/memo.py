"""What is finished, kept outside the project: outputs by key, checked when read, bounded in size.

It lies in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder, and may be deleted at any time. Workspace,
`--temp` and queued runs share it; a process that is killed at any moment leaves it whole.
"""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

from diskcache import Cache, Timeout

from fitness_tracker.errors import UserError

GB = 2**30  # bytes
DIGEST = 32  # bytes of a SHA-256
BROKEN = (OSError, sqlite3.Error, Timeout)


def memo_folder() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fitness-tracker"
    return Path(os.environ.get("FITNESS_TRACKER_CACHE") or default)


class Memo:
    """Outputs by key, checked against their hash when read; shared by threads and processes."""

    def __init__(self, folder: Path, size: float = 20) -> None:
        """`size` in GB; beyond it the oldest outputs go."""
        try:
            limit = round(size * GB)
            self.cache = Cache(str(folder), size_limit=limit, eviction_policy="least-recently-stored")
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"{folder}: cannot hold the memo ({error}); delete it, or set FITNESS_TRACKER_CACHE"
            ) from None

    def get(self, key: str) -> bytes | None:
        """The output under `key`; None if there is none, it is damaged, or the memo cannot be read."""
        try:
            kept = self.cache.get(key)
        except BROKEN:
            return None
        sound = isinstance(kept, bytes) and hashlib.sha256(memoryview(kept)[DIGEST:]).digest() == kept[:DIGEST]
        return kept[DIGEST:] if sound else None

    def set(self, key: str, output: bytes) -> None:
        """Keeps an output, if the memo can: a full disk costs time on the next run, not this one's result."""
        with contextlib.suppress(*BROKEN):
            self.cache.set(key, hashlib.sha256(output).digest() + output)

    def forget(self, key: str) -> None:
        with contextlib.suppress(*BROKEN):
            self.cache.delete(key)
