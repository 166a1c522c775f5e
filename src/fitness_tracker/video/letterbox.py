"""The geometry of 640x480: how a picture of another shape is brought to it, and the way back."""

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480


# `dar` is the shape as shown on a screen, after rotation and with pixels that are not square. Sizes are even, as 4:2:0
# chroma wants them. The flags give the same bytes on every CPU.
SCALING = "bicubic+accurate_rnd+bitexact"


FLAGS = f"flags={SCALING}"


FILTERS = {
    "pad": f"scale=w='2*round(min({WIDTH},{HEIGHT}*dar)/2)':h='2*round(min({HEIGHT},{WIDTH}/dar)/2)':{FLAGS},"
    f"setsar=1,pad={WIDTH}:{HEIGHT}:-1:-1",
    "stretch": f"scale={WIDTH}:{HEIGHT}:{FLAGS},setsar=1",
    "crop": f"scale=w='2*round(max({WIDTH},{HEIGHT}*dar)/2)':h='2*round(max({HEIGHT},{WIDTH}/dar)/2)':{FLAGS},"
    f"setsar=1,crop={WIDTH}:{HEIGHT}",
}


def fitted_box(fit: str, width: int, height: int) -> tuple[int, int, int, int]:
    """Where `FILTERS` put a picture that is shown as `width` x `height` into 640x480: left, top, width, height.

    With 'crop' it reaches beyond the edges.
    """
    if fit == "stretch":
        return 0, 0, WIDTH, HEIGHT
    choose, shape = max if fit == "crop" else min, width / height
    wide, high = 2 * round(choose(WIDTH, HEIGHT * shape) / 2), 2 * round(choose(HEIGHT, WIDTH / shape) / 2)
    return (WIDTH - wide) // 2, (HEIGHT - high) // 2, wide, high


def fit_frame(frame: np.ndarray, fit: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB to (480, 640, 3) uint8 RGB, as the resize stage does it: 'pad', 'stretch' or 'crop'."""
    height, width = frame.shape[:2]
    if fit == "crop":  # first, so that a very long picture is not scaled up as a whole
        wide, high = min(width, round(height * WIDTH / HEIGHT)), min(height, round(width * HEIGHT / WIDTH))
        left, top = (width - wide) // 2, (height - high) // 2
        frame = frame[top : top + max(high, 1), left : left + max(wide, 1)]
    height, width = frame.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    inside = (max(1, round(width * scale)), max(1, round(height * scale))) if fit == "pad" else (WIDTH, HEIGHT)
    shrinks = inside[0] < width or inside[1] < height
    scaled = cv2.resize(frame, inside, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    left, top = (WIDTH - inside[0]) // 2, (HEIGHT - inside[1]) // 2
    right, bottom = WIDTH - inside[0] - left, HEIGHT - inside[1] - top
    return cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_CONSTANT)


def unfit_points(points: np.ndarray, width: int, height: int, fit: str) -> np.ndarray:
    """Places (..., 2) in a fitted frame, in pixels, to those in the `width` x `height` picture that was fitted."""
    left, top, wide, high = fitted_box(fit, width, height)
    return (points - np.array([left, top], points.dtype)) * np.array([width / wide, height / high], points.dtype)
