"""Answers made by hand, small clips, and what is seen and heard in what was drawn."""

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.drawing.overlay import write_overlay
from fitness_tracker.drawing.playback import Shape, read_shape, read_upright
from fitness_tracker.models.classifier import Classifier, Prediction
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.video.letterbox import Box

EXERCISES = ["lunge", "plank", "push_up", "squat", "none"]
SQUAT = Segment(0.0, 1.0, "squat", 0.93, 2, None, (0.3, 0.8))
REST = Segment(1.0, 2.0, "none", 0.7, None, None, ())
SOUND = ("-f", "lavfi", "-i", "sine=duration=2")
MOVING = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=20:duration=2")
SHAPE = Shape(640, 480, Fraction(20))
BOX = Box(0, 0, 640, 480)


def classifier(fit: str = "pad", fps: float = 10.0) -> Classifier:
    """Of which the pictures need no more."""
    return cast(Classifier, SimpleNamespace(exercises=EXERCISES, fit=fit, fps=fps))


def answer(*segments: Segment, landmarks: Landmarks | None = None, seconds: float = 2.0) -> Answer:
    rows = len(landmarks.found) if landmarks else round(10 * seconds)
    frames = np.full((rows, len(EXERCISES)), 1 / len(EXERCISES), np.float32)
    given: Prediction = PosePrediction(frames, frames[0], landmarks) if landmarks else Prediction(frames, frames[0])
    first = segments[0]
    return Answer(
        first.exercise, first.confidence, 0.1, first.repetitions, first.held_s, seconds, tuple(segments), given
    )


def landmarks_at(places: Sequence[tuple[float, float]]) -> Landmarks:
    """All 33 landmarks in one place of 640x480, for each of the places."""
    image = np.ones((len(places), 33, 4), np.float32)
    image[..., :2] = np.array(places)[:, None]
    times = np.arange(len(places), dtype=np.float32) / 10
    return Landmarks(image, np.zeros((len(places), 33, 3), np.float32), times, np.ones(len(places), bool))


def saved(folder: Path, content: bytes, name: str = "clip.mp4") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def overlay(clip: Path, *segments: Segment) -> Path:
    """The clip with an answer of those segments drawn on it."""
    out = clip.with_name("out.mp4")
    write_overlay(clip, answer(*segments or (SQUAT, REST)), classifier(), out)
    return out


def described(path: Path) -> str:
    """What ffmpeg says of it."""
    return subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False).stderr


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame for frame, _ in read_upright(path, read_shape(path, 16, 4000))]


def sound_of(path: Path) -> np.ndarray:
    """(N,) int16, 8000 a second."""
    raw = ("-ac", "1", "-ar", "8000", "-f", "s16le", "-")
    program = [get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), *raw]
    return np.frombuffer(subprocess.run(program, capture_output=True, check=True).stdout, np.int16)


def near(pixels: np.ndarray, colour: tuple[int, int, int], by: int = 40) -> np.ndarray:
    """(…) bool: where pixels (…, 3) have a colour, as H.264 keeps it."""
    return (np.abs(pixels.astype(int) - colour) <= by).all(axis=-1)
