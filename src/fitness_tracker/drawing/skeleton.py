"""The skeleton of the person, drawn on the frames of their clip."""

from bisect import bisect_right
from math import ceil

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import BONES
from fitness_tracker.drawing.canvas import (
    ACROSS,
    INK,
    WHITE,
    Colour,
)
from fitness_tracker.drawing.playback import Shape
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.video.letterbox import unfit_points

SEEN = 0.5  # visibility from which a landmark is drawn in full


DIM = 0.35  # opacity of the others


LEAP = 0.5  # of a body's extent: who is that far away in the next frame of landmarks has not gone there (a cut)


LEFT_SIDE, RIGHT_SIDE, MIDDLE = (255, 176, 0), (86, 190, 255), WHITE


LINES: tuple[tuple[int, int, Colour], ...] = (
    *((*bone, MIDDLE) for bone in ACROSS),
    *((*bone, LEFT_SIDE if bone[0].name.startswith("LEFT") else RIGHT_SIDE) for bone in BONES),
)


DOTS = tuple(sorted({point for start, end, _ in LINES for point in (start, end)}))


SHIFT = 4  # OpenCV draws at 1/16 pixel


class Skeleton:
    """The landmarks of a clip, brought back to the picture that they were found in."""

    def __init__(self, landmarks: Landmarks, classifier: Classifier, shape: Shape) -> None:
        self.points = unfit_points(
            landmarks.image_landmarks[..., :2], shape.width, shape.height, classifier.fit
        )  # (T, 33, 2) pixels
        self.visibility = landmarks.image_landmarks[..., 3]  # (T, 33)
        self.found = landmarks.found  # (T,)
        self.times = [row_time(row, classifier.fps, shape) for row in range(len(landmarks.found))]  # seconds
        self.thickness = max(2, round(min(shape.width, shape.height) / 170))

    def at(self, seconds: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Points (33, 2) in pixels and their visibility (33,), between those of the frames around; None if nobody is
        found in the nearer one."""
        row = min(max(bisect_right(self.times, seconds + 1e-6) - 1, 0), len(self.times) - 1)
        after = min(row + 1, len(self.times) - 1)
        step = self.times[after] - self.times[row]
        share = min(max((seconds - self.times[row]) / step, 0.0), 1.0) if step > 0 else 0.0
        if not (self.found[row] and self.found[after]) or self.leaps(row, after):
            nearer = row if share < 0.5 else after
            return (self.points[nearer], self.visibility[nearer]) if self.found[nearer] else None
        return tuple((1 - share) * of[row] + share * of[after] for of in (self.points, self.visibility))  # type: ignore[return-value]

    def leaps(self, row: int, after: int) -> bool:
        """Whether the person of two frames is two, or there is a cut between them."""
        before = self.points[row]
        extent = np.linalg.norm(before.max(axis=0) - before.min(axis=0))
        return bool(np.linalg.norm((self.points[after] - before).mean(axis=0)) > LEAP * extent)

    def draw(self, frame: np.ndarray, seconds: float) -> None:
        if not (pose := self.at(seconds)):
            return
        points, visibility = pose
        sure = visibility >= SEEN
        places = np.rint(points * 2**SHIFT).astype(int)
        if not sure.all():
            part = box_around(points, 3 * self.thickness, frame)
            plain = part.copy()
            self.strokes(frame, places, np.ones(len(sure), bool), ~sure)
            cv2.addWeighted(part, DIM, plain, 1 - DIM, 0, dst=part)
        self.strokes(frame, places, sure, sure)

    def strokes(self, frame: np.ndarray, places: np.ndarray, drawn: np.ndarray, dots: np.ndarray) -> None:
        """The bones between landmarks that are `drawn` (33,), and `dots` (33,), each with a dark rim."""
        thick, rim = self.thickness, max(1, self.thickness // 2)
        bones = [(start, end, colour) for start, end, colour in LINES if drawn[start] and drawn[end]]
        for wider, dark in ((2 * rim, True), (0, False)):
            for start, end, colour in bones:
                ends = places[start].tolist(), places[end].tolist()
                cv2.line(frame, *ends, INK if dark else colour, thick + wider, cv2.LINE_AA, SHIFT)
        for dot in (point for point in DOTS if dots[point]):
            centre = places[dot].tolist()
            cv2.circle(frame, centre, round((0.9 * thick + rim) * 2**SHIFT), INK, -1, cv2.LINE_AA, SHIFT)
            cv2.circle(frame, centre, round(0.9 * thick * 2**SHIFT), WHITE, -1, cv2.LINE_AA, SHIFT)


def row_time(row: int, fps: float, shape: Shape) -> float:
    """Seconds at which the frame is shown that row `row` of the landmarks was read from.

    Of the frames nearest to row/fps `read_frames` takes the last, so it is up to half a step later.
    """
    return float(max(ceil((row + 0.5) * shape.rate / fps) - 1, 0) / shape.rate)


def box_around(points: np.ndarray, margin: int, frame: np.ndarray) -> np.ndarray:
    """The part of a frame (H, W, 3) in which points (N, 2) lie, and `margin` pixels around them; a view."""
    high, wide = frame.shape[:2]
    left, top = np.clip(np.floor(points.min(axis=0)) - margin, 0, (wide, high)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0)) + margin, 0, (wide, high)).astype(int)
    return frame[top:bottom, left:right]
