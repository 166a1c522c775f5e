"""Names the exercises in a frame, a picture or a clip, and counts their repetitions. Needs nothing but a bundle."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from fitness_tracker.answering.answer import Answer, answer_prediction
from fitness_tracker.core.params import Limits
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.prediction.inputs import LIMITS, check_frame, read_input
from fitness_tracker.video.letterbox import fit_frame

CLASSIFIER = Path("models/classifier")


load_once = cache(load_classifier)


def predict_exercise(frame: np.ndarray, classifier: Path | str | Classifier = CLASSIFIER) -> tuple[str, float]:
    """The exercise in a frame (H, W, 3) uint8 RGB of any size, or 'none', and the confidence in it, 0 to 1.

    Raises `ValueError` if `frame` is no such array, `UserError` if there is no classifier.
    """
    checked, loaded = check_frame(frame), loaded_classifier(classifier)
    return loaded.decide_label(loaded.predict_frames([fit_frame(checked, loaded.fit)]))


def predict_clip(
    clip: Path | str | Iterable[np.ndarray],
    classifier: Path | str | Classifier = CLASSIFIER,
    limits: Limits = LIMITS,
    progress: Callable[[float], None] | None = None,
) -> Answer:
    """The answer for a clip's or picture's file, or for frames (H, W, 3) uint8 RGB, `classifier.fps` of them a second.

    `progress` is told how many seconds of it were looked at. Raises `UserError` if the file cannot be read as what its
    name says, or there is no classifier; `ValueError` if a frame is no such array, or there is none.
    """
    loaded = loaded_classifier(classifier)
    if isinstance(clip, (Path, str)):
        frames: Iterable[np.ndarray] = read_input(Path(clip), loaded.fps, loaded.fit, limits)
    else:
        frames = (fit_frame(check_frame(frame), loaded.fit) for frame in clip)
    return answer_prediction(loaded.predict_frames(counted(frames, loaded.fps, progress)), loaded)


def counted(frames: Iterable[np.ndarray], fps: float, progress: Callable[[float], None] | None) -> Iterator[np.ndarray]:
    number = 0
    for number, frame in enumerate(frames, start=1):
        yield frame
        if progress:
            progress(number / fps)
    if not number:
        raise ValueError("there is no frame")


def loaded_classifier(classifier: Path | str | Classifier) -> Classifier:
    return classifier if isinstance(classifier, Classifier) else load_once(Path(classifier))
