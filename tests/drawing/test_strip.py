"""The timeline as one picture."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitness_tracker.answering.answer import Segment
from fitness_tracker.drawing import strip
from fitness_tracker.drawing.canvas import colours
from fitness_tracker.drawing.strip import arrange, write_strip
from tests.drawing.examples import EXERCISES, REST, SQUAT, answer, classifier, near, saved


def test_a_strip_shows_the_middle_frame_of_each_segment_above_its_colour(make_clip, tmp_path: Path) -> None:
    """A clip that is red while somebody squats, then blue."""
    halves = "color=red:size=320x240:rate=20:duration=2,drawbox=color=blue:t=fill:enable='gte(t,1)'"
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", halves))
    write_strip(clip, answer(SQUAT, REST), classifier(), tmp_path / "out.png")
    picture = np.asarray(Image.open(tmp_path / "out.png"))
    assert picture.shape[1:] == (1600, 3)
    frames = picture[strip.row_top(0) + 80]
    assert near(frames[412], (254, 0, 0))
    assert near(frames[1188], (0, 0, 254))
    block = picture[strip.row_top(0) + strip.BLOCK_TOP + 5]
    for colour, (left, right) in zip(colours([SQUAT, REST], EXERCISES), ((24, 800), (800, 1576)), strict=True):
        inside = np.flatnonzero(near(block, colour, 1))
        assert (inside.min(), inside.max()) == (pytest.approx(left, abs=2), pytest.approx(right, abs=2))


def test_a_long_workout_goes_on_in_further_rows() -> None:
    pauses = [Segment(60.0 * n, 60.0 * n + 30, "none", 0.8, None, None, ()) for n in range(20)]
    sets = [Segment(60.0 * n + 30, 60.0 * n + 60, EXERCISES[n % 4], 0.8, 12, None, ()) for n in range(20)]
    segments = [segment for pair in zip(pauses, sets, strict=True) for segment in pair]
    pieces = arrange(answer(*segments, seconds=1200.0))
    assert sorted({piece.row for piece in pieces}) == list(range(max(piece.row for piece in pieces) + 1))
    assert sum(piece.main for piece in pieces) == 40
    widths = [piece.right - piece.left for piece in pieces if piece.main and piece.number % 2]
    assert np.mean(np.array(widths) >= 80) >= 0.9
    assert {number: sum(p.right - p.left for p in pieces if p.number == number) for number in range(40)} == {
        number: pytest.approx(1552 * (max(p.row for p in pieces) + 1) / 40, abs=1) for number in range(40)
    }


@pytest.mark.parametrize("count", [1, 3, 500])
def test_any_number_of_segments_makes_a_strip(clip: Path, tmp_path: Path, count: int) -> None:
    cuts = np.linspace(0, 2, count + 1)
    segments = [
        Segment(start, end, EXERCISES[number % 5], 0.5, 3, None, ())
        for number, (start, end) in enumerate(pairwise(cuts.tolist()))
    ]
    write_strip(clip, answer(*segments), classifier(), tmp_path / "out.png")
    assert Image.open(tmp_path / "out.png").height <= strip.row_top(strip.MAX_ROWS)
