"""The geometry of 640x480: how a picture of any shape is brought to it ('pad', 'stretch', 'crop'), and the way back."""

from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480  # pixels

SCALING = "bicubic+accurate_rnd+bitexact"  # of swscale: the same bytes on every CPU

# By `choose`, the width and height of the whole picture in 640x480: 'min' of two scales pads, 'max' crops. `dar` is its
# shape as shown on a screen, after rotation and with pixels that are not square. Even, as 4:2:0 chroma wants it.
SCALE = "scale=w='max(2,2*round({choose}({w},{h}*dar)/2))':h='max(2,2*round({choose}({h},{w}/dar)/2))':flags={flags}"
FILTERS = {
    "pad": SCALE.format(choose="min", w=WIDTH, h=HEIGHT, flags=SCALING) + f",setsar=1,pad={WIDTH}:{HEIGHT}:-1:-1",
    "stretch": f"scale={WIDTH}:{HEIGHT}:flags={SCALING},setsar=1",
    "crop": SCALE.format(choose="max", w=WIDTH, h=HEIGHT, flags=SCALING) + f",setsar=1,crop={WIDTH}:{HEIGHT}",
}


class Box(NamedTuple):
    """Where the whole picture lies in 640x480, in pixels; of a cropped one it reaches beyond the edges."""

    left: int
    top: int
    width: int
    height: int


def fitted_box(fit: str, width: int, height: int) -> Box:
    """Where `FILTERS` put a picture that is shown as `width` x `height`."""
    if fit == "stretch":
        return Box(0, 0, WIDTH, HEIGHT)
    choose, shape = max if fit == "crop" else min, width / height
    wide, high = even(choose(WIDTH, HEIGHT * shape)), even(choose(HEIGHT, WIDTH / shape))
    return Box((WIDTH - wide) // 2, (HEIGHT - high) // 2, wide, high)


def even(length: float) -> int:
    """The nearest even number, upwards from the middle as ffmpeg's round(), and at least 2."""
    return max(2, 2 * floor(length / 2 + 0.5))


def fit_frame(frame: np.ndarray, fit: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB to (480, 640, 3) uint8 RGB, as `FILTERS` do it, within a pixel.

    What is cropped is cut off first, so that a very long picture is not scaled up as a whole.
    """
    height, width = frame.shape[:2]
    box = fitted_box(fit, width, height)
    (first_column, last_column, left, wide), (first_row, last_row, top, high) = (
        visible_part(box.left, box.width, width, WIDTH), visible_part(box.top, box.height, height, HEIGHT)
    )  # fmt: skip
    part = frame[first_row:last_row, first_column:last_column]
    shrinks = wide < part.shape[1] or high < part.shape[0]
    scaled = cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    fitted = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    inside = scaled[max(-top, 0) :, max(-left, 0) :][: HEIGHT - max(top, 0), : WIDTH - max(left, 0)]
    fitted[max(top, 0) :, max(left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
    return fitted


def visible_part(start: int, length: int, pixels: int, size: int) -> tuple[int, int, int, int]:
    """Along one axis, of `pixels` that are scaled to `length` and put at `start`: the first and behind the last pixel
    that reach into 0 to `size`, and start and length of these when scaled."""
    scale = length / pixels
    first, last = max(0, floor(-start / scale)), min(pixels, ceil((size - start) / scale))
    return first, last, round(start + first * scale), max(1, round((last - first) * scale))


def unfit_points(points: np.ndarray, width: int, height: int, fit: str) -> np.ndarray:
    """Places (..., 2) in a fitted frame, in pixels, to those in the `width` x `height` picture that was fitted."""
    box = fitted_box(fit, width, height)
    scale = np.array([width / box.width, height / box.height], points.dtype)
    return (points - np.array([box.left, box.top], points.dtype)) * scale
