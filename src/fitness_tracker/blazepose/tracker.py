"""BlazePose: 33 landmarks of the person in each frame, tracked from frame to frame.

The detector finds a person in the whole frame. The landmark network finds the landmarks in a rotated crop around them,
and two more points, which give the crop of the next frame; so the detector runs only when nobody is tracked. Anchors,
crops and decoding follow MediaPipe 0.10's graphs pose_detection_cpu, pose_landmark_cpu and pose_detection_to_roi; its
smoothing over time is left out.

The arithmetic is the same to the last bit on CPUs with AVX2 and with AVX-512: it avoids NumPy's float64 `exp`,
`arctan2` and matrix products.
"""

import io
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby, product

import cv2
import numpy as np

from fitness_tracker.blazepose.following import Follower
from fitness_tracker.blazepose.landmarks import Landmarks, from_integers, join_landmarks, to_integers, write_landmarks
from fitness_tracker.blazepose.networks import Network
from fitness_tracker.blazepose.regions import (
    ANCHORS,
    CROP_SIZE,
    DETECTOR_SIZE,
    RotatedRoi,
    anchors,
    detector_picture,
    rank_detections,
    region_between,
    turn_back,
)
from fitness_tracker.blazepose.shots import number_shots
from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.blazepose.upright import turn_upright
from fitness_tracker.video.frames import read_zip

OUTPUT_VERSION = 7  # of `find_landmarks`: raise it when the same frames give other bytes
HEATMAP_SIZE = 64  # cells a side
OUTPUT_LANDMARKS = 39  # of the landmark network: 33 of the skeleton, 6 more
HIPS, RIM = 33, 34  # of those 6: the middle of the hips, and the point above the head on the person's circle
DETECTION_THRESHOLD = 0.25  # probability, by the detector, of a region to look at; 0.5 lost 1 % of real clips' frames
PRESENCE_THRESHOLD = 0.5  # probability, by the landmark network, from which a person counts as found
PART = 320  # pixels: the side of the parts of a frame in which small people are looked for
SMALL_SIDE = 240  # pixels: the largest region of a small person; of a close-up, parts show limbs that look like people
TURNS = (0, 3, 1, 2)  # quarter turns of the frame to find a person in: upright first, upside down last


@dataclass(frozen=True)
class FramePose:
    """The person in one frame."""

    image_landmarks: np.ndarray  # (33, 4), as in `Landmarks`
    world_landmarks: np.ndarray  # (33, 3), as in `Landmarks`
    region: RotatedRoi  # where they are looked for in the next frame


class PoseTracker:
    """Finds and tracks the person of a clip; for one thread at a time."""

    def __init__(self, detector: bytes, landmarker: bytes) -> None:
        self.detector = Network(detector, ANCHORS, ANCHORS * 12)
        self.landmarker = Network(
            landmarker, OUTPUT_LANDMARKS * 5, 1, OUTPUT_LANDMARKS * 3, HEATMAP_SIZE**2 * OUTPUT_LANDMARKS
        )

    def track(self, frames: Iterable[tuple[float, np.ndarray]]) -> Landmarks:
        """The landmarks of frames, rounded as they are stored; each frame is given as (seconds, (H, W, 3) uint8 RGB).

        Each shot is tracked by itself. When somebody is found after frames without anybody, they are also tracked
        backwards through these. A shot on its side is turned upright in the end.
        """
        shots: list[Landmarks] = []
        for number, of_shot in groupby(number_shots(frames), key=lambda frame: frame[2]):
            follower, times = Follower(self), []
            for time, frame, _ in of_shot:
                times.append(time)
                follower.add(frame)
            height, width = frame.shape[:2]
            found = stack_poses(follower.poses, times)
            shot = replace(found, shot=np.full(len(found), number, np.int32), several=np.array(follower.several))
            shots.append(turn_upright(shot, width, height))
        return join_landmarks(shots)

    def locate(self, frame: np.ndarray, before: FramePose | None, last: FramePose | None) -> FramePose | None:
        """The person in a frame: tracked from the frame `before`, else detected, like whoever was found `last` if so.

        None if nobody is found.
        """
        if before and (pose := self.estimate(frame, before.region)):
            return pose
        regions = self.detect(frame, last.region if last else None) + ([last.region] if last and not before else [])
        return next((pose for region in regions if (pose := self.estimate(frame, region))), None)

    def detect(
        self, frame: np.ndarray, last: RotatedRoi | None, all_turns: tuple[int, ...] = TURNS
    ) -> list[RotatedRoi]:
        """The regions in which a person may be, the best first; see `rank_detections`."""
        height, width = frame.shape[:2]
        for turns in all_turns:
            picture, scale, shift = detector_picture(np.rot90(frame, turns))
            logits, boxes = self.detector(picture, 127.5, 1)
            likely = np.flatnonzero(logits > logit(DETECTION_THRESHOLD))
            if not len(likely):
                continue
            # (N, 2, 2) pixels of the picture: the middle of the hips, and a point on the circle that the person fills
            points = boxes.reshape(ANCHORS, 12)[likely, 4:8].reshape(-1, 2, 2) + anchors()[likely, None] * DETECTOR_SIZE
            regions = [region_between(*turn_back(pair * scale - shift, turns, width, height)) for pair in points]
            return rank_detections(regions, logits[likely], last, width, height)
        return []

    def locate_small(self, frame: np.ndarray) -> FramePose | None:
        """A person who is too small to be found in the whole frame: the largest one in parts of it."""
        height, width = frame.shape[:2]
        regions: list[RotatedRoi] = []
        for top, left in product((0, height - PART), (0, (width - PART) // 2, width - PART)):
            part = np.ascontiguousarray(frame[max(top, 0) :, max(left, 0) :][:PART, :PART])
            shift = np.array([max(left, 0), max(top, 0)], float)
            regions += [RotatedRoi(region.centre + shift, region.up) for region in self.detect(part, None, (0,))]
        regions = sorted((one for one in regions if one.side < SMALL_SIDE), key=lambda one: -one.side)
        return next((pose for region in regions if (pose := self.estimate(frame, region))), None)

    def estimate(self, frame: np.ndarray, region: RotatedRoi) -> FramePose | None:
        """The person in a region of the frame, or None if nobody is there."""
        matrix = region.matrix
        crop = cv2.warpAffine(
            frame, matrix, (CROP_SIZE, CROP_SIZE), None, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        )
        raw, presence, world, heatmaps = self.landmarker(crop, 255, 0)
        if presence[0] < PRESENCE_THRESHOLD:
            return None
        raw = raw.reshape(OUTPUT_LANDMARKS, 5)  # x, y, z in pixels of the crop, visibility and presence as logits
        refined = refine(raw[:, :2], heatmaps.reshape(HEATMAP_SIZE, HEATMAP_SIZE, OUTPUT_LANDMARKS))
        places = rotate(refined, matrix) + matrix[:, 2]
        depth, visibility = raw[:, 2] * (region.side / CROP_SIZE), sigmoid(raw[:, 3])
        image_landmarks = np.column_stack([places, depth, visibility])[:LANDMARKS]
        world_landmarks = world.reshape(OUTPUT_LANDMARKS, 3)[:LANDMARKS].astype(np.float64)
        world_landmarks[:, :2] = rotate(world_landmarks, matrix * (CROP_SIZE / max(region.side, 1e-6)))
        following = region_between(places[HIPS], places[RIM])
        return FramePose(image_landmarks, world_landmarks, following) if following.side > 1 else None


def stack_poses(poses: list[FramePose | None], times: list[float]) -> Landmarks:
    """The landmarks of frames, rounded as they are stored; zero where there is no pose."""
    image = np.stack([pose.image_landmarks if pose else np.zeros((LANDMARKS, 4)) for pose in poses])
    world = np.stack([pose.world_landmarks if pose else np.zeros((LANDMARKS, 3)) for pose in poses])
    found = np.array([pose is not None for pose in poses])
    return from_integers(to_integers(Landmarks(image, world, np.array(times, np.float32), found)))


def refine(places: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Places (39, 2) float32, pixels of the crop, moved to the centre of the heat in 7x7 cells around them; float64.

    `heatmaps` (64, 64, 39) float32 are logits. A place stays if none of its cells has a probability of 0.5. As in
    MediaPipe's RefineLandmarksFromHeatmapCalculator.
    """
    size, cell = len(heatmaps), CROP_SIZE / len(heatmaps)
    middle = (places / cell).astype(int)
    columns, rows = (middle[:, axis, None] + np.arange(-3, 4) for axis in (0, 1))  # (39, 7)
    valid = ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None, :]
    row, column = (np.clip(index, 0, size - 1) for index in (rows, columns))
    logits = heatmaps[row[:, :, None], column[:, None, :], np.arange(len(places))[:, None, None]]
    heat = np.where(valid, sigmoid(logits), 0)  # (39, 7, 7)
    total = np.maximum(heat.sum(axis=(1, 2)), 1e-6)
    x, y = ((heat.sum(axis=axis) * index).sum(axis=1) / total for axis, index in ((1, columns), (2, rows)))
    hot = valid[:, 3, 3] & (heat.max(axis=(1, 2)) >= 0.5)
    return np.where(hot[:, None], np.column_stack([x, y]) * cell, places)


def rotate(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (N, 2 or more) to (N, 2) by the matrix's first two columns; BLAS would sum in an order by CPU."""
    return points[:, :1] * matrix[:, 0] + points[:, 1:2] * matrix[:, 1]


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """In float32, whose `exp` has the same bits with AVX2 and AVX-512; that of float64 has not."""
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80, dtype=np.float32)))


LOCAL = threading.local()  # a LiteRT interpreter serves one thread


def pose_tracker(detector: bytes, landmarker: bytes) -> PoseTracker:
    """This thread's tracker for the two networks, made anew if they changed."""
    if getattr(LOCAL, "networks", None) != (detector, landmarker):
        LOCAL.networks, LOCAL.tracker = (detector, landmarker), PoseTracker(detector, landmarker)
    return LOCAL.tracker


def find_landmarks(frames: bytes, detector: bytes, landmarker: bytes) -> bytes:
    """A clip function: a zip of frames to the `.npz` of its landmarks; the networks are bytes of `.tflite` files."""
    with io.BytesIO(frames) as file:
        return write_landmarks(pose_tracker(detector, landmarker).track(read_zip(file)))
