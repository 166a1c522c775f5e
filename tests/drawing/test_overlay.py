"""What is drawn on a clip: the label, the count and the timeline; and what stops it."""

import contextlib
from pathlib import Path

import numpy as np
import psutil
import pytest

from fitness_tracker.answering.answer import Segment
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.canvas import GREY, PALETTE, colours
from fitness_tracker.drawing.overlay import Painter, Timeline, count_at, write_overlay
from fitness_tracker.drawing.strip import write_strip
from fitness_tracker.video.ffmpeg import ClipError
from tests.drawing.examples import (
    BOX,
    EXERCISES,
    REST,
    SHAPE,
    SQUAT,
    answer,
    classifier,
    frames_of,
    near,
    overlay,
    saved,
)


def test_the_count_goes_up_when_a_repetition_is_counted() -> None:
    assert [count_at(SQUAT, seconds)[0] for seconds in (0, 0.29, 0.3, 0.79, 0.8, 1.0)] == ["0", "0", "1", "1", "2", "2"]
    assert count_at(SQUAT, 0.3)[1] == "rep"
    assert count_at(REST, 1.5) == ("", "")
    plank = Segment(10.0, 24.6, "plank", 0.8, None, 14.6, ())
    assert [count_at(plank, seconds)[0] for seconds in (10, 13.2, 24.6)] == ["0 s", "3 s", "14 s"]


def test_the_label_changes_at_those_times_and_no_others() -> None:
    painter, labels = Painter(answer(SQUAT, REST), classifier(), SHAPE, [BOX]), []
    for number in range(40):
        frame = np.full((480, 640, 3), 128, np.uint8)
        painter.draw(frame, number / 20)
        labels.append(frame[:120].copy())
    changes = [number / 20 for number in range(1, 40) if (labels[number] != labels[number - 1]).any()]
    assert changes == [0.3, 0.8, 1.0]


def test_the_bar_shows_the_segments_in_their_colours_and_the_time(clip: Path) -> None:
    (squat, rest), frames = colours([SQUAT, REST], EXERCISES), frames_of(overlay(clip))
    assert squat in PALETTE
    assert rest == GREY
    timeline = Timeline(answer(SQUAT, REST), [squat, rest], SHAPE)
    row = frames[10][timeline.top + timeline.edge + 3]  # half a second
    assert near(row, squat)[:300].mean() > 0.9
    assert near(row, rest)[330:].mean() > 0.95
    assert near(row, (255, 255, 255))[155:165].any()
    for number in (0, 10, 39):
        heads = np.flatnonzero(near(frames[number][timeline.top + timeline.edge + 3], (255, 255, 255), 60))
        assert heads.mean() == pytest.approx(number / 40 * 640, abs=5)


def test_progress_goes_from_nothing_to_all(clip: Path, tmp_path: Path) -> None:
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        shares: list[float] = []
        write(clip, answer(SQUAT, REST), classifier(), tmp_path / name, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[0] < 0.1
        assert shares[-1] == 1


def kill_ffmpeg(word: str) -> None:
    """The one of this program whose arguments name `word`."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # killed before, and gone just now
            words = process.cmdline()
            if word in words and "ffmpeg" in words[0]:
                process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(("word", "message"), [("libx264", "encoder ended"), ("pipe:1", "killed")])
def test_when_either_ffmpeg_is_killed_nothing_stays(make_clip, tmp_path: Path, word: str, message: str) -> None:
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=8"))
    saved(tmp_path, b"earlier", "out.mp4")

    def progress(share: float) -> None:
        if 0.1 < share < 0.2:
            kill_ffmpeg(word)

    with pytest.raises(UserError, match=message):
        write_overlay(clip, answer(SQUAT, seconds=8.0), classifier(), tmp_path / "out.mp4", progress=progress)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
    assert not [one for one in psutil.Process().children(recursive=True) if "ffmpeg" in one.name()]


def test_a_clip_that_does_not_decode_or_is_too_long_has_no_pictures(make_clip, clip: Path, tmp_path: Path) -> None:
    broken = saved(tmp_path, b"no clip", "broken.mp4")
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        with pytest.raises(ClipError, match="does not decode"):
            write(broken, answer(SQUAT), classifier(), tmp_path / name)
        with pytest.raises(ClipError, match=r"limits\.seconds"):
            write(clip, answer(SQUAT, REST), classifier(), tmp_path / name, limits=Limits(seconds=1))
        assert not (tmp_path / name).exists()
