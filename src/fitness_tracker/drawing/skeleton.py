"""The person's skeleton, drawn on the frames of their clip."""

from bisect import bisect_right
from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import SIDE_BONES, Landmark
from fitness_tracker.blazepose.upright import clip_places
from fitness_tracker.drawing.canvas import NEAR_BLACK, WHITE, Colour
from fitness_tracker.drawing.playback import Shape
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.video.letterbox import HEIGHT, WIDTH, Box, unfit_points

MIN_VISIBILITY = 0.5  # from which a landmark is drawn in full
DIM_OPACITY = 0.35  # of the others
MAX_LEAP = 0.5  # of a body's extent: who is further away in the next row of landmarks did not move there (a cut)

LEFT_COLOUR, RIGHT_COLOUR, MIDDLE_COLOUR = (255, 176, 0), (86, 190, 255), WHITE
CROSS_BONES = ((Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.LEFT_HIP, Landmark.RIGHT_HIP))
LINES: tuple[tuple[Landmark, Landmark, Colour], ...] = (
    *((*bone, MIDDLE_COLOUR) for bone in CROSS_BONES),
    *((*bone, LEFT_COLOUR if bone[0].name.startswith("LEFT") else RIGHT_COLOUR) for bone in SIDE_BONES),
)
DOTS = sorted({point for start, end, _ in LINES for point in (start, end)})
SHIFT = 4  # bits: OpenCV draws at 1/16 pixel


class Skeleton:
    """The landmarks of a clip, in pixels of the frames that are shown."""

    def __init__(self, landmarks: Landmarks, classifier: Classifier, shape: Shape, boxes: Sequence[Box]) -> None:
        """`boxes`: where the picture lies in each frame; of frames that are not in it yet, where it lies in the last.

        To be drawn on a frame, those of two more rows of landmarks must be in it.
        """
        self.fitted, self.fit = clip_places(landmarks, WIDTH, HEIGHT), classifier.fit  # (T, 33, 2) pixels of 640x480
        self.boxes, self.rate = boxes, shape.rate
        self.visibility = landmarks.image_landmarks[..., 3]  # (T, 33), 0-1
        self.found = landmarks.found  # (T,) bool
        self.frames = [row_frame(row, classifier.fps, shape) for row in range(len(landmarks))]
        self.times = [float(frame / shape.rate) for frame in self.frames]  # seconds
        self.thickness = max(2, round(min(shape.width, shape.height) / 170))

    def at(self, seconds: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Points (33, 2) in pixels and their visibility (33,), interpolated between the rows of landmarks around.

        If the person is found in only one of the two, or leaps, the nearer row decides; None if nobody is found there.
        Where the clip changes its shape, the nearest row that has the frame's shape decides.
        """
        last = len(self.times) - 1
        row = min(max(bisect_right(self.times, seconds + 1e-6) - 1, 0), last)
        after = min(row + 1, last)
        box = self.frame_box(round(seconds * self.rate))
        fitting = [near for near in range(max(row - 1, 0), min(after + 1, last) + 1) if self.row_box(near) == box]
        if not fitting:
            return None
        step = self.times[after] - self.times[row]
        share = min(max((seconds - self.times[row]) / step, 0.0), 1.0) if step > 0 else 0.0
        if {row, after} <= {*fitting} and self.found[row] and self.found[after] and not self.leaps(row, after):
            points, visibility = ((1 - share) * of[row] + share * of[after] for of in (self.fitted, self.visibility))
        else:
            nearest = min(fitting, key=lambda near: abs(self.times[near] - seconds))
            if not self.found[nearest]:
                return None
            points, visibility = self.fitted[nearest], self.visibility[nearest]
        return unfit_points(points, box.width, box.height, self.fit) + np.array(box[:2], np.float32), visibility

    def frame_box(self, number: int) -> Box:
        return self.boxes[min(number, len(self.boxes) - 1)]

    def row_box(self, row: int) -> Box | None:
        """Where the picture lay in the frame of a row of landmarks, as it would be shown; None where the shape changes:
        there, `read_frames` may have taken the next frame."""
        box = self.frame_box(self.frames[row])
        return box if box == self.frame_box(self.frames[min(row + 1, len(self.frames) - 1)]) else None

    def leaps(self, row: int, after: int) -> bool:
        """Whether two rows show two people, or there is a cut between them."""
        before = self.fitted[row]
        extent = np.linalg.norm(before.max(axis=0) - before.min(axis=0))
        return bool(np.linalg.norm((self.fitted[after] - before).mean(axis=0)) > MAX_LEAP * extent)

    def draw(self, frame: np.ndarray, seconds: float) -> None:
        """Draws on a frame (H, W, 3) uint8 RGB that is shown at `seconds`; nothing if nobody is found there."""
        if not (pose := self.at(seconds)):
            return
        points, visibility = pose
        sure = visibility >= MIN_VISIBILITY
        places = np.rint(points * 2**SHIFT).astype(int)
        if not sure.all():
            part = box_around(points, 3 * self.thickness, frame)
            plain = part.copy()
            self.draw_lines(frame, places, np.ones(len(sure), bool), ~sure)
            cv2.addWeighted(part, DIM_OPACITY, plain, 1 - DIM_OPACITY, 0, dst=part)
        self.draw_lines(frame, places, sure, sure)

    def draw_lines(self, frame: np.ndarray, places: np.ndarray, joined: np.ndarray, dotted: np.ndarray) -> None:
        """Draws the bones between landmarks that are `joined` (33,) bool, and dots on those that are `dotted` (33,)
        bool, all with a dark rim; `places` (33, 2) are in 1/16 pixels."""
        thick, rim = self.thickness, max(1, self.thickness // 2)
        bones = [(start, end, colour) for start, end, colour in LINES if joined[start] and joined[end]]
        for wider, dark in ((2 * rim, True), (0, False)):
            for start, end, colour in bones:
                ends = places[start].tolist(), places[end].tolist()
                cv2.line(frame, *ends, NEAR_BLACK if dark else colour, thick + wider, cv2.LINE_AA, SHIFT)
        for dot in (point for point in DOTS if dotted[point]):
            centre = places[dot].tolist()
            cv2.circle(frame, centre, round((0.9 * thick + rim) * 2**SHIFT), NEAR_BLACK, -1, cv2.LINE_AA, SHIFT)
            cv2.circle(frame, centre, round(0.9 * thick * 2**SHIFT), WHITE, -1, cv2.LINE_AA, SHIFT)


def row_frame(row: int, fps: float, shape: Shape) -> int:
    """The number of the frame, as shown, that row `row` of the landmarks was read from.

    Of the frames nearest to row/fps `read_frames` takes the last, so it is up to half a step later.
    """
    return max(ceil((row + 0.5) * shape.rate / fps) - 1, 0)


def box_around(points: np.ndarray, margin: int, frame: np.ndarray) -> np.ndarray:
    """The part of a frame (H, W, 3) in which points (N, 2) lie, and `margin` pixels around them; a view."""
    high, wide = frame.shape[:2]
    left, top = np.clip(np.floor(points.min(axis=0)) - margin, 0, (wide, high)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0)) + margin, 0, (wide, high)).astype(int)
    return frame[top:bottom, left:right]
