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
from fitness_tracker.core.errors import UserError
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames
from tests.projects import digests

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
def films(make_clip: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of different clips, named by their numbers."""
    folder, source = tmp_path_factory.mktemp("films"), "testsrc2=size=64x{}:rate=10:duration=0.3"
    for number in range(CLIPS):
        (folder / str(number)).write_bytes(make_clip("-f", "lavfi", "-i", source.format(48 + 2 * number)))
    return folder


def edit(videos: Path, what: str, films: Path, *arguments: object) -> None:
    first, *rest = (videos / one if isinstance(one, str) else one for one in arguments)
    assert isinstance(first, Path)
    if what == "put":
        first.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(films / str(rest[0]), first)
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


def run(videos: Path, out: Path, cache: Path, fit: str, fps: float) -> None:
    """Both stages, as far as there is a good clip; what is left of an earlier run goes otherwise, as DVC does it."""
    for folder in sorted(videos.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    shutil.rmtree(out, ignore_errors=True)
    resize, extract = partial(resize_video, fit=fit), partial(extract_frames, fps=fps, quality=80)
    results = ResultCache(cache)
    with contextlib.suppress(UserError):  # nothing but bad clips, or none
        process_clips(resize, find_clips(videos), out / "resized", ".mp4", "resize", results, skip=True)
        process_clips(extract, find_clips(out / "resized"), out / "frames", ".zip", "extract", results, skip=True)


def check(films: Path, edits: list[tuple]) -> None:
    """Makes the edits, running the stages in between, and compares their outs with those of an empty cache."""
    with tempfile.TemporaryDirectory() as scratch:
        videos, out, params = Path(scratch) / "videos", Path(scratch) / "out", {"fit": "pad", "fps": 10.0}
        for number, place in ((0, PLACES[0]), (1, PLACES[1]), (4, PLACES[3])):
            edit(videos, "put", films, place, number)
        for what, *arguments in [*edits, ("run",)]:
            if what in params:
                params[what] = arguments[0]
            elif what == "run":
                run(videos, out, Path(scratch) / "cache", **params)
            else:
                edit(videos, what, films, *arguments)
        run(videos, Path(scratch) / "afresh", Path(scratch) / "empty", **params)
        assert digests(out) == digests(Path(scratch) / "afresh")
        assert {name[8:-4] for name in digests(out) if name.endswith(".mp4")} == good_names(videos)


SOME_EDITS = some.lists(EDITS, min_size=3, max_size=12)


@pytest.mark.slow
@settings(max_examples=8)
@given(edits=SOME_EDITS)
def test_any_way_to_a_folder_gives_what_a_run_from_scratch_gives(films: Path, edits: list[tuple]) -> None:
    check(films, edits)


@pytest.mark.slow
@pytest.mark.torture
@settings(max_examples=10 * int(os.environ.get("TORTURE", "30")))
@given(edits=SOME_EDITS)
def test_any_of_hundreds_of_ways_to_a_folder_does_so(films: Path, edits: list[tuple]) -> None:
    check(films, edits)


def good_names(videos: Path) -> set[str]:
    """Those of the clips that are not shown under two exercises."""
    exercises: dict[bytes, set[str]] = {}
    for path in videos.rglob("*.mp4"):
        exercises.setdefault(path.read_bytes(), set()).add(path.relative_to(videos).parts[0])
    good = (path for path in videos.rglob("*.mp4") if len(exercises[path.read_bytes()]) == 1)
    return {str(path.relative_to(videos).with_suffix("")) for path in good}
