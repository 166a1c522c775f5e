"""What the audit keeps of a clip: small grey frames, edges that stay, and people."""

import io
from collections.abc import Iterator, Sequence
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

OUTPUT_VERSION = 4  # of `fingerprint`: raise it when the same clip gives other bytes
FPS = 4.0  # sampled frames a second
PEOPLE_EVERY = 4  # every fourth of them is searched for all people
STILL_LEVELS = 2.5  # grey levels: the small frames of a picture shown as a clip differ by less
BODY_WIDTH = 11  # of 160: as thick as trunk and limbs are drawn


@dataclass(frozen=True)
class Fingerprint:
    """What the checks compare of a clip."""

    small: np.ndarray  # (T, 24, 32) uint8 grey frames
    edges: np.ndarray  # (120, 160) bool: where an edge stays through the clip
    found: float  # share of frames with a person
    people: float  # share of the searched frames with two or more people
    several: float  # share of frames in which somebody else may have been followed
    movement: float  # torso lengths, see `movement`
    picture: bytes  # a JPEG of the middle frame, 160x120

    @property
    def background(self) -> np.ndarray:
        """(24, 32) float64 median of the small frames: the scene without what moves."""
        return np.median(self.small, axis=0)


def exercise_of(name: str) -> str:
    """The exercise of a clip."""
    return name.split("/")[0]


def fingerprint(clip: bytes, detector: bytes, landmarker: bytes, limits: Limits) -> bytes:
    """A clip to its `Fingerprint` as `.npz`; raises `ClipError` if it does not decode within the limits."""
    person = pose_tracker(detector, landmarker)
    small, edges, pictures, people = [], [], [], []

    def watched_frames() -> Iterator[tuple[float, np.ndarray]]:
        for number, frame in enumerate(read_frames(clip, FPS, "pad", limits)):
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            small.append(shrink(grey, (32, 24)))
            edges.append(cv2.Canny(shrink(grey, (160, 120)), 80, 160) > 0)
            pictures.append(encode_jpeg(shrink(frame, (160, 120)), 85))
            if number % PEOPLE_EVERY == 0:
                estimates = (person.estimate(frame, region) for region in person.detect(frame, None))
                people.append(count_people([seen.region for seen in estimates if seen]) >= 2)
            yield number / FPS, frame

    landmarks = person.track(watched_frames())
    lasting = sum(edge & ~body_mask(points) for edge, points in zip(edges, landmarks.image_landmarks, strict=True))
    target = io.BytesIO()
    np.savez_compressed(
        target,
        small=np.stack(small),
        edges=lasting >= 0.9 * len(small),
        found=landmarks.found.mean(),
        people=np.mean(people),
        several=landmarks.several.mean(),
        movement=movement(landmarks),
        picture=np.frombuffer(pictures[len(pictures) // 2], np.uint8),
    )
    return target.getvalue()


def shrink(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def movement(landmarks: Landmarks) -> float:
    """How far the joint that moves most goes in the picture, in torso lengths; the camera's movement counts as well.

    That is the diagonal of the box from the 5th to the 95th percentile of its smoothed places. Only joints that are
    seen in most frames count; without one it is infinite, for what is hidden may move.
    """
    poses = poses_from_landmarks(landmarks)
    places = poses.joints_image[..., :2] + poses.hip_trajectory[:, None]  # (T, 12, 2)
    low, high = np.percentile(places, [5, 95], axis=0)
    seen = np.median(landmarks.image_landmarks[:, JOINTS, 3], axis=0) > 0.5
    return float(np.linalg.norm(high - low, axis=-1)[seen].max()) if seen.any() else np.inf


def body_mask(points: np.ndarray) -> np.ndarray:
    """(120, 160) bool: where the person's trunk and limbs are, so that still limbs are not taken for writing.

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
        shares = {name: float(arrays[name]) for name in ("found", "people", "several", "movement")}
        return Fingerprint(arrays["small"], arrays["edges"], **shares, picture=arrays["picture"].tobytes())
