"""BlazePose: 33 landmarks of the person in each frame, tracked from frame to frame.

Two networks (pretrained/ fetches them): the detector finds a person in the whole frame, the landmark network reads the
points in a rotated crop around them and so tells where to look in the next frame. The detector runs only when nobody
is tracked. Anchors, crops and decoding follow MediaPipe 0.10's graphs pose_detection_cpu, pose_landmark_cpu and
pose_detection_to_roi; its smoothing over time is left out.
"""

import io
import threading
import zipfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from fitness_tracker.errors import UserError, capture_native_stderr
from fitness_tracker.video.frames import read_zip

OUTPUT_VERSION = 1  # of `find_landmarks`: raise it when the same frames give other bytes

NETWORKS = {"detector": "pose_detection.tflite", "landmarker": "pose_landmark_full.tflite"}  # files of pretrained/


POINTS = 33  # of a person; the network gives 6 more, of which 33 and 34 say where the person will be


DETECTOR_SIZE, CROP_SIZE = 224, 256  # pixels


DETECTION_THRESHOLD = (
    0.25  # the detector's score, 0 to 1, from which a place is worth a look; at 0.5 real clips lost 1 % of frames
)


LOOK_BACK = 50  # frames, 46 MB: so far is somebody followed backwards who is found late


PRESENCE_THRESHOLD = 0.5  # the landmark network's score, 0 to 1, from which a person counts as found


MARGIN = 1.25  # of the crop around the circle that the person fills


TURNS = (0, 3, 1, 2)  # quarter turns in which a person is looked for: upright first, upside down last


CELLS = ((28, 2), (14, 2), (7, 6))  # the detector's grids: cells a side, boxes a cell; strides 8, 16 and three times 32


@dataclass(frozen=True)
class Landmarks:
    """The person of one clip, frame by frame. Where nobody was found, all is zero."""

    image_landmarks: (
        np.ndarray
    )  # (T, 33, 4) float32: x, y, z in pixels (z from the hips, < 0 is nearer), visibility 0-1
    world_landmarks: np.ndarray  # (T, 33, 3) float32: right, down, away from the camera; from the middle of the hips
    times: np.ndarray  # (T,) float32 seconds
    found: np.ndarray  # (T,) bool


@dataclass(frozen=True)
class RotatedRoi:
    """A square around a person: centre (2,) and side in pixels; the angle that the person leans clockwise, radians."""

    centre: np.ndarray
    side: float
    angle: float

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) float64: pixels of the crop to pixels of the frame."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cosine, -sine], [sine, cosine]]) * self.side / CROP_SIZE
        return np.column_stack([turn, self.centre - turn @ np.full(2, CROP_SIZE / 2)])


@dataclass(frozen=True)
class Found:
    """A person in one frame: points (33, 4) and metres (33, 3) as in `Landmarks`, and where to look in the next."""

    image_landmarks: np.ndarray
    world_landmarks: np.ndarray
    region: RotatedRoi


class Network:
    """One of the two networks, on one thread: an array in, its outputs by their number of values."""

    def __init__(self, weights: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter  # 0.2 s

        self.interpreter = Interpreter(model_content=weights, num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.outputs = {int(np.prod(one["shape"])): one["index"] for one in self.interpreter.get_output_details()}

    def __call__(self, picture: np.ndarray, *sizes: int) -> list[np.ndarray]:
        """The outputs of `sizes` values for a picture (H, W, 3) float32."""
        self.interpreter.set_tensor(self.input, picture[None])
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(self.outputs[size]).reshape(-1) for size in sizes]


class PoseTracker:
    """Finds and follows the person of a clip."""

    def __init__(self, detector: bytes, landmarker: bytes) -> None:
        self.detector, self.landmarker = Network(detector), Network(landmarker)

    def track(self, frames: Iterable[tuple[float, np.ndarray]]) -> Landmarks:
        """The landmarks of frames given as seconds and (H, W, 3) uint8 RGB.

        Frames in which nobody was found are looked at once more from behind, where the person was a frame later.
        """
        times: list[float] = []
        found: list[Found | None] = []
        missed: deque[np.ndarray] = deque(maxlen=LOOK_BACK)  # the latest frames, as long as nobody is found
        last: Found | None = None
        for time, frame in frames:
            seen = self.locate(frame, found[-1] if found else None, last)
            times.append(time)
            found.append(seen)
            if not seen:
                missed.append(frame)
                continue
            last = after = seen
            for back, earlier in enumerate(reversed(missed), start=2):
                if not (before := self.estimate(earlier, after.region)):
                    break
                found[-back] = after = before
            missed.clear()
        points = [one.image_landmarks if one else np.zeros((POINTS, 4)) for one in found]
        metres = [one.world_landmarks if one else np.zeros((POINTS, 3)) for one in found]
        return Landmarks(
            np.stack(points).astype(np.float32),
            np.stack(metres).astype(np.float32),
            np.array(times, np.float32),
            np.array([one is not None for one in found]),
        )

    def locate(self, frame: np.ndarray, before: Found | None, last: Found | None) -> Found | None:
        """The person: where they were in the frame `before`, else where the detector sees someone."""
        if before and (seen := self.estimate(frame, before.region)):
            return seen
        where = self.detect(frame, last.region if last else None) + ([last.region] if last and not before else [])
        return next((seen for region in where if (seen := self.estimate(frame, region))), None)

    def detect(self, frame: np.ndarray, last: RotatedRoi | None) -> list[RotatedRoi]:
        """Where a person may be, the likeliest first: who was followed `last`, else the largest and most central."""
        height, width = frame.shape[:2]
        for turns in TURNS:
            picture, scale, shift = letterbox(np.rot90(frame, turns))
            scores, boxes = self.detector(picture, 2254, 2254 * 12)
            sure = np.flatnonzero(sigmoid(scores) > DETECTION_THRESHOLD)
            if not len(sure):
                continue
            keys = boxes.reshape(-1, 12)[sure, 4:].reshape(-1, 4, 2) + anchors()[sure, None] * DETECTOR_SIZE
            regions = [
                region_between(*turn_back(key[:2] * scale - shift, turns, width, height)) for key in keys[:, :2]
            ]  # the middle of the hips, and a point on the circle that the person fills
            return rank_detections(regions, scores[sure], last, width, height)
        return []

    def estimate(self, frame: np.ndarray, region: RotatedRoi) -> Found | None:
        """The person in a region of the frame, or None if nobody is there."""
        matrix = region.matrix
        crop = cv2.warpAffine(
            frame, matrix, (CROP_SIZE, CROP_SIZE), None, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        )
        raw, score, world, heat = self.landmarker(crop.astype(np.float32) / 255, 195, 1, 117, 64 * 64 * 39)
        if score[0] < PRESENCE_THRESHOLD:
            return None
        found = raw.reshape(39, 5)  # x, y, z in pixels of the crop, visibility and presence as logits
        places = refine(found[:, :2], heat.reshape(64, 64, 39)) @ matrix[:, :2].T + matrix[:, 2]
        points = np.column_stack([places, found[:, 2] * region.side / CROP_SIZE, sigmoid(found[:, 3])])[:POINTS]
        metres = world.reshape(39, 3)[:POINTS].astype(np.float64)
        metres[:, :2] = metres[:, :2] @ (matrix[:, :2] * CROP_SIZE / region.side).T
        return Found(points, metres, region_between(places[33], places[34]))


def refine(places: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Places (39, 2), pixels of the crop, moved to the middle of the warmth around them.

    `heat` (64, 64, 39) are logits; 7x7 cells count, if one of them is warmer than 0.5, as in MediaPipe's
    RefineLandmarksFromHeatmapCalculator.
    """
    refined = places.astype(np.float64)
    cell = CROP_SIZE / heat.shape[0]
    for number, (x, y) in enumerate(places):
        column, row = int(x / cell), int(y / cell)
        if not (0 <= column < heat.shape[1] and 0 <= row < heat.shape[0]):
            continue
        top, left = max(0, row - 3), max(0, column - 3)
        warm = sigmoid(heat[top : row + 4, left : column + 4, number])
        if warm.max() >= 0.5:
            rows, columns = np.indices(warm.shape)
            refined[number] = (
                np.array([((columns + left) * warm).sum(), ((rows + top) * warm).sum()]) * cell / warm.sum()
            )
    return refined


@cache
def anchors() -> np.ndarray:
    """(2254, 2) float64: the middles of the detector's boxes, 0 to 1, x and y."""
    grids = []
    for cells, boxes in CELLS:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), boxes, axis=0))
    return np.concatenate(grids)


def letterbox(frame: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The detector's picture (224, 224, 3) float32 in [-1, 1]; its pixels become the frame's by * scale - shift."""
    height, width = frame.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(frame, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT)
    small = cv2.resize(square, (DETECTOR_SIZE, DETECTOR_SIZE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 127.5 - 1, side / DETECTOR_SIZE, np.array([left, top], float)


def turn_back(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """(N, 2) pixels of a frame that np.rot90 turned `turns` times, to pixels of the frame (width x height) before."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack([(x, y), (width - y, x), (width - x, height - y), (y, height - x)][turns])


def region_between(centre: np.ndarray, rim: np.ndarray) -> RotatedRoi:
    """The region of a person whose hips are at `centre` and whose circle goes through `rim`, above the head."""
    x, y = rim - centre
    return RotatedRoi(centre, 2 * MARGIN * float(np.hypot(x, y)), float(np.arctan2(x, -y)))


def rank_detections(
    regions: list[RotatedRoi], scores: np.ndarray, last: RotatedRoi | None, width: int, height: int
) -> list[RotatedRoi]:
    """Regions by how likely they hold the person: near `last` if there was one, else large and central; the best three.

    Many boxes stand for one person: of those that lie within half a side of a better one, only the better is kept.
    """
    middle = np.array([width, height]) / 2

    def worth(number: int) -> float:
        region = regions[number]
        if last:
            return -float(np.hypot(*(region.centre - last.centre))) / last.side - abs(np.log(region.side / last.side))
        return region.side * (1 - 0.5 * float(np.hypot(*(region.centre - middle))) / float(np.hypot(*middle)))

    kept: list[int] = []
    for number in np.argsort(-scores, kind="stable"):  # one box a person: the surest
        near = (np.hypot(*(regions[number].centre - regions[k].centre)) < 0.25 * regions[k].side for k in kept)
        if regions[number].side > 1 and not any(near):
            kept.append(int(number))
    return [regions[number] for number in sorted(kept, key=worth, reverse=True)[:3]]


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values.astype(np.float64), -80, 80)))


LOCAL = threading.local()  # an interpreter serves one thread


def pose_tracker(detector: bytes, landmarker: bytes) -> PoseTracker:
    """This thread's estimator."""
    if getattr(LOCAL, "weights", None) != (detector, landmarker):
        LOCAL.weights, LOCAL.estimator = (detector, landmarker), PoseTracker(detector, landmarker)
    return LOCAL.estimator


def find_landmarks(frames: bytes, detector: bytes, landmarker: bytes) -> bytes:
    """A clip's zip of frames to its landmarks as `.npz`; the networks are the bytes of their `.tflite` files."""
    with io.BytesIO(frames) as file:
        found = pose_tracker(detector, landmarker).track(read_zip(file))
    target = io.BytesIO()
    np.savez(
        target,
        image_landmarks=found.image_landmarks,
        world_landmarks=found.world_landmarks,
        times=found.times,
        found=found.found,
    )
    return target.getvalue()


def read_networks(folder: Path) -> dict[str, bytes]:
    """The two networks that `pretrained/` fetches, as arguments of `find_landmarks`; raises `UserError`."""
    try:
        networks = {role: (folder / name).read_bytes() for role, name in NETWORKS.items()}
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; `dvc repro pretrained/dvc.yaml` fetches it") from None
    try:
        with (
            capture_native_stderr()
        ):  # TensorFlow Lite tells of its first delegate; not in `Network`, for this is not for threads
            PoseTracker(**networks).track([(0.0, np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8))])
    except (ValueError, RuntimeError, KeyError):
        raise UserError(f"{folder}: a network is damaged; `dvc repro -f pretrained/dvc.yaml` fetches it") from None
    return networks


def read_landmarks(path: Path) -> Landmarks:
    """What `find_landmarks` wrote; raises `UserError` if it is something else."""
    try:
        with np.load(path) as kept:
            return Landmarks(kept["image_landmarks"], kept["world_landmarks"], kept["times"], kept["found"])
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; run the landmarks stage again") from None
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, AttributeError):
        raise UserError(f"{path}: holds no landmarks; run the landmarks stage again") from None
