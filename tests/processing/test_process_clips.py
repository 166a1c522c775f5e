"""One function over many clips: what is computed, stored, tried again and blamed on whom."""

import errno
import os
import pickle
import pwd
import signal
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import UserError
from fitness_tracker.processing import process_clips as processing
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import DIGEST_BYTES, GB, ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import ClipError, MachineError, read_frames, resize_video
from tests.conftest import processes_of

OUTPUT_VERSION = 1
CALLS: list[bytes] = []


def repeat(clip: bytes, times: int) -> bytes:
    """Stands for a clip function."""
    CALLS.append(clip)
    if clip.startswith(b"bad"):
        raise ClipError("does not decode")
    return clip * times


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name in ("squat/a", "squat/deep/b", "lunge/c"):
        path = tmp_path / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "videos"


def outputs(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(videos: Path, times: int = 2, skip: bool = False) -> tuple[int, dict[str, bytes]]:
    """(how often the function was called, what it wrote)."""
    CALLS.clear()
    function, out, cache = partial(repeat, times=times), videos.parent / "out", ResultCache(videos.parent / "cache")
    process_clips(function, find_clips(videos), out, ".txt", "repeat", cache, skip)
    return len(CALLS), outputs(out)


def test_folders_stay_and_what_was_computed_is_not_computed_again(videos: Path) -> None:
    expected = {f"{n}.txt": n.encode() * 2 for n in ("lunge/c", "squat/a", "squat/deep/b")}
    assert run(videos) == (3, expected)
    assert run(videos) == (0, expected)


def test_another_parameter_is_another_result_and_back_costs_nothing(videos: Path) -> None:
    run(videos)
    assert run(videos, times=3)[1]["squat/a.txt"] == b"squat/a" * 3
    assert run(videos)[0] == 0


def test_one_changed_clip_costs_one_call_and_a_removed_one_leaves_nothing(videos: Path) -> None:
    run(videos)
    (videos / "squat/a.mp4").write_bytes(b"changed")
    (videos / "squat/deep/b.mp4").unlink()
    assert run(videos) == (1, {"squat/a.txt": b"changedchanged", "lunge/c.txt": b"lunge/c" * 2})


def test_a_bad_clip_is_named_and_stops_no_other_and_the_earlier_out_stays(videos: Path) -> None:
    _, first = run(videos)
    (videos / "lunge/broken.mp4").write_bytes(b"bad one")
    (videos / "lunge/new.mp4").write_bytes(b"new")
    with pytest.raises(UserError, match=r"(?s)1 of 5 clips.*broken\.mp4: does not decode"):
        run(videos)
    assert outputs(videos.parent / "out") == first
    assert not (videos.parent / "out.partial").exists()
    (videos / "lunge/broken.mp4").unlink()
    assert run(videos)[0] == 0


# What passes: each is tried once more, and fails the stage if it stays, also where bad clips are skipped


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOMEM, errno.ESTALE])
def test_a_disk_that_fails_once_loses_no_clip_and_one_that_fails_twice_fails_the_stage(
    videos: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real, failures = Path.read_bytes, [1]

    def read_bytes(path: Path) -> bytes:
        if path.name == "a.mp4" and failures[0]:
            failures[0] -= 1
            raise OSError(number, os.strerror(number))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert run(videos, skip=True)[1]["squat/a.txt"] == b"squat/asquat/a"
    failures[0] = 2
    with pytest.raises(MachineError, match=rf"squat/a\.mp4: {os.strerror(number)}; what is finished is kept"):
        run(videos, skip=True)


def test_a_want_of_memory_in_python_is_the_machines_fault(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(path: Path) -> bytes:
        raise MemoryError

    monkeypatch.setattr(processing, "read_source", hold)
    with pytest.raises(MachineError, match="not enough memory to hold it"):
        run(videos, skip=True)


def kill_ffmpegs(folder: Path, signal_: int, times: int) -> None:
    """Sends the signal to the first `times` ffmpeg processes that are seen in `folder`, each once."""
    killed: set[int] = set()
    while len(killed) < times:
        for process in processes_of(folder):
            try:
                if process.pid not in killed and "ffmpeg" in process.name():
                    process.send_signal(signal_)
                    killed.add(process.pid)
            except psutil.NoSuchProcess:
                continue


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
def test_an_ffmpeg_killed_once_loses_no_clip_and_killed_again_fails_the_stage(
    tmp_path: Path, make_clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, signal_: int
) -> None:
    (tmp_path / "videos/squat").mkdir(parents=True)
    source = "testsrc2=size=1280x720:rate=30:duration=4"
    (tmp_path / "videos/squat/a.mp4").write_bytes(make_clip("-f", "lavfi", "-i", source, "-preset", "ultrafast"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for times in (2, 1):
        killer = threading.Thread(target=kill_ffmpegs, args=(tmp_path, signal_, times), daemon=True)
        killer.start()
        clips, cache = find_clips(tmp_path / "videos"), ResultCache(tmp_path / "cache")
        arguments = partial(resize_video, fit="pad"), clips, tmp_path / "out", ".mp4", "resize", cache, True
        if times == 2:
            with pytest.raises(MachineError, match=r"squat/a\.mp4: ffmpeg was killed"):
                process_clips(*arguments)
        else:
            process_clips(*arguments)
            assert len(list(read_frames((tmp_path / "out/squat/a.mp4").read_bytes(), 1, "pad"))) == 4
        killer.join(timeout=60)
        assert not killer.is_alive()


# The result cache


def test_a_damaged_result_is_computed_again(videos: Path) -> None:
    _, first = run(videos)
    for path in (path for path in (videos.parent / "cache").rglob("*") if path.is_file()):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert run(videos) == (3, first)


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


def test_a_cache_that_fails_later_costs_nothing_but_time(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResultCache, "path", lambda cache, key: Path("/dev/full/impossible"))
    assert run(videos)[0] == 3
    assert run(videos)[0] == 3
