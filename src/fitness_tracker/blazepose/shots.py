"""The shots of a clip: where a cut puts another picture in place of the one before.

A cut is a step between two frames that is much larger than all steps around it, and that lasts. So a flash is none, as
the picture from before comes back; nor is a camera or a body that moves fast, as it does so in several frames; nor is a
fade. Light that goes on or off is none either: pictures are also compared with brightness and contrast made alike.

Sums are those of whole numbers, so that they are the same on every CPU.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, product, repeat
from typing import NamedTuple

import cv2
import numpy as np

SMALL = (64, 48)  # pixels of the pictures that are compared
BEFORE, AFTER = 3, 2  # steps around a cut that it is compared with; so a frame is given out two frames later
DARK = 24  # grey levels, 0 to 255: pixels that are darker in both pictures, such as black bars, do not count

# Chosen on 235 found clips, in which all steps above these were cuts, by eye
CUT_LEVELS = 11.0  # mean difference of the pixels' colours, in grey levels
CUT_TIMES = 2.2  # the difference to the largest step around, and one level


class Frame(NamedTuple):
    """A frame, and what is compared of it."""

    time: float  # seconds
    picture: np.ndarray  # (H, W, 3) uint8 RGB
    small: np.ndarray  # (48, 64, 3) uint8 RGB
    step: float  # grey levels, from the frame before


def number_shots(frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[tuple[float, np.ndarray, int]]:
    """Each frame, (seconds, (H, W, 3) uint8 RGB), with the number of its shot: 0, 1, 2 …"""
    around: deque[Frame | None] = deque([None] * (BEFORE + 1 + AFTER), maxlen=BEFORE + 1 + AFTER)
    number = 0
    for frame in chain(shrink_frames(frames), repeat(None, AFTER)):
        around.append(frame)
        if here := around[BEFORE]:
            number += is_cut(around)
            yield here.time, here.picture, number


def shrink_frames(frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[Frame]:
    before: np.ndarray | None = None
    for time, picture in frames:
        small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
        yield Frame(time, picture, small, 0.0 if before is None else difference(before, small))
        before = small


def is_cut(around: Iterable[Frame | None]) -> bool:
    """Whether a shot begins with the frame behind the first `BEFORE`."""
    before, (here, *after) = (part := list(around))[:BEFORE], part[BEFORE:]
    if not here or here.step < CUT_LEVELS:
        return False
    near = max((frame.step for frame in (*before, *after) if frame), default=0.0)
    least = max(CUT_LEVELS, CUT_TIMES * (near + 1))
    pairs = product((frame for frame in before[1:] if frame), (frame for frame in (here, *after) if frame))
    return here.step >= least and all(
        min(difference(old.small, new.small), lit_difference(old.small, new.small)) >= least for old, new in pairs
    )


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """The mean difference of two pictures (H, W, 3) uint8, in grey levels, where one of them is not dark."""
    seen = np.count_nonzero(np.maximum(first, second).max(axis=-1) > DARK)
    return float(cv2.norm(first, second, cv2.NORM_L1)) / (3 * max(seen, 1))


def lit_difference(first: np.ndarray, second: np.ndarray) -> float:
    """The same after the picture of less contrast got brightness and contrast of the other one."""
    (mean, contrast), (other_mean, other_contrast) = brightness(first), brightness(second)
    if contrast < other_contrast:
        return lit_difference(second, first)
    if other_contrast == 0:
        return difference(first, second)
    lit = np.rint((second - other_mean) * (contrast / other_contrast) + mean)
    return difference(first, np.clip(lit, 0, 255).astype(np.uint8))


def brightness(picture: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the values of a picture (H, W, 3) uint8 that are not dark."""
    values = picture[picture.max(axis=-1) > DARK].astype(np.int64)
    if not values.size:
        return 0.0, 0.0
    total, squares, number = int(values.sum()), int((values * values).sum()), values.size
    return total / number, math.sqrt(squares * number - total * total) / number
