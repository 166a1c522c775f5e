"""Regions of a frame in which a person may be, and the geometry between frames and the networks' pictures."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import IMAGE_STEPS

DETECTOR_SIZE, CROP_SIZE = 224, 256  # pixels a side of the detector's and the landmark network's pictures
CROP_SCALE = 1.25  # of the crop's side to the diameter of the circle that the person fills
GRIDS = ((28, 2), (14, 2), (7, 6))  # of the detector: cells a side, boxes a cell; strides 8, 16 and three times 32
ANCHORS = sum(cells**2 * boxes for cells, boxes in GRIDS)  # 2254 boxes of the detector


@dataclass(frozen=True)
class RotatedRoi:
    """A square around a person, turned so that their head is up. They fill a circle around the middle of their hips."""

    centre: np.ndarray  # (2,) float64 pixels of the frame: the circle's
    up: np.ndarray  # (2,) float64 pixels: from there to the point of the circle above the head

    @property
    def side(self) -> float:
        """Pixels of the frame."""
        return 2 * CROP_SCALE * math.sqrt(float(self.up[0]) ** 2 + float(self.up[1]) ** 2)

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) float64, affine: pixels of the crop to pixels of the frame."""
        x, y = 2 * CROP_SCALE / CROP_SIZE * self.up
        middle = CROP_SIZE / 2
        return np.array(
            [[-y, -x, self.centre[0] + (x + y) * middle], [x, -y, self.centre[1] + (y - x) * middle]], np.float64
        )


@cache
def anchors() -> np.ndarray:
    """(2254, 2) float64: the x and y of the middles of the detector's boxes, 0 to 1 of its picture."""
    grids = []
    for cells, boxes in GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), boxes, axis=0))
    return np.concatenate(grids)


def detector_picture(frame: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """A frame (H, W, 3) uint8 to the detector's picture (224, 224, 3) uint8, a square with black bars.

    Also scale and shift (2,): a point of the picture times `scale` minus `shift` is the point of the frame, in pixels.
    """
    height, width = frame.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(frame, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT)
    small = cv2.resize(square, (DETECTOR_SIZE, DETECTOR_SIZE), interpolation=cv2.INTER_AREA)
    return small, side / DETECTOR_SIZE, np.array([left, top], float)


def turn_back(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Points (N, 2) of a frame that `np.rot90` turned `turns` times to those of the `width` x `height` frame before."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack([(x, y), (width - y, x), (width - x, height - y), (y, height - x)][turns])


def region_between(centre: np.ndarray, rim: np.ndarray) -> RotatedRoi:
    """The region of a person whose hips are at `centre` and whose circle goes through `rim`, above the head; both (2,)
    pixels of the frame.

    They are rounded, so that a last bit in which CPUs differ does not change all later frames.
    """
    centre, rim = (np.rint(point * IMAGE_STEPS) / IMAGE_STEPS for point in (centre, rim))
    return RotatedRoi(centre, rim - centre)


def rank_detections(
    regions: list[RotatedRoi], scores: np.ndarray, last: RotatedRoi | None, width: int, height: int
) -> list[RotatedRoi]:
    """The best three of N regions with scores (N,): those like `last` if it is given, else large and central ones.

    The detector finds a person many times: of regions within a quarter of a side of each other the one with the highest
    score stays.
    """
    middle = np.array([width, height]) / 2

    def rank(number: int) -> float:
        region = regions[number]
        if last:
            return -math.dist(region.centre, last.centre) / last.side - abs(math.log(region.side / last.side))
        return region.side * (1 - 0.5 * math.dist(region.centre, middle) / math.hypot(*middle))

    distinct: list[int] = []
    for number in np.argsort(-scores, kind="stable"):
        region = regions[number]
        near = (math.dist(region.centre, regions[k].centre) < 0.25 * regions[k].side for k in distinct)
        if region.side > 1 and not any(near):
            distinct.append(int(number))
    return [regions[number] for number in sorted(distinct, key=rank, reverse=True)[:3]]
