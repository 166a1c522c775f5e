"""`predict_clip` and `predict_exercise`: answers for clips, pictures and frames. They need nothing but a classifier."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.answering.answer import Answer, answer_prediction
from fitness_tracker.core.params import Limits
from fitness_tracker.models.bundle import load_classifier, read_checksum
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.models.pose.classifier import PoseClassifier, PosePrediction
from fitness_tracker.prediction.enrolment import Enrolled, check_usable, mark_enrolled, name_enrolled
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS, check_frame, read_input
from fitness_tracker.prediction.sources import default_folder
from fitness_tracker.video.letterbox import fit_frame

LOCK = threading.Lock()
LOADED: dict[Path, tuple[str, Classifier]] = {}  # folder -> checksum of what it held, and that classifier


def load_once(folder: Path) -> Classifier:
    """The classifier in `folder`; the same object as long as the folder holds the same.

    Raises `UserError` as `load_classifier` does.
    """
    place = folder.resolve()
    with LOCK:
        known, classifier = LOADED.get(place, ("", None))
        found = read_checksum(folder)  # first: what replaces the folder meanwhile is loaded the next time
        if not classifier or known != found:
            classifier = load_classifier(folder)
            LOADED[place] = found, classifier
        return classifier


def predict_exercise(frame: np.ndarray, classifier: Path | str | Classifier | None = None) -> tuple[str, float]:
    """The exercise in a frame (H, W, 3) uint8 RGB of any size, or 'none', and the confidence in it, 0 to 1.

    `classifier` is one, or its folder; by default that of `default_folder`.
    Raises `ValueError` if `frame` is no such array, `UserError` if there is no classifier.
    """
    checked, loaded = check_frame(frame), loaded_classifier(classifier)
    return loaded.decide_label(loaded.predict_frames([fit_frame(checked, loaded.fit)]))


def predict_clip(
    clip: Path | str | Iterable[np.ndarray],
    classifier: Path | str | Classifier | None = None,
    limits: Limits = PREDICTION_LIMITS,
    progress: Callable[[float], None] | None = None,
    tell: Callable[[str], object] | None = None,
    enrolled: Sequence[Enrolled] = (),
) -> Answer:
    """The answer for a clip's or picture's file, or for frames (H, W, 3) uint8 RGB, `classifier.fps` of them a second.

    `enrolled` exercises count as taught ones. `progress` is called with the seconds of the clip that are done, `tell`
    with a line if the clip's clock was mended.
    Raises `UserError` if the file cannot be read as what its name says, there is no classifier, or something enrolled
    is not for it; `ValueError` if a frame is no such array, or there is none.
    """
    loaded = loaded_classifier(classifier)
    check_usable(enrolled, loaded)
    if isinstance(clip, (Path, str)):
        frames: Iterable[np.ndarray] = read_input(Path(clip), loaded.fps, loaded.fit, limits, tell)
    else:
        frames = (fit_frame(check_frame(frame), loaded.fit) for frame in clip)
    prediction = loaded.predict_frames(with_progress(frames, loaded.fps, progress))
    if isinstance(loaded, PoseClassifier) and isinstance(prediction, PosePrediction):
        prediction, loaded = name_enrolled(prediction, loaded, enrolled)
    return mark_enrolled(answer_prediction(prediction, loaded), enrolled)


def with_progress(
    frames: Iterable[np.ndarray], fps: float, progress: Callable[[float], None] | None
) -> Iterator[np.ndarray]:
    """The same frames, with a call of `progress` after each; raises `ValueError` if there is none."""
    number = 0
    for number, frame in enumerate(frames, start=1):
        yield frame
        if progress:
            progress(number / fps)
    if not number:
        raise ValueError("there is no frame")


def loaded_classifier(classifier: Path | str | Classifier | None) -> Classifier:
    if isinstance(classifier, Classifier):
        return classifier
    return load_once(default_folder() if classifier is None else Path(classifier))
