"""However a folder of clips came to be as it is, the outs are those of a run from scratch, byte for byte."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.errors import UserError
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames

CLIPS = 5  # different ones
PLACES = [f"{exercise}/{name}__1.mp4" for exercise in ("lunge", "squat") for name in ("a", "b", "deep/c")]
EDITS = some.one_of(
    some.tuples(some.just("put"), some.sampled_from(PLACES), some.integers(0, CLIPS - 1)),
    some.tuples(some.just("remove"), some.sampled_from(PLACES)),
    some.tuples(some.just("move"), some.sampled_from(PLACES), some.sampled_from(PLACES)),  # also to another exercise
    some.tuples(some.just("swap"), some.sampled_from(PLACES), some.sampled_from(PLACES)),
    some.tuples(some.just("touch"), some.sampled_from(PLACES)),
    some.tuples(some.just("fit"), some.sampled_from(["pad", "crop", "stretch"])),
    some.tuples(some.just("fps"), some.sampled_from([5.0, 10.0])),
    some.tuples(some.just("run")),
)


@pytest.fixture(scope="module")
def films(make_clip: Callable[..., bytes]) -> list[bytes]:
    source = "testsrc2=size=64x{}:rate=10:duration=0.3"
    return [make_clip("-f", "lavfi", "-i", source.format(48 + 2 * number)) for number in range(CLIPS)]


def edit(videos: Path, what: str, films: list[bytes], *arguments: object) -> None:
    first, *rest = (videos / one if isinstance(one, str) else one for one in arguments)
    assert isinstance(first, Path)
    if what == "put":
        first.parent.mkdir(parents=True, exist_ok=True)
        first.write_bytes(films[int(str(rest[0]))])
    elif first.exists() and what == "remove":
        first.unlink()
    elif first.exists() and what == "touch":
        os.utime(first, (1, 1))
    elif first.exists() and what == "move":
        target = videos / str(arguments[1])
        target.parent.mkdir(parents=True, exist_ok=True)
        first.rename(target)
    elif first.exists() and what == "swap" and (other := videos / str(arguments[1])).exists():
        one, two = first.read_bytes(), other.read_bytes()
        first.write_bytes(two)
        other.write_bytes(one)


def run(videos: Path, out: Path, fit: str, fps: float) -> None:
    """Both stages, as far as there is a good clip; what is left of an earlier run goes otherwise, as DVC does it."""
    for folder in sorted(videos.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    shutil.rmtree(out, ignore_errors=True)
    cut, cache = partial(extract_frames, fps=fps, quality=80), ResultCache(cache_folder())
    with contextlib.suppress(UserError):  # nothing but bad clips, or none
        process_clips(
            partial(resize_video, fit=fit), find_clips(videos), out / "resized", ".mp4", "resize", cache, True
        )
        process_clips(cut, find_clips(out / "resized"), out / "frames", ".zip", "extract", cache, True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
@settings(max_examples=25)
@given(edits=some.lists(EDITS, min_size=3, max_size=12))
def test_any_way_to_a_folder_gives_what_a_run_from_scratch_gives(films: list[bytes], edits: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        videos, settled = Path(scratch) / "videos", {"fit": "pad", "fps": 10.0}
        patch.setenv("FITNESS_TRACKER_CACHE", f"{scratch}/result_cache")
        for number, place in enumerate(PLACES[:2]):
            edit(videos, "put", films, place, number)
        edit(videos, "put", films, PLACES[3], 4)
        for what, *arguments in [*edits, ("run",)]:
            if what in settled:
                settled[what] = arguments[0]
            elif what == "run":
                run(videos, Path(scratch) / "out", **settled)
            else:
                edit(videos, what, films, *arguments)
        patch.setenv("FITNESS_TRACKER_CACHE", f"{scratch}/other_memo")
        run(videos, Path(scratch) / "afresh", **settled)
        assert files(Path(scratch) / "out") == files(Path(scratch) / "afresh")
        assert {name[8:-4] for name in files(Path(scratch) / "out") if name.endswith(".mp4")} == good_names(videos)


def good_names(videos: Path) -> set[str]:
    """Those of the clips that are not shown under two exercises."""
    exercises: dict[bytes, set[str]] = {}
    for path in videos.rglob("*.mp4"):
        exercises.setdefault(path.read_bytes(), set()).add(path.relative_to(videos).parts[0])
    good = (path for path in videos.rglob("*.mp4") if len(exercises[path.read_bytes()]) == 1)
    return {str(path.relative_to(videos).with_suffix("")) for path in good}
