"""What is kept of finished results, and what a damaged or hostile folder does."""

import os
import pickle
import pwd
import sqlite3
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.processing.result_cache import DIGEST_BYTES, GB, ResultCache, cache_folder


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_nothing_in_the_cache_folder_is_unpickled(tmp_path: Path) -> None:
    """As diskcache did with the rows of its database, before any hash could be checked (CVE-2025-69872)."""
    trap = pickle.dumps(Trap(tmp_path / "executed"))
    with sqlite3.connect(tmp_path / "cache.db") as planted:
        planted.execute("CREATE TABLE Cache (key BLOB, raw INTEGER, mode INTEGER, value BLOB)")
        planted.execute("INSERT INTO Cache VALUES ('key', 1, 4, ?)", (trap,))
    cache = ResultCache(tmp_path)
    cache.set("key", b"output")
    cache.path("key").write_bytes(trap)
    assert cache.get("key") is None
    assert not (tmp_path / "executed").exists()
    pickle.loads(trap)
    assert (tmp_path / "executed").exists()  # the trap works


def test_the_oldest_results_go_and_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "of others").write_bytes(bytes(5000))
    for number in range(40):
        cache = ResultCache(tmp_path, 1000 / GB)
        cache.set(f"key-{number:02d}", bytes(100 - DIGEST_BYTES))
        os.utime(cache.path(f"key-{number:02d}"), (number, number))
    stored = [number for number in range(40) if cache.get(f"key-{number:02d}") is not None]
    assert 5 <= len(stored) <= 10
    assert stored == list(range(40 - len(stored), 40))
    assert (tmp_path / "of others").exists()


def test_a_cache_folder_that_cannot_be_is_reported(tmp_path: Path) -> None:
    for folder in (Path("/dev/null/cache"), tmp_path / "file"):
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(UserError, match=r"cannot hold the result cache.*FITNESS_TRACKER_CACHE"):
            ResultCache(folder)


def test_the_cache_folder_moves_with_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FITNESS_TRACKER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "fitness-tracker"


def test_a_user_without_name_and_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
    for name in ("FITNESS_TRACKER_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="set FITNESS_TRACKER_CACHE"):
        cache_folder()
    monkeypatch.setenv("FITNESS_TRACKER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
