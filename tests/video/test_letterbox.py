import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitness_tracker.video.ffmpeg import read_frames
from fitness_tracker.video.letterbox import FILTERS, HEIGHT, WIDTH, fit_frame, fitted_box, unfit_points

SIDES = st.integers(16, 700).map(lambda half: 2 * half)  # pixels


def marked(width: int, height: int, fit: str) -> tuple[np.ndarray, np.ndarray]:
    """A grey frame (height, width, 3) with a white spot in its visible part, and the spot's place (2,) in pixels."""
    box = fitted_box(fit, width, height)
    visible = np.array([width * min(1, WIDTH / box.width), height * min(1, HEIGHT / box.height)])
    frame, middle = np.full((height, width, 3), 80, np.uint8), np.array([width, height]) / 2 + (-0.05, 0.1) * visible
    y, x = np.mgrid[:height, :width] + 0.5
    spot = np.hypot((x - middle[0]) / visible[0], (y - middle[1]) / visible[1]) < 0.25
    frame[spot] = 255
    return frame, np.array([x[spot].mean(), y[spot].mean()])


def spot_in(fitted: np.ndarray) -> np.ndarray:
    """The middle (2,) of the white spot of a frame (480, 640, 3), in pixels."""
    weights = np.clip(fitted[..., 1].astype(float) - 90, 0, None)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


def edges_of(fitted: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom (4,) of what is not black, in pixels."""
    rows, columns = (np.flatnonzero((fitted[..., 1] > 40).any(axis=axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@pytest.mark.slow
@given(width=SIDES, height=SIDES, fit=st.sampled_from(sorted(FILTERS)))
@settings(max_examples=40)
def test_resize_and_predict_bring_a_picture_to_the_same_place_within_a_pixel(
    make_clip, tmp_path_factory, width: int, height: int, fit: str
) -> None:
    frame, _ = marked(width, height, fit)
    file = tmp_path_factory.mktemp("raw") / "frame.rgb"
    file.write_bytes(frame.tobytes())
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", str(file))
    clip = make_clip(*raw, "-c:v", "ffv1", "-pix_fmt", "yuv420p", suffix=".mkv")
    resized, fitted = next(iter(read_frames(clip, 1, fit))), fit_frame(frame, fit)
    assert np.abs(spot_in(resized) - spot_in(fitted)).max() < 1
    assert np.abs(edges_of(resized) - edges_of(fitted)).max() <= 1


@given(width=SIDES, height=SIDES, fit=st.sampled_from(sorted(FILTERS)))
def test_a_place_in_the_fitted_frame_leads_back_to_the_picture(width: int, height: int, fit: str) -> None:
    frame, place = marked(width, height, fit)
    back = unfit_points(spot_in(fit_frame(frame, fit)), width, height, fit)
    box = fitted_box(fit, width, height)
    pixel = np.array([width / box.width, height / box.height])  # of the fitted frame, in the picture's
    assert (np.abs(back - place) <= np.maximum(1.5 * pixel, 1)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 10_000), (480, 640)])
@pytest.mark.parametrize("fit", sorted(FILTERS))
def test_any_shape_can_be_fitted(shape: tuple[int, int], fit: str) -> None:
    fitted = fit_frame(np.full((*shape, 3), 200, np.uint8), fit)
    assert fitted.shape == (HEIGHT, WIDTH, 3)
    assert fitted.max() == 200
    assert (fitted == 200).all() or fit == "pad"
