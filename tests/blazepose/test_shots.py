"""Cuts, and what must not be taken for one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fitness_tracker.blazepose.shots import number_shots

Timed = list[tuple[float, np.ndarray]]


def shots(frames: list[np.ndarray]) -> list[int]:
    """The number of each frame's shot; frames must come as they were given."""
    given = [(number / 10, frame) for number, frame in enumerate(frames)]
    found = list(number_shots(given))
    assert [(time, id(frame)) for time, frame, _ in found] == [(time, id(frame)) for time, frame in given]
    return [number for _, _, number in found]


@pytest.fixture
def frames(squat: Timed) -> list[np.ndarray]:
    return [frame for _, frame in squat[:20]]


def zoomed(frame: np.ndarray, factor: float, right: float = 0) -> np.ndarray:
    height, width = frame.shape[:2]
    move = np.array([[factor, 0, (1 - factor) * width / 2 - right], [0, factor, (1 - factor) * height / 2]])
    return cv2.warpAffine(frame, move, (width, height), borderMode=cv2.BORDER_REFLECT)


def test_a_clip_of_one_shot_has_no_cut(frames: list[np.ndarray]) -> None:
    assert shots(frames) == [0] * 20
    assert shots(frames[:1]) == [0]
    assert shots([]) == []


def test_another_picture_is_another_shot(frames: list[np.ndarray]) -> None:
    other = [255 - frame[:, ::-1] for frame in frames]
    assert shots([*frames, *other[:7], *frames]) == [0] * 20 + [1] * 7 + [2] * 20


def test_a_zoom_from_one_frame_to_the_next_is_a_cut(frames: list[np.ndarray]) -> None:
    assert shots([*frames, *(zoomed(frame, 1.8) for frame in frames)]) == [0] * 20 + [1] * 20


SPOILT: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "flash": lambda frame, n: np.full_like(frame, 255) if n == 10 else frame,
    "long flash": lambda frame, n: np.full_like(frame, 255) if n in (10, 11) else frame,
    "black frame": lambda frame, n: np.zeros_like(frame) if n == 10 else frame,
    "lights go off": lambda frame, n: frame // 2 if n >= 10 else frame,
    "pan": lambda frame, n: zoomed(frame, 2.0, right=60.0 * (n - 10)),
    "zoom": lambda frame, n: zoomed(frame, 1.1**n),
    "fade": lambda frame, n: cv2.addWeighted(frame, 1 - n / 19, 255 - frame[:, ::-1], n / 19, 0),
    "dark": lambda frame, n: frame // 12,
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_no_cut(frames: list[np.ndarray], kind: str) -> None:
    assert shots([SPOILT[kind](frame, number) for number, frame in enumerate(frames)]) == [0] * 20


@pytest.mark.parametrize(("before", "after"), [(16, 17), (16, 18), (8, 12)])
def test_a_dark_stage_that_is_a_little_less_dark_is_no_cut(before: int, after: int) -> None:
    """As where an encoder begins anew; in the light stands somebody."""
    shown = [np.full((480, 640, 3), before if n < 10 else after, np.uint8) for n in range(20)]
    assert shots(shown) == [0] * 20
    for frame in shown:
        frame[200:400, 300:400] = 180
    assert shots(shown) == [0] * 20


@pytest.mark.parametrize("times", [2, 5, 9])
def test_a_clip_of_few_pictures_a_second_has_no_cuts(frames: list[np.ndarray], times: int) -> None:
    """Each is shown for some frames, and is far from the one before."""
    pictures = [zoomed(frame, 1.3**number) for number, frame in enumerate(frames[:8])]
    assert shots([picture for picture in pictures for _ in range(times)]) == [0] * 8 * times


def test_a_cut_to_a_picture_that_stands_still_is_one(frames: list[np.ndarray]) -> None:
    assert shots([*frames[:1] * 40, *[255 - frames[0][:, ::-1]] * 40]) == [0] * 40 + [1] * 40


def test_somebody_close_who_passes_is_no_cut(frames: list[np.ndarray]) -> None:
    shown = [frame.copy() for frame in frames]
    for number, frame in enumerate(shown):
        left = 640 - 90 * (number - 4)
        frame[:, max(0, left) : max(0, left + 300)] = (40, 60, 90)
    assert shots(shown) == [0] * 20
