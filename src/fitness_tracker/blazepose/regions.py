"""Regions of a frame in which a person may be, and the way from them to the networks' pictures and back."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import IMAGE_STEPS

DETECTOR_SIZE, CROP_SIZE = 224, 256  # pixels a side: what the networks see

MARGIN = 1.25  # of the crop around the circle that the person fills

CELLS = ((28, 2), (14, 2), (7, 6))  # the detector's grids: cells a side, boxes a cell; strides 8, 16 and three times 32


@dataclass(frozen=True)
class RotatedRoi:
    """A square around a person: its centre, and the vector from there to the circle that the person fills, above the
    head; both (2,) float64 pixels of the frame."""

    centre: np.ndarray
    up: np.ndarray

    @property
    def radius(self) -> float:
        return math.sqrt(float(self.up[0]) ** 2 + float(self.up[1]) ** 2)

    @property
    def side(self) -> float:
        return 2 * MARGIN * self.radius

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) float64: pixels of the crop to pixels of the frame."""
        x, y = 2 * MARGIN / CROP_SIZE * self.up
        middle = CROP_SIZE / 2
        return np.array(
            [[-y, -x, self.centre[0] + (x + y) * middle], [x, -y, self.centre[1] + (y - x) * middle]], np.float64
        )


@cache
def anchors() -> np.ndarray:
    """(2254, 2) float64: the middles of the detector's boxes, 0 to 1, x and y."""
    grids = []
    for cells, boxes in CELLS:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), boxes, axis=0))
    return np.concatenate(grids)


def letterbox(frame: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The detector's picture (224, 224, 3) uint8; its pixels become the frame's by * scale - shift."""
    height, width = frame.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(frame, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT)
    small = cv2.resize(square, (DETECTOR_SIZE, DETECTOR_SIZE), interpolation=cv2.INTER_AREA)
    return small, side / DETECTOR_SIZE, np.array([left, top], float)


def turn_back(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """(N, 2) pixels of a frame that np.rot90 turned `turns` times, to pixels of the frame (width x height) before."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack([(x, y), (width - y, x), (width - x, height - y), (y, height - x)][turns])


def region_between(centre: np.ndarray, rim: np.ndarray) -> RotatedRoi:
    """The region of a person whose hips are at `centre` and whose circle goes through `rim`, above the head.

    Rounded, so that a last bit in which a CPU differs does not change all later frames.
    """
    centre, rim = (np.rint(point * IMAGE_STEPS) / IMAGE_STEPS for point in (centre, rim))
    return RotatedRoi(centre, rim - centre)


def rank_detections(
    regions: list[RotatedRoi], scores: np.ndarray, last: RotatedRoi | None, width: int, height: int
) -> list[RotatedRoi]:
    """Regions by how likely they hold the person: near `last` if there was one, else large and central; the best three.

    A person has many boxes: those that lie within a quarter of a side of a box with a higher score are dropped.
    """
    middle = np.array([width, height]) / 2

    def worth(number: int) -> float:
        region = regions[number]
        if last:
            return -math.dist(region.centre, last.centre) / last.side - abs(math.log(region.side / last.side))
        return region.side * (1 - 0.5 * math.dist(region.centre, middle) / math.hypot(*middle))

    distinct: list[int] = []
    for number in np.argsort(-scores, kind="stable"):  # a box for each person: the highest score
        region = regions[number]
        near = (math.dist(region.centre, regions[k].centre) < 0.25 * regions[k].side for k in distinct)
        if region.side > 1 and not any(near):
            distinct.append(int(number))
    return [regions[number] for number in sorted(distinct, key=worth, reverse=True)[:3]]
