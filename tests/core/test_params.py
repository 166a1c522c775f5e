import copy
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from fitness_tracker.core.params import Limits, Params, ParamsError, load_params
from tests.projects import ROOT, edit_params

VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())
# Here no key limits what another may be.
FREE = VALUES | {"corpus": False, "split": VALUES["split"] | {"folds": 100}}
FREE |= {"pose": VALUES["pose"] | {"members": 1}, "cnn": VALUES["cnn"] | {"members": 1}}


def keys(values: dict) -> set[str]:
    """Dotted."""
    groups = {name for name, value in values.items() if isinstance(value, dict)}
    return (values.keys() - groups) | {f"{group}.{name}" for group in groups for name in values[group]}


def changed(key: str, value: object, values: dict = FREE) -> dict:
    values = copy.deepcopy(values)
    *groups, name = key.split(".")
    (values[groups[0]] if groups else values)[name] = value
    return values


def value_of(params: Params, key: str) -> object:
    group, _, name = key.rpartition(".")
    return getattr(getattr(params, group) if group else params, name)


def message(values: dict) -> str:
    with pytest.raises(ParamsError) as caught:
        Params(**values)
    return str(caught.value)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def whole(low: int, high: int) -> tuple[list, list]:
    return [low, high], [(low - 1, f"be at least {low}"), (high + 1, f"be at most {high}")]


def number(low: float, high: float) -> tuple[list, list]:
    return [low, high], [(below(low), f"be at least {low}"), (above(high), f"be at most {high}")]


def positive(high: float) -> tuple[list, list]:
    return [above(0), high], [(0, "be above 0"), (above(high), f"be at most {high}")]


def one_of(*names: str) -> tuple[list, list]:
    return [*names], [("squash", f"be one of {', '.join(names)}"), ("", f"be one of {', '.join(names)}")]


SHARE_BELOW_ONE = [0, below(1)], [(below(0), "be at least 0"), (1, "be below 1")]
BETWEEN = [above(0), below(1)], [(0, "be above 0"), (1, "be below 1")]
SEED = [0, 2**32 - 1], [(-1, "be at least 0"), (2**32, "be below 4294967296")]
FLAG = [True, False], [(1, "be true or false"), ("yes please", "be true or false")]

# Each key with values that it may have, the first and last of its range, and values just outside with what is wanted.
RANGES: dict[str, tuple[list[Any], list[tuple[Any, str]]]] = {
    "videos": (["v", "data/videos"], [("", "not be empty"), (1, "be text")]),
    "corpus": FLAG,
    "exercises": ([[], ["squat"]], [("squat", "be a list"), ({"squat": 1}, "be a list")]),
    "held": ([[], ["plank"]], [("plank", "be a list"), ({"plank": 1}, "be a list")]),
    "bad_clips": one_of("fail", "skip"),
    "cache_gb": positive(10**6),
    "limits.pixels": ([1, 2**31 - 1], [(0, "be at least 1"), (2**31, "be below 2147483648")]),
    "limits.seconds": whole(1, 10**6),
    "limits.cpu_seconds": whole(1, 10**6),
    "limits.memory_bytes": whole(2**28, 2**50),
    "resize.fit": one_of("pad", "stretch", "crop"),
    "extract.fps": positive(120),
    "extract.jpeg_quality": whole(1, 100),
    "split.group": (
        ["", "(a)", "^(.+?)__"],
        [
            ("a", "be empty, or have exactly one (group)"),
            ("(a)(b)", "be empty, or have exactly one (group)"),
            ("([", "be a regular expression (unterminated character set at position 1)"),
        ],
    ),
    "split.folds": whole(2, 100),
    "split.seed": SEED,
    "train.model": one_of("pose", "cnn"),
    "train.seed": SEED,
    "train.epochs": whole(1, 100_000),
    "train.batch_size": whole(1, 100_000),
    "train.learning_rate": positive(1),
    "train.class_weights": FLAG,
    "pose.members": whole(1, 100),
    "pose.unseen_folds": whole(1, 100),
    "pose.window_s": number(0.2, 60),
    "pose.windows_per_epoch": whole(1, 10**6),
    "pose.units": whole(1, 4096),
    "pose.dropout": SHARE_BELOW_ONE,
    "pose.label_smoothing": SHARE_BELOW_ONE,
    "pose.untaught_ratio": BETWEEN,
    "pose.untaught_prior": BETWEEN,
    "pose.synthetic_idle_ratio": number(0, 1),
    "none.accepted_share": positive(1),
    "pose_augmentation.yaw_degrees": number(0, 180),
    "pose_augmentation.tilt_degrees": number(0, 90),
    "pose_augmentation.stretch": number(0, 1),
    "pose_augmentation.depth": number(0, 1),
    "pose_augmentation.speed_factor": number(1, 4),
    "pose_augmentation.joint_offset_torsos": number(0, 1),
    "pose_augmentation.joint_jitter_torsos": number(0, 1),
    "pose_augmentation.joint_dropout": number(0, 1),
    "pose_augmentation.freeze_probability": number(0, 1),
    "cnn.members": whole(1, 100),
    "cnn.patience_epochs": whole(1, 100_000),
    "cnn.image_size": whole(16, 480),
    "cnn.filters": (
        [[1, 1, 1], [4096, 4096, 4096]],
        [([8, 16], "have at least 3 values"), ([8] * 4, "have at most 3 values"), (8, "be a list")],
    ),
    "cnn.dense_units": whole(1, 100_000),
    "cnn.dropout": SHARE_BELOW_ONE,
    "frame_augmentation.mirror": FLAG,
    "frame_augmentation.rotate_degrees": number(0, 180),
    "frame_augmentation.scale": SHARE_BELOW_ONE,
    "frame_augmentation.shift": SHARE_BELOW_ONE,
    "frame_augmentation.brightness": SHARE_BELOW_ONE,
}


def test_the_ranges_are_of_every_key() -> None:
    assert RANGES.keys() == keys(VALUES)


@pytest.mark.parametrize("key", RANGES)
def test_a_value_within_its_range_is_taken_and_one_just_outside_told_with_its_key(key: str) -> None:
    allowed, refused = RANGES[key]
    for value in allowed:
        assert value_of(Params(**changed(key, value)), key) == value
    for value, wanted in refused:
        assert message(changed(key, value)) == f"params.yaml: {key} is {value!r}; it must {wanted}"


JUNK = (None, True, 3, 2.5, "3", "pad", [2.5], {"a": 1}, b"3", float("nan"), float("inf"), 10**400, {3})


@pytest.mark.parametrize("key", RANGES)
def test_nothing_is_taken_for_what_it_is_not(key: str) -> None:
    """A value is what the key holds (or a whole number in place of a number), or told in one plain line."""
    kind = type(value_of(Params(**FREE), key))
    for value in JUNK:
        if type(value) is not kind and (kind, type(value)) != (float, int):
            told = message(changed(key, value))
            assert re.fullmatch(rf"params\.yaml: {re.escape(key)} is [^\n]+; it must [^\n]+", told)
            assert not re.search("pydantic|input|valid", told, re.IGNORECASE)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("train.epochs", True, "train.epochs is True; it must be a whole number"),
        ("train.epochs", "3", "train.epochs is '3'; it must be a whole number"),
        ("train.epochs", 2.5, "train.epochs is 2.5; it must be a whole number"),
        ("extract.fps", True, "extract.fps is True; it must be a number"),
        ("extract.fps", "10", "extract.fps is '10'; it must be a number"),
        ("extract.fps", float("nan"), "extract.fps is nan; it must be a finite number"),
        ("train", None, "train is None; it must hold keys and values"),
        ("cnn.filters", [8, 16, "many"], "cnn.filters[2] is 'many'; it must be a whole number"),
        ("cnn.filters", [True, 1, 1], "cnn.filters[0] is True; it must be a whole number"),
        ("cnn.filters", [1, 4097, 1], "cnn.filters[1] is 4097; it must be at most 4096"),
        ("exercises", ["squat", 1], "exercises[1] is 1; it must be text"),
        ("train.epoch", 3, "train.epoch is unknown; did you mean train.epochs?"),
        ("pose_augmentation.yaw", 45, "pose_augmentation.yaw is unknown; did you mean pose_augmentation.yaw_degrees?"),
        ("cache_mb", 3, "cache_mb is unknown; did you mean cache_gb?"),
        ("train.window", 3, f"train.window is unknown; here are known: {', '.join(VALUES['train'])}"),
        ("resize", {1: 2}, "resize.1 is unknown; here are known: fit"),
    ],
)
def test_each_mistake_has_its_own_words(key: str, value: object, line: str) -> None:
    assert message(changed(key, value)) == f"params.yaml: {line}"


@pytest.mark.parametrize(("key", "typo"), [("limits.pixels", "pixel"), ("train.model", "model_")])
def test_a_typo_is_not_told_as_a_missing_key(key: str, typo: str) -> None:
    values = copy.deepcopy(VALUES)
    group, name = key.split(".")
    values[group][typo] = values[group].pop(name)
    assert message(values) == f"params.yaml: {group}.{typo} is unknown; did you mean {key}?"


@pytest.mark.parametrize("key", [*RANGES, *(name for name in VALUES if isinstance(VALUES[name], dict))])
def test_a_missing_key_is_told(key: str) -> None:
    values = copy.deepcopy(VALUES)
    *groups, name = key.split(".")
    del (values[groups[0]] if groups else values)[name]
    assert message(values) == f"params.yaml: {key} is missing"


def test_a_whole_number_serves_as_a_number() -> None:
    window = Params(**changed("pose.window_s", 5)).pose.window_s
    assert (window, type(window)) == (5.0, float)


@pytest.mark.parametrize("text", ["1e-05", "1e-3", "2.5e-4"])
def test_a_small_number_as_dvc_writes_it_serves_as_a_number(text: str) -> None:
    value = yaml.safe_load(f"a: {text}")["a"]
    assert Params(**changed("train.learning_rate", value)).train.learning_rate == float(text)


@pytest.mark.parametrize(("key", "value"), [("extract.fps", 5), ("resize.fit", "crop")])
def test_the_corpus_is_of_its_own_frame_rate_and_fit(key: str, value: object) -> None:
    values = changed(key, value, VALUES)
    assert "corpus is True; it must be false where" in message(values)
    assert Params(**values | {"corpus": False}).corpus is False
    assert Params(**values | {"train": VALUES["train"] | {"model": "cnn"}}).corpus is True


@pytest.mark.parametrize("kind", ["pose", "cnn"])
def test_there_are_no_more_members_than_folds(kind: str) -> None:
    values = changed("split.folds", 4)
    assert Params(**changed(f"{kind}.members", 4, values)).split.folds == 4
    told = message(changed(f"{kind}.members", 5, values))
    assert told.startswith(f"params.yaml: {kind}.members is 5; it must be at most split.folds, 4: ")


def test_a_group_by_itself_is_checked_too() -> None:
    assert Limits(seconds=5).pixels == 40_000_000
    with pytest.raises(ParamsError, match=r"params\.yaml: limits\.seconds is 0; it must be at least 1"):
        Limits(seconds=0)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"a: [", "params.yaml is no YAML: while parsing"),
        (b"a: \xe4\n", "params.yaml is no YAML: 'utf-8' codec"),
        (b"a: 2026-13-01\n", "params.yaml is no YAML: month must be"),
        (b"- a\n- b", "params.yaml: the file is ['a', 'b']; it must hold keys and values"),
        (b"", "params.yaml: the file is None; it must hold keys and values"),
        (b"1: 2", "params.yaml: 1 is unknown; here are known: videos, corpus"),
    ],
)
def test_a_file_that_holds_no_params_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(text)
    with pytest.raises(ParamsError) as caught:
        load_params()
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="is missing: run this in the project's folder"):
        load_params(tmp_path / "params.yaml")


def check(folder: Path) -> tuple[int, str]:
    """Exit code and output of the check that `make repro` begins with."""
    command = [sys.executable, "-m", "fitness_tracker.core.params"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_check_passes_the_projects_own_params_and_refuses_spoilt_ones(tmp_path: Path) -> None:
    assert check(ROOT) == (0, "")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    edit_params(tmp_path, {"resize.fit": "squash"})
    line = "params: params.yaml: resize.fit is 'squash'; it must be one of pad, stretch, crop\n"
    assert check(tmp_path) == (1, line)


@pytest.mark.parametrize("command", [["--help"], ["predict", "--help"]])
def test_help_comes_without_pydantic(command: Sequence[str]) -> None:
    program = f"import atexit, sys; sys.argv = ['x', *{command!r}]\n"
    program += "atexit.register(lambda: print('pydantic' in sys.modules))\n"
    program += "from fitness_tracker.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")
