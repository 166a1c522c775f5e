"""The shots of a clip: where a cut puts another picture in place of the one before.

A cut is a step between two frames that is much larger than all steps around it, and that lasts. So a flash is none, as
the picture from before comes back; nor is a camera or a body that moves fast, as it does so in several frames; nor is a
fade. Light that goes on or off is none either: pictures are also compared with brightness and contrast made alike.
A picture that is shown for several frames counts once, so that clips of few pictures a second are not all cuts.

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
BEFORE, AFTER = 3, 2  # steps around a cut that it is compared with; so a frame is given out two pictures later
SAME_LEVELS, MOST_SAME = (
    1.0,
    10,
)  # grey levels up to which a frame shows the picture before it again; for so many frames
DARK = 24  # grey levels, 0 to 255: pixels that are darker in both pictures, such as black bars, do not count

# Chosen on 235 found clips, in which all steps above these were cuts, by eye
CUT_LEVELS = 11.0  # mean difference of the pixels' colours, in grey levels
CUT_TIMES = 2.2  # the difference to the largest step around, and one level


class Picture(NamedTuple):
    """What one or several frames show, and what is compared of it."""

    frames: list[tuple[float, np.ndarray]]  # seconds, (H, W, 3) uint8 RGB
    small: np.ndarray  # (48, 64, 3) uint8 RGB, of the first
    step: float  # grey levels, from the picture before


def number_shots(frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[tuple[float, np.ndarray, int]]:
    """Each frame, (seconds, (H, W, 3) uint8 RGB), with the number of its shot: 0, 1, 2 …"""
    around: deque[Picture | None] = deque([None] * (BEFORE + 1 + AFTER), maxlen=BEFORE + 1 + AFTER)
    number = 0
    for picture in chain(join_same(frames), repeat(None, AFTER)):
        around.append(picture)
        if here := around[BEFORE]:
            number += is_cut(around)
            yield from ((time, frame, number) for time, frame in here.frames)


def join_same(frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[Picture]:
    """The pictures that frames show, each once."""
    last: Picture | None = None
    for time, frame in frames:
        small = cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA)
        step = difference(last.small, small) if last else 0.0
        if last and step < SAME_LEVELS and len(last.frames) < MOST_SAME:
            last.frames.append((time, frame))
            continue
        if last:
            yield last
        last = Picture([(time, frame)], small, step)
    if last:
        yield last


def is_cut(pictures: Iterable[Picture | None]) -> bool:
    """Whether a shot begins with the picture behind the first `BEFORE`."""
    before, (here, *after) = (part := list(pictures))[:BEFORE], part[BEFORE:]
    if not here or here.step < CUT_LEVELS:
        return False
    around = [*take(before[::-1], BEFORE), *take(after, AFTER)]
    near = max((picture.step for picture in around), default=0.0)
    least = max(CUT_LEVELS, CUT_TIMES * (near + 1))
    pairs = product(take(before[::-1], BEFORE - 1), take([here, *after], 1 + AFTER))
    return here.step >= least and all(
        min(difference(old.small, new.small), lit_difference(old.small, new.small)) >= least for old, new in pairs
    )


def take(pictures: Iterable[Picture | None], frames: int) -> list[Picture]:
    """The first pictures, as many as it takes to fill so many frames."""
    taken: list[Picture] = []
    for picture in pictures:
        if picture and sum(len(one.frames) for one in taken) < frames:
            taken.append(picture)
    return taken


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """The mean difference of two pictures (H, W, 3) uint8, in grey levels, where not both are dark; 0 if nowhere."""
    seen = np.maximum(first, second).max(axis=-1) > DARK
    return float(cv2.absdiff(first, second)[seen].sum(dtype=np.int64)) / (3 * max(int(seen.sum()), 1))


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
