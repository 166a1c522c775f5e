"""Where the skeleton is drawn, and of whom."""

from typing import Any, cast

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.blazepose.upright import turn
from fitness_tracker.drawing.playback import read_shape, read_upright
from fitness_tracker.drawing.skeleton import Skeleton
from fitness_tracker.video.ffmpeg import read_frames
from tests.drawing.examples import BOX, SHAPE, classifier, landmarks_at
from tests.video.joined import joined


def ball(rate: int, size: str = "640x360", more: str = "") -> tuple[str, ...]:
    """A white ball on black that goes to the right, 130 pixels a second."""
    lit = "255*lte(hypot(X-120-130*T,Y-240),9)"
    return ("-f", "lavfi", "-i", f"color=black:size={size}:rate={rate}:duration=2,format=gray,geq=lum='{lit}'{more}")


def ball_in(frame: np.ndarray) -> tuple[float, float]:
    """Its middle, in pixels."""
    rows, columns = np.nonzero(frame[..., 0] > 120)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fit", "rate", "size", "more"),
    [
        ("pad", 25, "640x360", ""),
        ("pad", 15, "400x640", ""),
        ("stretch", 15, "400x640", ""),
        ("crop", 15, "400x640", ""),
        ("pad", 60, "640x480", ""),
        ("pad", 30, "640x360", ",select='not(mod(n,3))+gt(n,30)'"),
    ],
    ids=["25 fps", "portrait", "stretched", "cropped", "60 fps", "variable rate"],
)
def test_the_skeleton_is_where_the_person_is_at_any_time(make_clip, fit: str, rate: int, size: str, more: str) -> None:
    """The landmarks are where `read_frames` shows the ball, so the skeleton is where the overlay's frames show it."""
    source = make_clip(*ball(rate, size, more), "-qp", "0", "-fps_mode", "vfr")
    rows = [ball_in(frame) for frame in read_frames(source, 10, fit)]
    shape = read_shape(source, 640, 1280)
    boxes = [box for _, box in read_upright(source, shape)]
    skeleton = Skeleton(landmarks_at(rows), classifier(fit), shape, boxes)
    skeleton.leaps = lambda row, after: False  # type: ignore[method-assign] - all landmarks are in one place
    late = 0.05 * 130 if more else 1.5  # where the rate varies, the picture stands still between its frames
    for number, (frame, _) in enumerate(read_upright(source, shape)):
        seconds = number / shape.rate
        if skeleton.times[0] <= seconds <= 1.7:
            pose = skeleton.at(float(seconds))
            assert pose
            assert pose[0][0] == pytest.approx(ball_in(frame), abs=late * shape.width / int(size.split("x")[0])), number


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
def test_the_skeleton_is_where_the_person_is_when_the_clip_changes_its_shape(make_clip, tmp_path, fit: str) -> None:
    """All was stretched to the first shape, and the skeleton was drawn as if it had been the shape all along."""
    parts = [
        ("-f", "lavfi", "-i", f"color=gray:size={size}:rate=30:duration={seconds},{SQUARE}", "-c:v", "libvpx")
        for size, seconds in (("320x240", 0.5), ("240x320", 0.65), ("426x240", 0.5), ("320x240", 0.4))
    ]
    clip = joined(make_clip, tmp_path, ".webm", *parts)
    rows = [middle_of_red(frame) for frame in read_frames(clip, 10, fit)]
    shape = read_shape(clip, 320, 320)
    frames, boxes = zip(*read_upright(clip, shape), strict=True)
    assert len(frames) == pytest.approx(30 * 2.05, abs=1)
    skeleton = Skeleton(landmarks_at(rows), classifier(fit), shape, boxes)
    for number, frame in enumerate(frames):
        pose = skeleton.at(number / 30)
        assert pose, number
        assert pose[0][0] == pytest.approx(middle_of_red(frame), abs=4), number
        high, wide = (np.ptp(places) + 1 for places in np.nonzero(red_in(frame)))
        assert wide == pytest.approx(high, abs=4), "the square is one"


SQUARE = "drawbox=x=iw*0.4-30:y=ih*0.45-30:w=60:h=60:color=red:t=fill"


def red_in(frame: np.ndarray) -> np.ndarray:
    """(H, W) bool."""
    return frame[..., 0] > frame[..., 1].astype(int) + 60


def middle_of_red(frame: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(red_in(frame))
    return float(columns.mean()), float(rows.mean())


def person() -> np.ndarray:
    """(33, 4) float32: somebody who stands, in 640x480."""
    points = np.tile(np.array([320, 120, 0, 1], np.float32), (33, 1))
    places = {"SHOULDER": (40, 150), "ELBOW": (60, 200), "WRIST": (65, 250), "INDEX": (66, 265), "HIP": (30, 260),
              "KNEE": (30, 330), "ANKLE": (30, 400), "HEEL": (32, 405), "FOOT_INDEX": (40, 410)}  # fmt: skip
    for name, (x, y) in places.items():
        points[Landmark[f"LEFT_{name}"], :2], points[Landmark[f"RIGHT_{name}"], :2] = (320 + x, y), (320 - x, y)
    return points


def skeleton_of(*people: np.ndarray | None) -> Skeleton:
    image = np.stack([np.zeros((33, 4), np.float32) if points is None else points for points in people])
    found = np.array([points is not None for points in people])
    count = len(people)
    landmarks = Landmarks(image, np.zeros((count, 33, 3), np.float32), np.arange(count, dtype=np.float32) / 10, found)
    return Skeleton(landmarks, classifier(), SHAPE, [BOX])


def drawn(skeleton: Skeleton, seconds: float, grey: int = 128) -> np.ndarray:
    frame = np.full((480, 640, 3), grey, np.uint8)
    skeleton.draw(frame, seconds)
    return frame


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_bones_are_seen_on_any_background(grey: int) -> None:
    frame = drawn(skeleton_of(person()), 0.0, grey)
    points = person()
    for name in ("SHOULDER", "ELBOW", "KNEE"):
        x, y = points[Landmark[f"LEFT_{name}"], :2].astype(int)
        assert (frame[y, x] > 240).all(), "a joint is a white dot"
        around = frame[y - 5 : y + 6, x - 5 : x + 6].reshape(-1, 3)
        assert np.ptp(around.astype(int).sum(axis=1)) > 300, "with a dark rim"
    assert (frame[:100] == grey).all()
    assert (frame[:, :200] == grey).all()


def test_nothing_is_drawn_where_nobody_was_found() -> None:
    skeleton = skeleton_of(person(), person(), None, None)
    assert (drawn(skeleton, 0.1) != 128).any()
    assert (drawn(skeleton, 0.25) == 128).all()
    assert (drawn(skeleton, 0.3) == 128).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_of_a_clip_that_was_turned_upright_it_is_drawn_on_the_picture_as_it_lies(turns: int) -> None:
    points = np.stack([person()])
    seen = Landmarks(points, np.zeros((1, 33, 3), np.float32), np.zeros(1, np.float32), np.ones(1, bool))
    plain, turned = (Skeleton(one, classifier(), SHAPE, [BOX]) for one in (seen, turn(seen, turns, 640, 480)))
    np.testing.assert_allclose(turned.fitted, plain.fitted, atol=0.1)


def test_nobody_flies_from_one_person_to_the_next() -> None:
    moved = person() + np.float32([250, 0, 0, 0])
    skeleton = skeleton_of(person(), moved)
    between = skeleton.times[0] + 0.6 * (skeleton.times[1] - skeleton.times[0])
    assert np.abs(cast(Any, skeleton.at(between))[0] - moved[:, :2]).max() < 0.01


def test_what_is_hardly_visible_is_dim() -> None:
    points = person()
    points[Landmark.LEFT_WRIST, 3] = 0.1
    x, y = points[Landmark.LEFT_WRIST, :2].astype(int)
    level = drawn(skeleton_of(points), 0.0, 0)[y, x].mean()
    assert 40 < level < 130
