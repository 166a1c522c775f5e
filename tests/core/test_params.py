import copy
from pathlib import Path

import pytest
import yaml

from fitness_tracker.core.params import Params, ParamsError, build, load_params
from tests.projects import ROOT

VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())


def changed(key: str, value: object) -> dict:
    values = copy.deepcopy(VALUES)
    group, name = key.split(".")
    values[group][name] = value
    return values


def test_the_projects_own_params_are_sound() -> None:
    assert load_params(ROOT / "params.yaml").train.model == "pose"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resize.fit", "squash"),
        ("extract.fps", 0),
        ("extract.fps", float("nan")),
        ("extract.fps", "ten"),
        ("extract.quality", 101),
        ("split.group", "(["),
        ("split.group", "no_group"),
        ("split.test", 0),
        ("split.validation", 0.9),
        ("train.model", "magic"),
        ("train.seed", -1),
        ("train.epochs", 0),
        ("train.epochs", 2.5),
        ("train.epochs", True),
        ("train.batch_size", 0),
        ("train.learning_rate", -0.1),
        ("train.patience", 0),
        ("train.class_weights", "yes please"),
        ("cnn.image_size", 4),
        ("cnn.filters", [8, 16]),
        ("cnn.filters", [8, 16, "many"]),
        ("cnn.filters", [True, 1, 1]),
        ("train.batch_size", 10**23),
        ("cnn.dense_units", 0),
        ("cnn.dropout", 1.0),
        ("train.window", 0.1),
        ("pose.windows_per_epoch", 0),
        ("pose.units", 0),
        ("pose.dropout", 1.0),
        ("pose.ensemble_size", 0),
        ("pose.label_smoothing", 1.0),
        ("none.accepted", 0),
        ("pose.synthetic_idle_ratio", -0.1),
        ("pose_augmentation.yaw", 181),
        ("pose_augmentation.tilt", -1),
        ("pose_augmentation.speed", 0.9),
        ("pose_augmentation.joint_dropout", 1.5),
        ("frame_augmentation.rotate", 200),
        ("frame_augmentation.scale", 1.0),
        ("frame_augmentation.brightness", -0.1),
    ],
)
def test_an_impossible_value_is_told_with_its_key(key: str, value: object) -> None:
    with pytest.raises(ParamsError, match=key.replace(".", r"\.")):
        build(Params, changed(key, value))


def test_an_unknown_key_is_told_beside_the_known_ones() -> None:
    with pytest.raises(ParamsError, match=r"train\.epoch is unknown.*epochs"):
        build(Params, changed("train.epoch", 3))


def test_a_missing_key_is_told() -> None:
    values = copy.deepcopy(VALUES)
    del values["cnn"]["dropout"]
    with pytest.raises(ParamsError, match=r"cnn\.dropout is missing"):
        build(Params, values)


def test_a_missing_group_is_told() -> None:
    with pytest.raises(ParamsError, match="frame_augmentation is missing"):
        build(Params, {key: value for key, value in VALUES.items() if key != "frame_augmentation"})


def test_a_whole_number_serves_as_a_number() -> None:
    assert build(Params, changed("train.window", 5)).train.window == 5.0


@pytest.mark.parametrize(("key", "value"), [("extract.fps", 5), ("resize.fit", "crop")])
def test_the_corpus_is_of_its_own_frame_rate_and_fit(key: str, value: object) -> None:
    with pytest.raises(ParamsError, match="corpus is True; it must be false where"):
        build(Params, changed(key, value))
    assert build(Params, changed(key, value) | {"corpus": False}).corpus is False


@pytest.mark.parametrize("text", ["1e-05", "1e-3", "2.5e-4"])
def test_a_small_number_as_dvc_writes_it_serves_as_a_number(text: str) -> None:
    value = yaml.safe_load(f"a: {text}")["a"]
    assert build(Params, changed("train.learning_rate", value)).train.learning_rate == float(text)


@pytest.mark.parametrize("text", [b"a: [", b"- a\n- b", b"", b"a: \xe4\n"])
def test_a_file_that_holds_no_params_is_told(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        load_params(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="is missing"):
        load_params(tmp_path / "params.yaml")
