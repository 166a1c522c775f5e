"""How long a clip takes from file to answer, as a ratio to its length, and where the time goes.

Answers CLIP with CLASSIFIER: first each part alone, one after the other (decoding; tracking the person in the frames,
kept in memory for that, so give it a minute or less; the networks; timeline and repetitions), on one core. Then the
whole, as `predict` does it, where ffmpeg decodes beside the rest, on all cores. Models are loaded before. Prints a
Markdown table, and this process's peak memory.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fitness_tracker.answering.answer import answer_prediction
from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.core.errors import UserError, exit_with_message
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.prediction.predict import predict_clip
from fitness_tracker.video.ffmpeg import read_frames

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    parser.add_argument("--whole", action="store_true", help="leave the parts out: flat memory, for an hour of video")
    args = parser.parse_args()
    with exit_with_message("speed"):
        classifier = load_classifier(args.classifier)
        if not isinstance(classifier, PoseClassifier):
            raise UserError(f"{args.classifier}: is no pose classifier")
        parts = {} if args.whole else time_parts(args.clip, classifier)
        answer, whole = timed(lambda: predict_clip(args.clip, classifier))
    print(f"| {answer.duration_s:.0f} s of video | seconds | ratio to real time |\n| --- | --- | --- |")
    parts[f"the whole, {len(os.sched_getaffinity(0))} cores"] = whole
    for name, seconds in parts.items():
        print(f"| {name} | {seconds:.1f} | {seconds / answer.duration_s:.3f} |")
    print(f"\npeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, ffmpeg's beside it")


def time_parts(clip: Path, classifier: PoseClassifier) -> dict[str, float]:
    """Seconds of each part on one core, the second time: the first warms up."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    tracker = pose_tracker(**classifier.pose_networks)
    for _ in range(2):
        frames, decoding = timed(lambda: list(read_frames(clip, classifier.fps, classifier.fit)))
        times = [number / classifier.fps for number in range(len(frames))]
        landmarks, pose = timed(lambda: tracker.track(zip(times, frames, strict=True)))  # noqa: B023
        prediction, networks = timed(lambda: classifier.predict_landmarks(landmarks))  # noqa: B023
        _, timeline = timed(lambda: answer_prediction(prediction, classifier))  # noqa: B023
    os.sched_setaffinity(0, cores)
    return {
        "decoding": decoding, "pose": pose, "features and networks": networks, "timeline, repetitions": timeline
    }  # fmt: skip


if __name__ == "__main__":
    main()
