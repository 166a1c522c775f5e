"""The parameters: one frozen dataclass per group of `params.yaml`, checked by pydantic whenever one is built.

An unknown, missing or impossible value raises `ParamsError`, whose message names the key. `make repro` checks the file
first, by `python -m fitness_tracker.core.params`, because DVC deletes the old outs of a stage before the stage can say
that it will not run.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from fitness_tracker.core.errors import UserError, exit_with_message


class ParamsError(UserError):
    """A parameter is unknown, missing or impossible."""


CORPUS_FPS, CORPUS_FIT = 10.0, "pad"  # how the clips of the corpus were sampled, and brought to 640x480


def read_exponent(value: object) -> object:
    """DVC writes 1e-05, which YAML 1.1 takes for text."""
    return float(value) if isinstance(value, str) and re.fullmatch(r"\d+(\.\d*)?e[+-]?\d+", value) else value


def check_group_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"be a regular expression ({error})") from None
    if pattern and groups != 1:
        raise ValueError("be empty, or have exactly one (group)")
    return pattern


Fit = Literal["pad", "stretch", "crop"]
GroupPattern = Annotated[StrictStr, AfterValidator(check_group_pattern)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(read_exponent)]
Share = Annotated[Number, Field(ge=0, le=1)]
ShareBelowOne = Annotated[Number, Field(ge=0, lt=1)]
FramesPerSecond = Annotated[Number, Field(gt=0, le=120)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**32)]
Members = Annotated[StrictInt, Field(ge=1, le=100)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Group:
    @model_validator(mode="wrap")
    @classmethod
    def explain_errors(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """What pydantic finds wrong becomes a `ParamsError`. In a file every key counts, also one with a default."""
        try:
            group = build(values)
        except ValidationError as error:
            raise ParamsError(explain(cls, error.errors(include_url=False))) from None
        missing = [field.name for field in fields(cls) if isinstance(values, dict) and field.name not in values]
        if missing:
            raise ParamsError(f"params.yaml: {key_of(cls, missing[0])} is missing")
        return group


@dataclass(frozen=True)
class Limits(Group):
    """Of one clip; the defaults hold where there is no params.yaml."""

    pixels: Annotated[StrictInt, Field(ge=1, lt=2**31)] = 40_000_000
    seconds: Annotated[StrictInt, Field(ge=1, le=10**6)] = 3600
    cpu_seconds: Annotated[StrictInt, Field(ge=1, le=10**6)] = 3600
    memory_bytes: Annotated[StrictInt, Field(ge=2**28, le=2**50)] = 4 * 2**30


@dataclass(frozen=True)
class Resize(Group):
    fit: Fit


@dataclass(frozen=True)
class Extract(Group):
    fps: FramesPerSecond
    jpeg_quality: Annotated[StrictInt, Field(ge=1, le=100)]


@dataclass(frozen=True)
class Split(Group):
    group: GroupPattern
    folds: Annotated[StrictInt, Field(ge=2, le=100)]
    seed: Seed


@dataclass(frozen=True)
class Train(Group):
    model: Literal["pose", "cnn"]
    seed: Seed
    epochs: Annotated[StrictInt, Field(ge=1, le=100_000)]
    batch_size: Annotated[StrictInt, Field(ge=1, le=100_000)]
    learning_rate: Annotated[Number, Field(gt=0, le=1)]
    class_weights: StrictBool


@dataclass(frozen=True)
class Pose(Group):
    members: Members
    unseen_folds: Annotated[StrictInt, Field(ge=1, le=100)]
    window_s: Annotated[Number, Field(ge=0.2, le=60)]
    windows_per_epoch: Annotated[StrictInt, Field(ge=1, le=10**6)]
    units: Annotated[StrictInt, Field(ge=1, le=4096)]
    dropout: ShareBelowOne
    label_smoothing: ShareBelowOne
    untaught_ratio: Annotated[Number, Field(gt=0, lt=1)]
    untaught_prior: Annotated[Number, Field(gt=0, lt=1)]
    synthetic_idle_ratio: Share


@dataclass(frozen=True)
class Untaught(Group):
    """What is none of the exercises that were taught."""

    accepted_share: Annotated[Number, Field(gt=0, le=1)]


@dataclass(frozen=True)
class PoseAugmentation(Group):
    yaw_degrees: Annotated[Number, Field(ge=0, le=180)]
    tilt_degrees: Annotated[Number, Field(ge=0, le=90)]
    stretch: Share
    depth: Share
    speed_factor: Annotated[Number, Field(ge=1, le=4)]
    joint_offset_torsos: Share
    joint_jitter_torsos: Share
    joint_dropout: Share
    freeze_probability: Share


@dataclass(frozen=True)
class Cnn(Group):
    members: Members
    patience_epochs: Annotated[StrictInt, Field(ge=1, le=100_000)]
    image_size: Annotated[StrictInt, Field(ge=16, le=480)]
    filters: Annotated[list[Annotated[StrictInt, Field(ge=1, le=4096)]], Field(strict=True, min_length=3, max_length=3)]
    dense_units: Annotated[StrictInt, Field(ge=1, le=100_000)]
    dropout: ShareBelowOne


@dataclass(frozen=True)
class FrameAugmentation(Group):
    mirror: StrictBool
    rotate_degrees: Annotated[Number, Field(ge=0, le=180)]
    scale: ShareBelowOne
    shift: ShareBelowOne
    brightness: ShareBelowOne


@dataclass(frozen=True)
class Params(Group):
    videos: Annotated[StrictStr, Field(min_length=1)]
    corpus: StrictBool
    exercises: Annotated[list[StrictStr], Field(strict=True)]
    held: Annotated[list[StrictStr], Field(strict=True)]
    bad_clips: Literal["fail", "skip"]
    cache_gb: Annotated[Number, Field(gt=0, le=10**6)]
    limits: Limits
    resize: Resize
    extract: Extract
    split: Split
    train: Train
    pose: Pose
    none: Untaught
    pose_augmentation: PoseAugmentation
    cnn: Cnn
    frame_augmentation: FrameAugmentation

    def __post_init__(self) -> None:
        as_corpus = (self.extract.fps, self.resize.fit) == (CORPUS_FPS, CORPUS_FIT)
        if self.corpus and self.train.model == "pose" and not as_corpus:  # frames are not in the corpus
            raise ParamsError(
                "params.yaml: corpus is True; it must be false where extract.fps is not 10 or resize.fit is not pad, "
                "as in the corpus"
            )
        for name, members in (("pose", self.pose.members), ("cnn", self.cnn.members)):
            if members > self.split.folds:
                raise ParamsError(
                    f"params.yaml: {name}.members is {members}; it must be at most split.folds, {self.split.folds}: "
                    "each member leaves out a fold of its own"
                )


WANTED = {  # kind of pydantic's error -> what a value must do, or be
    "bool_type": "be true or false",
    "dataclass_type": "hold keys and values",
    "finite_number": "be a finite number",
    "float_type": "be a number",
    "greater_than": "be above {gt:.16g}",
    "greater_than_equal": "be at least {ge:.16g}",
    "int_type": "be a whole number",
    "less_than": "be below {lt:.16g}",
    "less_than_equal": "be at most {le:.16g}",
    "list_type": "be a list",
    "literal_error": "be one of {expected}",
    "string_too_short": "not be empty",
    "string_type": "be text",
    "too_long": "have at most {max_length} values",
    "too_short": "have at least {min_length} values",
    "value_error": "{error}",
}


def explain(kind: type[Group], errors: Sequence[ErrorDetails]) -> str:
    """The first of pydantic's errors in a sentence. An unknown key comes before a missing one: it may be its typo."""
    unknown = ("unexpected_keyword_argument", "invalid_key")  # the latter is a number, say
    error = min(errors, key=lambda error: error["type"] not in unknown)
    key = key_of(kind, *error["loc"])
    if error["type"] == "missing":
        return f"params.yaml: {key} is missing"
    if error["type"] in unknown:
        name, known = str(error["loc"][0]), [field.name for field in fields(kind)]
        near = [one for one in known if one.startswith(f"{name}_")] or difflib.get_close_matches(name, known, 1)
        advice = f"did you mean {key_of(kind, near[0])}?" if near else f"here are known: {', '.join(known)}"
        return f"params.yaml: {key} is unknown; {advice}"
    context = error.get("ctx", {})
    if "expected" in context:  # "'pad', 'stretch' or 'crop'"
        context["expected"] = context["expected"].replace(" or ", ", ").replace("'", "")
    wanted = WANTED[error["type"]].format(**context)
    return f"params.yaml: {key or 'the file'} is {error['input']!r}; it must {wanted}"


def key_of(kind: type[Group], *path: str | int) -> str:
    """Where in params.yaml something of a group stands: 'cnn.filters[2]'."""
    group = [field.name for field in fields(Params) if field.type is kind]
    return ".".join([*group, *map(str, path[:1])]) + "".join(f"[{number}]" for number in path[1:])


def load_params(path: Path = Path("params.yaml")) -> Params:
    """All parameters, checked; raises `ParamsError`."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: run this in the project's folder") from None
    except (yaml.YAMLError, ValueError) as error:  # a `ValueError`: not UTF-8, or a date of month 13
        raise ParamsError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    return TypeAdapter(Params).validate_python(values)


if __name__ == "__main__":
    with exit_with_message("params"):
        load_params()
