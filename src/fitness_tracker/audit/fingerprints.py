"""What the audit keeps of a clip: small grey frames, edges that stay, and people.

All clips are reduced at once on all cores, and cached like the stages' outputs.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import SIDE_BONES
from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.core.params import Limits
from fitness_tracker.models.pose.features import JOINTS, poses_from_landmarks
from fitness_tracker.video.ffmpeg import read_frames
from fitness_tracker.video.frames import encode_jpeg

OUTPUT_VERSION = 3  # of `fingerprint`: raise it when the same clip gives other bytes


FPS = 4.0  # sampled frames a second


PEOPLE_EVERY = 4  # every fourth of them is searched for all people


WIDE, HIGH = 32, 24  # of the small grey frames


BODY_WIDTH = 11  # of 160: as thick as trunk and limbs are drawn


@dataclass(frozen=True)
class Fingerprint:
    """What the audit keeps of a clip."""

    small: np.ndarray  # (T, 24, 32) uint8 grey frames
    edges: np.ndarray  # (120, 160) bool: where an edge stays through the clip
    found: float  # share of frames with a person
    people: float  # share of the searched frames with two or more people
    movement: float  # torso lengths, see `movement`
    picture: bytes  # a JPEG of the middle frame, 160x120

    @property
    def background(self) -> np.ndarray:
        """(24, 32) float64: what stays behind who moves."""
        return np.median(self.small, axis=0)


def fingerprint(clip: bytes, detector: bytes, landmarker: bytes, limits: Limits) -> bytes:
    """A clip to its `Fingerprint` as `.npz`; raises `ClipError` if it does not decode within the limits."""
    person = pose_tracker(detector, landmarker)
    small, pictures, people = [], [], []
    edges: list[np.ndarray] = []

    def looked_at():
        for number, frame in enumerate(read_frames(clip, FPS, "pad", limits)):
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            small.append(cv2.resize(grey, (WIDE, HIGH), interpolation=cv2.INTER_AREA))
            edges.append(cv2.Canny(cv2.resize(grey, (160, 120), interpolation=cv2.INTER_AREA), 80, 160) > 0)
            pictures.append(encode_jpeg(cv2.resize(frame, (160, 120), interpolation=cv2.INTER_AREA), 85))
            if number % PEOPLE_EVERY == 0:
                sure = [
                    seen.region for region in person.detect(frame, None) if (seen := person.estimate(frame, region))
                ]
                people.append(count_people(sure) >= 2)
            yield number / FPS, frame

    landmarks = person.track(looked_at())
    lasting = sum(edge & ~body_mask(points) for edge, points in zip(edges, landmarks.image_landmarks, strict=True))
    found = landmarks.found
    target = io.BytesIO()
    np.savez_compressed(
        target, small=np.stack(small), edges=lasting >= 0.9 * len(small), found=found.mean(), people=np.mean(people),
        movement=movement(landmarks), picture=np.frombuffer(pictures[len(pictures) // 2], np.uint8),
    )  # fmt: skip
    return target.getvalue()


def movement(landmarks: Landmarks) -> float:
    """How far the joint that moves most goes in the picture, in torso lengths; the camera's movement counts as well.

    Of the joints that are seen in most frames, smoothed: the diagonal of the box from the 5th to the 95th percentile.
    Infinite if none is seen so: what is hidden may move.
    """
    poses = poses_from_landmarks(landmarks)
    places = poses.joints_image[..., :2] + poses.hip_trajectory[:, None]  # (T, 12, 2)
    low, high = np.percentile(places, [5, 95], axis=0)
    seen = np.median(landmarks.image_landmarks[:, JOINTS, 3], axis=0) > 0.5
    return float(np.linalg.norm(high - low, axis=-1)[seen].max()) if seen.any() else np.inf


def body_mask(points: np.ndarray) -> np.ndarray:
    """(120, 160) bool: where the person's trunk and limbs are. Limbs that lie still are no writing.

    `points` (33, 4) are image landmarks in pixels of 640x480, all zero if nobody was found.
    """
    mask = np.zeros((120, 160), np.uint8)
    if points.any():
        corners = np.clip(points[:, :2] / 4, -160, 320).astype(int)
        for bone in SIDE_BONES:
            cv2.line(mask, corners[bone[0]].tolist(), corners[bone[1]].tolist(), 1, BODY_WIDTH)
    return mask > 0


def count_people(regions: Sequence) -> int:
    """How many distinct people the regions show: centres further apart than a quarter of a side."""
    people: list = []
    for region in regions:
        if all(np.hypot(*(region.centre - other.centre)) > 0.25 * min(region.side, other.side) for other in people):
            people.append(region)
    return len(people)


def read_fingerprint(data: bytes) -> Fingerprint:
    with np.load(io.BytesIO(data)) as arrays:
        found, people, moved = (float(arrays[name]) for name in ("found", "people", "movement"))
        return Fingerprint(arrays["small"], arrays["edges"], found, people, moved, arrays["picture"].tobytes())
