import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.errors import UserError
from fitness_tracker.processing import result_cache as mapping
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, function_key
from fitness_tracker.video.ffmpeg import ClipError, read_frames, resize_video
from fitness_tracker.video.frames import extract_frames

CALLS: list[bytes] = []


def repeat(clip: bytes, times: int) -> bytes:
    """Stands for a clip function."""
    CALLS.append(clip)
    if clip.startswith(b"bad"):
        raise ClipError("does not decode")
    return clip * times


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FITNESS_TRACKER_CACHE", str(tmp_path / "result_cache"))
    for name in ("squat/a", "squat/deep/b", "lunge/c"):
        path = tmp_path / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    CALLS.clear()
    return tmp_path / "videos"


def outputs(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(videos: Path, times: int = 2) -> tuple[int, dict[str, bytes]]:
    out = videos.parent / "out"
    CALLS.clear()
    process_clips(partial(repeat, times=times), find_clips(videos), out, ".txt", "repeat", False, 1)
    return len(CALLS), outputs(out)


def test_folders_are_kept(videos: Path) -> None:
    new, found = run(videos)
    assert new == 3
    assert found == {f"{n}.txt": n.encode() * 2 for n in ("lunge/c", "squat/a", "squat/deep/b")}


def test_what_was_done_is_not_done_again(videos: Path) -> None:
    _, first = run(videos)
    new, second = run(videos)
    assert new == 0
    assert second == first


def test_another_parameter_is_another_result_and_back_costs_nothing(videos: Path) -> None:
    run(videos)
    assert run(videos, times=3)[1]["squat/a.txt"] == b"squat/a" * 3
    assert run(videos)[0] == 0


def test_one_changed_clip_costs_one_call_and_a_removed_one_leaves_nothing(videos: Path) -> None:
    run(videos)
    (videos / "squat/a.mp4").write_bytes(b"changed")
    (videos / "squat/deep/b.mp4").unlink()
    new, found = run(videos)
    assert new == 1
    assert found == {"squat/a.txt": b"changedchanged", "lunge/c.txt": b"lunge/c" * 2}


def test_a_bad_clip_is_named_and_stops_no_other(videos: Path) -> None:
    (videos / "lunge/broken.mp4").write_bytes(b"bad one")
    with pytest.raises(UserError, match=r"(?s)1 of 4 clips.*broken\.mp4: does not decode"):
        run(videos)
    assert not (videos.parent / "out").exists()
    assert not (videos.parent / "out.partial").exists()
    (videos / "lunge/broken.mp4").unlink()
    assert run(videos)[0] == 0


def test_a_failure_leaves_the_earlier_out_alone(videos: Path) -> None:
    _, first = run(videos)
    (videos / "lunge/broken.mp4").write_bytes(b"bad one")
    with pytest.raises(UserError):
        run(videos)
    assert outputs(videos.parent / "out") == first


def test_a_damaged_memo_is_noticed(videos: Path) -> None:
    _, first = run(videos)
    kept = ResultCache(mapping.cache_folder())
    for key in list(kept.cache):
        kept.cache[key] = kept.cache[key][:-1] + b"?"
    new, second = run(videos)
    assert new == 3
    assert second == first


def test_the_key_depends_on_function_parameters_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [function_key(partial(resize_video, fit="pad")), function_key(partial(resize_video, fit="crop"))]
    keys.append(function_key(partial(read_frames, fit="pad")))
    monkeypatch.setattr(mapping.inspect, "getsource", lambda module: "edited")
    keys.append(function_key(partial(resize_video, fit="pad")))
    monkeypatch.setattr(mapping, "ffmpeg_version", lambda: "another")
    keys.append(function_key(partial(resize_video, fit="pad")))
    assert len(set(keys)) == 5


def test_the_code_of_what_a_function_calls_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = function_key(partial(extract_frames, fps=1, quality=1))
    real = mapping.inspect.getsource
    monkeypatch.setattr(mapping.inspect, "getsource", lambda m: real(m) + "# edited" * m.__name__.endswith(".video"))
    assert function_key(partial(extract_frames, fps=1, quality=1)) != before


def test_a_memo_that_cannot_be_is_told(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITNESS_TRACKER_CACHE", "/dev/null/result_cache")
    with pytest.raises(UserError, match="FITNESS_TRACKER_CACHE"):
        run(videos)


def test_a_memo_of_rubbish_is_told(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "result_cache").mkdir()
    (tmp_path / "result_cache" / "cache.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(UserError, match="cannot hold the result_cache"):
        run(videos)


def test_the_memo_moves_with_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FITNESS_TRACKER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mapping.cache_folder() == tmp_path / "fitness-tracker"


def test_one_worker_and_two_write_the_same(make_clip, tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / "videos" / "squat" / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_clip("-f", "lavfi", "-i", f"testsrc2=size=200x{100 + 20 * number}:rate=20:duration=1"))
    program = (
        "import sys; from pathlib import Path; from functools import partial\n"
        "from fitness_tracker.clips import folder\nfrom fitness_tracker.processing import process_clips\n"
        "from fitness_tracker.video import ffmpeg\n"
        "resize, found = partial(ffmpeg.resize_video, fit='pad'), folder.find_clips(Path('videos'))\n"
        "process_clips.process_clips(resize, found, Path(sys.argv[1]), '.mp4', '', False, 1)"
    )
    for workers in ("1", "2"):
        env = {"LOKY_MAX_CPU_COUNT": workers, "FITNESS_TRACKER_CACHE": str(tmp_path / f"result_cache{workers}")}
        subprocess.run([sys.executable, "-c", program, f"out{workers}"], cwd=tmp_path, env=env, check=True)
    assert outputs(tmp_path / "out1") == outputs(tmp_path / "out2")
    assert len(outputs(tmp_path / "out1")) == 4


def test_a_memo_that_fails_later_costs_nothing_but_time(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(mapping.Cache, "set", full)
    monkeypatch.setattr(mapping.Cache, "get", full)
    assert run(videos)[0] == 3
    assert run(videos)[0] == 3
