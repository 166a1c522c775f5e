"""`enrol`: an exercise of one's own, from a few repetitions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from fitness_tracker.answering.repetitions import REPEATED_RANGE, Movement, measure_movement
from fitness_tracker.answering.stillness import find_still, runs
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.pose.classifier import PoseClassifier, ask
from fitness_tracker.models.pose.features import (
    JOINT_ANGLES,
    SHOULDER,
    WRIST,
    Poses,
    cut_windows,
    direction,
    joint,
    joint_angle_cosine,
    poses_from_landmarks,
    tracks_from_landmarks,
)
from fitness_tracker.models.pose.metric import mean_vector, similarity
from fitness_tracker.prediction.enrolment import (
    MAX_CLIPS,
    Enrolled,
    check_free,
    check_name,
    check_usable,
    embedding_hash,
    name_enrolled,
)
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS, is_clip, read_input
from fitness_tracker.prediction.predict import loaded_classifier, with_progress

MIN_FOUND = 0.2  # share of frames with a person
MIN_HELD_S = 2.0  # of a position
# Of who only stands; hands: torso lengths over the hips
STRAIGHT_COSINE, UPRIGHT_COSINE, HANDS_HEIGHT = -0.8, 0.9, 0.35
AWAY = 2.5  # times the median time between repetitions: those beyond such a pause belong to something else
SMALL_RANGE, SMALL_PERIODICITY, SMALL_COUNT = 0.5, 0.85, 3  # of a `Movement`: small, but plainly repeated
ANYWAY = "if it is another exercise, add --anyway"


@dataclass(frozen=True)
class Shown:
    """What a clip shows of an exercise."""

    landmarks: Landmarks  # of the repetitions, or of the position that is held
    repetitions: int  # 0: it is held
    held_s: float  # 0: it is repeated
    vector: np.ndarray  # (M, U) float32: the mean of its windows


def enrol(
    name: str,
    clips: Iterable[Path | str] | Path | str,
    classifier: Path | str | Classifier | None = None,
    enrolled: Iterable[Enrolled] = (),
    anyway: bool = False,
    limits: Limits = PREDICTION_LIMITS,
    progress: Callable[[float], None] | None = None,
) -> Enrolled:
    """The exercise `name` that the `clips` show, one person's or several people's, for `predict_clip`.

    A set-up before the repetitions and what comes after them are left out. Raises `UserError` if the classifier does
    not read poses, if a clip shows nobody or neither a movement nor a position or is given twice, or if the name is
    taken; unless `anyway`, also if the clips look like what is taught or `enrolled`, or not like one another.
    """
    loaded = loaded_classifier(classifier)
    paths = [Path(clip) for clip in ([clips] if isinstance(clips, Path | str) else clips)]
    seen_by, enrolled = embedding_hash(loaded), list(enrolled)
    assert isinstance(loaded, PoseClassifier)  # or it has no such hash
    check_usable(enrolled, loaded)
    tidy = check_name(name)
    check_free(tidy, loaded, enrolled)
    if not 0 < len(paths) <= MAX_CLIPS:
        raise UserError(f"name the clips that show {tidy!r}, {MAX_CLIPS} at most")
    shown = [show(path, loaded, limits, progress) for path in paths]
    check_different(paths, shown)
    if not anyway:
        check_new(paths, shown, loaded, enrolled)
        check_alike(paths, shown, loaded)
    held = sum(one.held_s for one in shown)
    repetitions = sum(one.repetitions for one in shown)
    return Enrolled(
        tidy, seen_by, repetitions or None, None if repetitions else round(held, 1),
        np.stack([one.vector for one in shown]),
    )  # fmt: skip


def show(path: Path, classifier: PoseClassifier, limits: Limits, progress: Callable[[float], None] | None) -> Shown:
    """What a clip shows; raises `UserError` that names it if it does not."""
    try:
        if not is_clip(path):
            raise UserError("is no clip; an exercise shows in its movement")
        frames = read_input(path, classifier.fps, classifier.fit, limits)
        prediction = classifier.predict_frames(with_progress(frames, classifier.fps, progress))
        return take_exercise(prediction.landmarks, classifier)  # type: ignore[attr-defined]
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def take_exercise(landmarks: Landmarks, classifier: PoseClassifier) -> Shown:
    """The repetitions in a clip, or the position that is held; raises `UserError` if there is neither."""
    if landmarks.found.mean() < MIN_FOUND:
        raise UserError("nobody is found in it; film the whole body")
    poses, fps = poses_from_landmarks(landmarks), classifier.fps
    still = find_still(poses, fps) & landmarks.found
    movement = measure_movement(poses, fps)
    held = longest_hold(still, poses, fps)
    times = central_times(movement.times_s)
    if is_repeated(movement) or (not held and times and movement.amplitude >= REPEATED_RANGE):
        start, end = (round(second * fps) for second in span_of(times, movement))
        repetitions, held_s = len(times), 0.0
    elif held:
        start, end = held
        repetitions, held_s = 0, (end - start) / fps
    else:
        raise UserError("nobody repeats a movement or holds a position in it; film a few repetitions")
    missing = max(0, classifier.window - (end - start))  # to see it as the network does
    start = max(0, min(start - missing // 2, len(landmarks) - classifier.window))
    rows = slice(start, max(end, start + classifier.window))
    return Shown(landmarks[rows], repetitions, held_s, vector_of(landmarks[rows], classifier))


def is_repeated(movement: Movement) -> bool:
    small = (
        movement.amplitude >= SMALL_RANGE
        and movement.periodicity >= SMALL_PERIODICITY
        and len(movement.times_s) >= SMALL_COUNT
    )
    return small or movement.is_clearly_repeated


def longest_hold(still: np.ndarray, poses: Poses, fps: float) -> tuple[int, int] | None:
    """The longest run of frames in which somebody holds a position that is not just standing; None if it is short."""
    holding = still & ~only_stands(poses.joints_3d)
    start, end = max(runs(holding), key=lambda run: run[1] - run[0], default=(0, 0))
    return (start, end) if end - start >= MIN_HELD_S * fps else None


def only_stands(body: np.ndarray) -> np.ndarray:
    """(T, 12, 3) to (T,) bool: upright, the legs about straight and the arms hanging.

    Less strict than `features.is_standing`: it is about positions, where that is about frames of repetitions.
    """
    bent = [joint_angle_cosine(*(joint(body, part) for part in joints)).max(axis=-1) for joints in JOINT_ANGLES[2:]]
    hands = -body[:, 2 * WRIST : 2 * WRIST + 2, 1].min(axis=-1)
    upright = -direction(joint(body, SHOULDER).mean(axis=-2))[..., 1]
    return (np.maximum(*bent) < STRAIGHT_COSINE) & (hands < HANDS_HEIGHT) & (upright > UPRIGHT_COSINE)


def central_times(times: Sequence[float]) -> list[float]:
    """The most repetitions that follow one another without a long pause."""
    if len(times) < 3:
        return list(times)
    gaps = np.diff(times)
    cuts = [0, *(np.flatnonzero(gaps > AWAY * np.median(gaps)) + 1).tolist(), len(times)]
    start, end = max(pairwise(cuts), key=lambda part: part[1] - part[0])
    return list(times[start:end])


def span_of(times: Sequence[float], movement: Movement) -> tuple[float, float]:
    """Seconds from where the first of the repetitions starts to where the last ends."""
    before = [start for start in movement.starts_s if start < times[0]]
    after = [start for start in movement.starts_s if start > times[-1]]
    half = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 1.0
    return (
        max(before[-1] if before else times[0] - half, times[0] - 2 * half),
        min(after[0] if after else times[-1] + half, times[-1] + 2 * half),
    )


def vector_of(landmarks: Landmarks, classifier: PoseClassifier) -> np.ndarray:
    """(M, U) float32: the mean over a clip's windows."""
    parts = [
        classifier.metric.vectors(ask(classifier.graph, windows).embedding)
        for windows in cut_windows(tracks_from_landmarks(landmarks), classifier.window)
    ]
    return mean_vector(np.concatenate(parts))


def check_different(paths: Sequence[Path], shown: Sequence[Shown]) -> None:
    """Raises `UserError` if two clips show the same to the bit: what is counted twice is no second clip."""
    seen: dict[bytes, Path] = {}
    for path, one in zip(paths, shown, strict=True):
        first = seen.setdefault(one.landmarks.world_landmarks.tobytes(), path)
        if first is not path:
            raise UserError(f"{path}: shows the same as {first}; leave it out")


def check_new(
    paths: Sequence[Path], shown: Sequence[Shown], classifier: PoseClassifier, enrolled: Sequence[Enrolled]
) -> None:
    """Raises `UserError` if a clip gets the name of an exercise."""
    for path, one in zip(paths, shown, strict=True):
        prediction, wider = name_enrolled(classifier.predict_landmarks(one.landmarks), classifier, enrolled)
        exercise, confidence = wider.decide_label(prediction)
        if exercise != NONE:
            known = "is taught" if exercise in classifier.exercises else "is enrolled"
            raise UserError(f"{path}: this looks like {exercise!r}, which {known} ({confidence:.0%}); {ANYWAY}")


def check_alike(paths: Sequence[Path], shown: Sequence[Shown], classifier: PoseClassifier) -> None:
    """Raises `UserError` if a clip does not look like the mean of the others, or some are held and some are not."""
    vectors = np.stack([one.vector for one in shown])
    for number, (path, one) in enumerate(zip(paths, shown, strict=True)):
        others = np.delete(vectors, number, axis=0)
        if not len(others):
            return
        alike = float(similarity(vectors[number : number + 1], mean_vector(others)[None])[0, 0])
        if alike < classifier.metric.alike or bool(one.held_s) != bool(shown[0].held_s):
            raise UserError(f"{path}: does not look like the other clips; leave it out, or add --anyway")
