"""The parameters: one frozen dataclass per group of `params.yaml`.

An unknown, missing or impossible value raises `ParamsError`, whose message names the key. `make repro` checks the file
first, by `python -m fitness_tracker.core.params`, because DVC deletes the old outs of a stage before the stage can say
that it will not run.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from fitness_tracker.core.errors import UserError, exit_with_message


class ParamsError(UserError):
    """A parameter is unknown, missing or impossible."""


FITS = ("pad", "stretch", "crop")
CORPUS_FPS, CORPUS_FIT = 10.0, "pad"  # how the clips of the corpus were sampled, and brought to 640x480
BAD_CLIPS = ("fail", "skip")
MODELS = ("pose", "cnn")


def check(ok: bool, key: str, value: object, want: str) -> None:
    if not ok:
        raise ParamsError(f"params.yaml: {key} is {value!r}; it must be {want}")


@dataclass(frozen=True)
class Limits:
    """Of one clip; the defaults hold where there is no params.yaml."""

    pixels: int = 40_000_000
    seconds: int = 3600
    cpu_seconds: int = 3600
    memory: int = 4 * 2**30

    def __post_init__(self) -> None:
        check(1 <= self.pixels < 2**31, "limits.pixels", self.pixels, "from 1 to 2147483647")
        check(1 <= self.seconds <= 10**6, "limits.seconds", self.seconds, "from 1 to 1000000")
        check(1 <= self.cpu_seconds <= 10**6, "limits.cpu_seconds", self.cpu_seconds, "from 1 to 1000000")
        check(2**28 <= self.memory <= 2**50, "limits.memory", self.memory, "from 268435456 bytes on")


@dataclass(frozen=True)
class Resize:
    fit: str

    def __post_init__(self) -> None:
        check(self.fit in FITS, "resize.fit", self.fit, "one of " + ", ".join(FITS))


@dataclass(frozen=True)
class Extract:
    fps: float
    quality: int

    def __post_init__(self) -> None:
        check(0 < self.fps <= 120, "extract.fps", self.fps, "above 0 and at most 120")
        check(1 <= self.quality <= 100, "extract.quality", self.quality, "from 1 to 100")


@dataclass(frozen=True)
class Split:
    group: str
    folds: int
    seed: int

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.group).groups
        except re.error as error:
            raise ParamsError(f"params.yaml: split.group is {self.group!r}, no regular expression: {error}") from None
        check(not self.group or groups == 1, "split.group", self.group, "empty, or have exactly one (group)")
        check(2 <= self.folds <= 100, "split.folds", self.folds, "from 2 to 100")


@dataclass(frozen=True)
class Train:
    model: str
    seed: int
    window: float
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    class_weights: bool

    def __post_init__(self) -> None:
        check(self.model in MODELS, "train.model", self.model, "one of " + ", ".join(MODELS))
        check(0 <= self.seed < 2**32, "train.seed", self.seed, "from 0 to 4294967295")
        check(0.2 <= self.window <= 60, "train.window", self.window, "from 0.2 to 60 seconds")
        check(1 <= self.epochs <= 100_000, "train.epochs", self.epochs, "from 1 to 100000")
        check(1 <= self.batch_size <= 100_000, "train.batch_size", self.batch_size, "from 1 to 100000")
        check(0 < self.learning_rate <= 1, "train.learning_rate", self.learning_rate, "above 0 and at most 1")
        check(self.patience >= 1, "train.patience", self.patience, "at least 1")


@dataclass(frozen=True)
class Cnn:
    image_size: int
    filters: list[int]
    dense_units: int
    dropout: float
    members: int

    def __post_init__(self) -> None:
        check(1 <= self.members <= 100, "cnn.members", self.members, "from 1 to 100")
        check(16 <= self.image_size <= 480, "cnn.image_size", self.image_size, "from 16 to 480")
        good = len(self.filters) == 3 and all(type(n) is int and 1 <= n <= 4096 for n in self.filters)
        check(good, "cnn.filters", self.filters, "three whole numbers from 1 to 4096")
        check(1 <= self.dense_units <= 100_000, "cnn.dense_units", self.dense_units, "from 1 to 100000")
        check(0 <= self.dropout < 1, "cnn.dropout", self.dropout, "at least 0 and below 1")


@dataclass(frozen=True)
class Pose:
    windows_per_epoch: int
    units: int
    dropout: float
    members: int
    label_smoothing: float
    synthetic_idle_ratio: float

    def __post_init__(self) -> None:
        check(
            1 <= self.windows_per_epoch <= 10**6, "pose.windows_per_epoch", self.windows_per_epoch, "from 1 to 1000000"
        )
        check(1 <= self.units <= 4096, "pose.units", self.units, "from 1 to 4096")
        check(0 <= self.dropout < 1, "pose.dropout", self.dropout, "at least 0 and below 1")
        check(1 <= self.members <= 100, "pose.members", self.members, "from 1 to 100")
        check(0 <= self.label_smoothing < 1, "pose.label_smoothing", self.label_smoothing, "at least 0 and below 1")
        check(
            0 <= self.synthetic_idle_ratio <= 1, "pose.synthetic_idle_ratio", self.synthetic_idle_ratio, "from 0 to 1"
        )


@dataclass(frozen=True)
class Unknown:
    """What is none of the exercises that were taught."""

    accepted: float

    def __post_init__(self) -> None:
        check(0 < self.accepted <= 1, "none.accepted", self.accepted, "above 0 and at most 1")


@dataclass(frozen=True)
class FrameAugmentation:
    mirror: bool
    rotate: float
    scale: float
    shift: float
    brightness: float

    def __post_init__(self) -> None:
        check(0 <= self.rotate <= 180, "frame_augmentation.rotate", self.rotate, "from 0 to 180 degrees")
        for name in ("scale", "shift", "brightness"):
            check(
                0 <= getattr(self, name) < 1,
                f"frame_augmentation.{name}",
                getattr(self, name),
                "at least 0 and below 1",
            )


@dataclass(frozen=True)
class PoseAugmentation:
    yaw: float
    tilt: float
    stretch: float
    depth: float
    speed: float
    joint_offset_std: float
    joint_jitter_std: float
    joint_dropout: float
    freeze_probability: float

    def __post_init__(self) -> None:
        check(0 <= self.yaw <= 180, "pose_augmentation.yaw", self.yaw, "from 0 to 180 degrees")
        check(0 <= self.tilt <= 90, "pose_augmentation.tilt", self.tilt, "from 0 to 90 degrees")
        for name in ("stretch", "depth", "joint_offset_std", "joint_jitter_std", "joint_dropout", "freeze_probability"):
            check(0 <= getattr(self, name) <= 1, f"pose_augmentation.{name}", getattr(self, name), "from 0 to 1")
        check(1 <= self.speed <= 4, "pose_augmentation.speed", self.speed, "from 1 to 4")


@dataclass(frozen=True)
class Params:
    videos: str
    corpus: bool
    exercises: list[str]
    bad_clips: str
    cache_gb: float
    limits: Limits
    resize: Resize
    extract: Extract
    split: Split
    train: Train
    pose: Pose
    none: Unknown
    pose_augmentation: PoseAugmentation
    cnn: Cnn
    frame_augmentation: FrameAugmentation

    def __post_init__(self) -> None:
        check(self.bad_clips in BAD_CLIPS, "bad_clips", self.bad_clips, "one of " + ", ".join(BAD_CLIPS))
        same = (self.extract.fps, self.resize.fit) == (CORPUS_FPS, CORPUS_FIT)
        reads = self.train.model == "pose"  # frames are not in the corpus
        needed = "false where extract.fps is not 10 or resize.fit is not pad, as they are there"
        check(same or not (self.corpus and reads), "corpus", True, needed)
        check(all(type(name) is str for name in self.exercises), "exercises", self.exercises, "a list of names")
        check(0 < self.cache_gb <= 10**6, "cache_gb", self.cache_gb, "above 0 and at most 1000000")


def build(kind: type, values: Any, key: str = "") -> Any:
    """The dataclass `kind` from plain `values`; `key` is where they stand in params.yaml, for messages."""
    if not isinstance(values, dict):
        raise ParamsError(f"params.yaml: {key or 'the file'} is {values!r}; it must hold keys and values")
    prefix = f"{key}." if key else ""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    for name in sorted(map(str, values.keys() - set(names))):
        raise ParamsError(f"params.yaml: {prefix}{name} is unknown; here are known: {', '.join(names)}")
    for name in names:
        if name not in values:
            raise ParamsError(f"params.yaml: {prefix}{name} is missing")
    return kind(**{name: convert(hints[name], values[name], prefix + name) for name in names})


def convert(kind: Any, value: Any, key: str) -> Any:
    if hasattr(kind, "__dataclass_fields__"):
        return build(kind, value, key)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str) and re.fullmatch(r"\d+(\.\d*)?e[+-]?\d+", value):
        return float(value)  # DVC writes 1e-05, which YAML 1.1 takes for text
    plain = getattr(kind, "__origin__", kind)
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        want = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list"}[plain]
        raise ParamsError(f"params.yaml: {key} is {value!r}; it must be {want}")
    return value


def load_params(path: Path = Path("params.yaml")) -> Params:
    """All parameters, checked; raises `ParamsError`."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: run this in the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    return build(Params, values)


if __name__ == "__main__":
    with exit_with_message("params"):
        load_params()
