"""One function over many clips: what is computed, stored, tried again and blamed on whom."""

import errno
import os
import signal
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
from fitness_tracker.processing.result_cache import ResultCache, function_key
from fitness_tracker.video.ffmpeg import ClipError, MachineError, NotedBytes, read_frames, resize_video
from tests.projects import processes_of

OUTPUT_VERSION = 1
CALLS: list[bytes] = []


def repeat(clip: bytes, times: int) -> bytes:
    """Stands for a clip function."""
    CALLS.append(clip)
    if clip.startswith(b"bad"):
        raise ClipError("does not decode")
    return NotedBytes(clip * times, "is odd") if clip == b"odd" else clip * times


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


def test_notes_on_clips_are_printed_in_every_run(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that nobody misses them, such a clip is worked on anew."""
    (videos / "squat/odd.mp4").write_bytes(b"odd")
    for calls in (4, 1):
        assert run(videos)[0] == calls
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"repeat: {videos / 'squat/odd.mp4'}: is odd"
        assert len(lines) == 2


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


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
def test_an_ffmpeg_killed_once_loses_no_clip_and_killed_again_fails_the_stage(
    tmp_path: Path, make_clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, signal_: int
) -> None:
    (tmp_path / "videos/squat").mkdir(parents=True)
    source = "testsrc2=size=1280x720:rate=30:duration=4"
    (tmp_path / "videos/squat/a.mp4").write_bytes(make_clip("-f", "lavfi", "-i", source, "-preset", "ultrafast"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    function_key(partial(resize_video, fit="pad"))  # asks ffmpeg for its version, once in a process
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


def test_a_damaged_result_is_computed_again(videos: Path) -> None:
    _, first = run(videos)
    for path in (path for path in (videos.parent / "cache").rglob("*") if path.is_file()):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert run(videos) == (3, first)


def test_a_cache_that_fails_later_costs_nothing_but_time(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResultCache, "path", lambda cache, key: Path("/dev/full/impossible"))
    assert run(videos)[0] == 3
    assert run(videos)[0] == 3
