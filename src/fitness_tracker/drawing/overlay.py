"""The overlay: a clip with its answer drawn on it: skeleton, exercise, confidence, count, and a timeline."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.canvas import (
    NEAR_BLACK,
    WHITE,
    Colour,
    Stamp,
    colours,
    fit_text,
    ink_on,
    name_of,
    transparent_image,
)
from fitness_tracker.drawing.letters import draw_text, text_width
from fitness_tracker.drawing.outputs import check_output, whole_file
from fitness_tracker.drawing.playback import EncodeError, Shape, read_shape, read_upright, write_clip
from fitness_tracker.drawing.skeleton import Skeleton
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS
from fitness_tracker.video.letterbox import Box

# Pixels of the longer side. A 4K clip becomes smaller, so that it takes about as long as it plays; a tiny one larger,
# so that words can be read on it.
MIN_LONGER_SIDE, MAX_LONGER_SIDE = 640, 1280
SMALL_PRINT: Colour = (205, 210, 218)


def write_overlay(
    clip: Path,
    answer: Answer,
    classifier: Classifier,
    out: Path,
    limits: Limits = PREDICTION_LIMITS,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Writes the clip with its `answer` drawn on it to `out`, an .mp4 of H.264 and AAC, upright, with its sound.

    `progress` is called with the share that is done, 0 to 1. Raises `UserError` if `out` is the clip or cannot be
    written, `ClipError` if the clip does not decode; then `out` stays as it was.
    """
    check_output(clip, out, ".mp4")
    shape = read_shape(clip, MIN_LONGER_SIDE, MAX_LONGER_SIDE, limits)
    boxes: list[Box] = []
    painter, ahead = Painter(answer, classifier, shape, boxes), 2 * ceil(shape.rate / Fraction(classifier.fps)) + 1

    with closing(read_upright(clip, shape, limits)) as frames, whole_file(out) as target:

        def drawn() -> Iterator[np.ndarray]:
            for number, frame in enumerate(read_ahead(frames, boxes, ahead)):
                seconds = float(number / shape.rate)
                painter.draw(frame, seconds)
                yield frame
                if progress:
                    progress(min(1.0, seconds / max(answer.duration_s, 1e-3)))

        try:
            write_clip(drawn(), shape, clip, target, limits)
        except EncodeError as error:
            raise UserError(f"{out}: {error}") from None
    if progress:
        progress(1.0)


def read_ahead(frames: Iterable[tuple[np.ndarray, Box]], boxes: list[Box], count: int) -> Iterator[np.ndarray]:
    """The same frames, each when the boxes of `count` more have been added to `boxes`."""
    waiting: deque[np.ndarray] = deque()
    for frame, box in frames:
        boxes.append(boxes[-1] if boxes and boxes[-1] == box else box)  # one object: an hour has many frames
        waiting.append(frame)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


class Painter:
    """Draws an answer on the frames of its clip, given their times."""

    def __init__(self, answer: Answer, classifier: Classifier, shape: Shape, boxes: Sequence[Box]) -> None:
        """`boxes`: as of `Skeleton`."""
        self.skeleton: Skeleton | None = None
        if isinstance(answer.prediction, PosePrediction):
            self.skeleton = Skeleton(answer.prediction.landmarks, classifier, shape, boxes)
        self.segments, self.shape = answer.segments, shape
        self.colours = colours(answer.segments, classifier.exercises)
        self.timeline = Timeline(answer, self.colours, shape)

    def draw(self, frame: np.ndarray, seconds: float) -> None:
        """Draws on a frame (H, W, 3) uint8 RGB that is shown at `seconds`."""
        if self.skeleton:
            self.skeleton.draw(frame, seconds)
        number = max(bisect_right(self.segments, seconds + 1e-6, key=lambda segment: segment.start_s) - 1, 0)
        segment = self.segments[number]
        label = Label(name_of(segment), f"{segment.confidence:.0%} sure", *count_at(segment, seconds))
        margin = letter_size(self.shape) // 2
        label_stamp(label, self.colours[number], self.shape).put(frame, margin, margin)
        self.timeline.draw(frame, seconds)


def letter_size(shape: Shape) -> int:
    """The height in pixels of the letters that name an exercise: large enough for a phone's screen."""
    return max(10, round(min(shape.width / 19, shape.height / 17)))


def count_at(segment: Segment, seconds: float) -> tuple[str, str]:
    """What is counted in a segment until `seconds`, and its unit: ('3', 'reps'), ('12 s', 'held'), or ('', '')."""
    if segment.repetitions is not None:
        count = sum(time <= seconds + 1e-6 for time in segment.times_s)
        return str(count), "rep" if count == 1 else "reps"
    if segment.held_s is not None:
        return f"{int(min(max(seconds - segment.start_s, 0), segment.held_s) + 1e-6)} s", "held"
    return "", ""


@dataclass(frozen=True)
class Label:
    """The words of the box at the top left."""

    exercise: str
    confidence: str
    count: str  # empty: nothing to count
    unit: str


@lru_cache(maxsize=8)
def label_stamp(label: Label, colour: Colour, shape: Shape) -> Stamp:
    """A dark box with the label's words, and a stripe in the exercise's colour."""
    size = letter_size(shape)
    gap, stripe, small, large = size // 2, max(4, size // 4), max(8, round(0.68 * size)), round(1.5 * size)
    room = shape.width - 2 * (size // 2) - stripe - 2 * gap
    count = max(text_width(label.count, large, True), text_width(label.unit, small)) if label.count else 0
    count = max(count, text_width("00", large, True)) if count else 0  # two digits, so that the tenth moves nothing
    name, name_size = fit_text(label.exercise, room - count - (2 * gap if count else 0), size, max(8, size // 2), True)
    words = max(text_width(name, name_size, True), text_width(label.confidence, small))
    width = min(stripe + gap + words + gap + (count + gap if count else 0), shape.width)
    height = round(2.75 * size)
    image, draw = transparent_image(width, height)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), size // 4, (*NEAR_BLACK, 205))
    draw.rounded_rectangle((0, 0, stripe + size // 4, height - 1), size // 4, (*colour, 255))
    draw.rectangle((stripe, 0, stripe + size // 4, height - 1), (*NEAR_BLACK, 205))
    left, first, second = stripe + gap, round(1.3 * size), round(2.3 * size)  # base lines of the letters
    draw_text(draw, (left, first), name, WHITE, name_size, True)
    draw_text(draw, (left, second), label.confidence, SMALL_PRINT, small)
    if count:
        middle = width - gap - count // 2
        draw_text(draw, (middle, round(1.5 * size)), label.count, WHITE, large, True, "ms")
        draw_text(draw, (middle, second), label.unit, SMALL_PRINT, small, anchor="ms")
    return Stamp.from_image(image)


class Timeline:
    """A bar at the bottom: the segments in their colours, and a play head at the frame's time."""

    def __init__(self, answer: Answer, segment_colours: list[Colour], shape: Shape) -> None:
        self.duration, self.width = max(answer.duration_s, 1e-3), shape.width
        size = letter_size(shape)
        self.height, self.edge = min(round(1.3 * size), shape.height), max(2, size // 10)
        self.top = shape.height - self.height
        image, draw = transparent_image(self.width, self.height)
        draw.rectangle((0, 0, self.width, self.height), (*NEAR_BLACK, 255))
        for segment, colour in zip(answer.segments, segment_colours, strict=True):
            left, right = self.place(segment.start_s), self.place(segment.end_s)
            right -= 1 if right - left > 4 else 0  # a gap between neighbours
            draw.rectangle((left, self.edge, max(left, right - 1), self.height - 1 - self.edge), colour)
            name = name_of(segment)
            text, fitted = fit_text(name, right - left - size // 2, round(0.72 * size), max(9, round(0.5 * size)))
            if text == name:
                at = ((left + right) // 2, self.height // 2)
                draw_text(draw, at, text, ink_on(colour), fitted, anchor="mm")
        self.stamp = Stamp.from_image(image)

    def place(self, seconds: float) -> int:
        """The pixel column of a time."""
        return round(min(max(seconds / self.duration, 0.0), 1.0) * self.width)

    def draw(self, frame: np.ndarray, seconds: float) -> None:
        """Draws on a frame (H, W, 3) uint8 RGB that is shown at `seconds`."""
        self.stamp.put(frame, 0, self.top)
        half = max(1, self.edge // 2 + 1)
        at = min(max(self.place(seconds), half), self.width - 1 - half)
        top, bottom = max(self.top - self.edge, 0), self.top + self.height - 1
        cv2.rectangle(frame, (at - half - 1, top), (at + half + 1, bottom), NEAR_BLACK, -1)
        cv2.rectangle(frame, (at - half, top), (at + half, bottom), WHITE, -1)
