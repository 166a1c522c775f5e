"""How far our landmarks lie from those of MediaPipe's own program, on the same frames.

MediaPipe 0.10.21 wants an older NumPy, so run this in an environment of its own:

    python -m venv /tmp/mediapipe && /tmp/mediapipe/bin/pip install mediapipe==0.10.21 pyyaml
    PYTHONPATH=src /tmp/mediapipe/bin/python benchmarks/agreement.py data/frames data/landmarks

Prints the median distance over all points of all frames in which both found somebody, in per cent of body height
(shoulders to hips to knees to ankles, the median of the clip).
"""

import argparse
from pathlib import Path

import mediapipe
import numpy as np

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.blazepose.skeleton import LANDMARKS, Landmark
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.video.frames import read_zip

CHAIN = (
    (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    (Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE), (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
)  # fmt: skip


def mediapipe_landmarks(path: Path) -> np.ndarray:
    """(T, 33, 2) float64 pixels of a clip's zip of frames; nan where nobody was found."""
    rows = []
    with mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=False) as pose:
        for _, frame in read_zip(path):
            height, width = frame.shape[:2]
            found = pose.process(frame).pose_landmarks
            points = (
                [(point.x * width, point.y * height) for point in found.landmark]
                if found
                else np.full((LANDMARKS, 2), np.nan)
            )
            rows.append(np.array(points))
    return np.stack(rows)


def body_height(points: np.ndarray) -> float:
    """Pixels, of landmarks (T, 33, 2)."""
    middles = np.stack([points[:, pair].mean(axis=1) for pair in CHAIN], axis=1)  # (T, 4, 2)
    return float(np.median(np.linalg.norm(np.diff(middles, axis=1), axis=2).sum(axis=1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th clip")
    args = parser.parse_args()
    away, ours_found, theirs_found, frames = [], 0, 0, 0
    for clip in find_clips(args.frames, (".zip",))[:: args.every]:
        theirs = mediapipe_landmarks(clip.path)
        landmarks = read_landmarks(args.landmarks / f"{clip.name}.npz")
        ours, found = landmarks.image_landmarks[..., :2].astype(float), landmarks.found
        both = found & ~np.isnan(theirs[:, 0, 0])
        frames, ours_found = frames + len(found), ours_found + int(found.sum())
        theirs_found += int((~np.isnan(theirs[:, 0, 0])).sum())
        if both.any():
            distance = np.linalg.norm(ours[both] - theirs[both], axis=2)
            away.append(distance.ravel() / body_height(ours[both]))
    distances = 100 * np.concatenate(away)
    print(
        f"{frames} frames; ours finds somebody in {ours_found / frames:.1%}, MediaPipe in {theirs_found / frames:.1%}"
    )
    print(
        f"distance in % of body height: median {np.median(distances):.2f}, 90 % below {np.quantile(distances, 0.9):.2f}"
    )


if __name__ == "__main__":
    main()
