import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.clips.folder import Clip, ClipsError, find_clips
from fitness_tracker.core.params import Cnn, FrameAugmentation, Train, load_params
from fitness_tracker.models.classifier import short_hash
from fitness_tracker.models.cnn import training
from fitness_tracker.models.cnn.store import frame_store, plain_batches, training_batches
from fitness_tracker.models.cnn.training import fit_network
from fitness_tracker.models.tensorflow_setup import make_deterministic
from fitness_tracker.models.training import TrainingData, class_weights, split_and_hash_clips
from fitness_tracker.video.frames import encode_jpeg, read_zip, shrink
from tests.projects import ROOT

EXERCISES = ["dark", "light"]
SPLIT = load_params(ROOT / "params.yaml").split


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Three frames of each of five people, dark grey or light grey."""
    for exercise, grey in (("dark", 60), ("light", 190)):
        for person in range(5):
            path = tmp_path / exercise / f"p{person}__1.zip"
            path.parent.mkdir(exist_ok=True)
            with zipfile.ZipFile(path, "w") as archive:
                for number in range(3):
                    frame = np.full((48, 64, 3), grey + 5 * person + number, np.uint8)
                    archive.writestr(f"0000{number}.000.jpg", encode_jpeg(frame, 95))
    return find_clips(tmp_path, (".zip",))


def settings(patience: int = 5, **train: object) -> tuple[Train, Cnn, FrameAugmentation]:
    params = load_params(ROOT / "params.yaml")
    small = dataclasses.replace(
        params.cnn, image_size=16, filters=[4, 4, 4], dense_units=8, dropout=0.0, patience_epochs=patience
    )
    return dataclasses.replace(params.train, **train), small, params.frame_augmentation


def test_the_store_holds_every_frame_of_every_clip_in_order(clips: list[Clip]) -> None:
    with frame_store(clips, EXERCISES, 16) as store:
        assert store.labels.tolist() == [0] * 15 + [1] * 15
        assert store.clips.tolist() == sorted(list(range(10)) * 3)
        expected = [shrink(frame, 16) for clip in clips for _, frame in read_zip(clip.path)]
        rows = np.array([29, 0, 7])
        np.testing.assert_array_equal(store.read(rows), np.stack([expected[row] for row in rows]))


def test_plain_batches_are_all_rows_once_in_order(clips: list[Clip]) -> None:
    with frame_store(clips, EXERCISES, 16) as store:
        rows = np.arange(3, 20)
        batches = [(frames.numpy(), labels.numpy()) for frames, labels in plain_batches(store, rows, 8)]
        np.testing.assert_array_equal(np.concatenate([frames for frames, _ in batches]), store.read(rows))
        np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), store.labels[rows])


def test_each_epoch_shows_every_frame_once_in_another_order(clips: list[Clip]) -> None:
    with frame_store(clips, EXERCISES, 16) as store:
        train = settings(epochs=2, batch_size=7)[0]
        batches = list(training_batches(store, np.arange(30), train, lambda frames, seed: frames))
        assert [len(labels) for _, labels in batches] == [7, 7, 7, 7, 2] * 2
        levels = np.concatenate([frames.numpy()[:, 0, 0, 0] for frames, _ in batches])
        first, second = levels[:30], levels[30:]
        assert sorted(first) == sorted(second) == sorted(store.read(np.arange(30))[:, 0, 0, 0])
        assert (first != second).any()


@pytest.mark.slow
def test_the_network_learns_what_is_plain_to_see_and_the_same_twice(clips: list[Clip]) -> None:
    weights = []
    for _ in range(2):
        make_deterministic(0)
        with frame_store(clips, EXERCISES, 16) as store:
            chosen = settings(epochs=25, patience=25, batch_size=8, learning_rate=0.01)
            rows, validation = np.flatnonzero(store.clips % 5 < 3), np.flatnonzero(store.clips % 5 >= 3)
            network, history = fit_network(store, rows, validation, 2, *chosen)
            assert max(history["val_accuracy"]) == 1.0
            weights.append(network.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_training_stops_when_validation_gets_no_better(clips: list[Clip]) -> None:
    make_deterministic(0)
    with frame_store(clips, EXERCISES, 16) as store:
        swapped = dataclasses.replace(store, labels=np.where(store.clips % 5 < 3, store.labels, 1 - store.labels))
        rows, validation = np.flatnonzero(store.clips % 5 < 3), np.flatnonzero(store.clips % 5 >= 3)
        _, history = fit_network(swapped, rows, validation, 2, *settings(epochs=40, patience=2, learning_rate=0.01))
    accuracies = history["val_accuracy"]
    assert len(accuracies) < 40
    assert len(accuracies) == int(np.argmax(accuracies)) + 1 + 2


def test_rare_exercises_weigh_more() -> None:
    assert class_weights(np.array([0, 0, 0, 2])) == pytest.approx({0: 4 / 6, 2: 2.0})


def test_the_split_says_of_every_clip_how_it_is_used(clips: list[Clip]) -> None:
    used = split_and_hash_clips(clips, SPLIT)
    assert set(used) == {clip.name for clip in clips}
    assert {one.fold for one in used.values()} == set(range(5))
    assert used["dark/p3__1"].group == short_hash("p3")


def test_the_same_video_in_two_parts_is_told(clips: list[Clip]) -> None:
    used = split_and_hash_clips(clips, SPLIT)
    learnt, tested = (next(clip for clip in clips if used[clip.name].fold == fold) for fold in (0, 1))
    tested.path.write_bytes(learnt.path.read_bytes())
    with pytest.raises(ClipsError, match="same video"):
        split_and_hash_clips(clips, SPLIT)


@pytest.mark.slow
def test_only_frames_to_learn_from_are_varied_and_rare_exercises_are_weighed(
    clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, weights = [], []

    def augmenter(_):
        return lambda frames, seed: seen.append(frames) or frames

    monkeypatch.setattr(training, "frame_augmenter", augmenter)
    monkeypatch.setattr(training, "class_weights", lambda labels: weights.append(labels) or {0: 1.0, 1: 1.0})
    with frame_store(clips, EXERCISES, 16) as store:
        rows, validation = np.arange(0, 20), np.arange(20, 30)
        fit_network(store, rows, validation, 2, *settings(epochs=1, batch_size=8, class_weights=True))
        varied = np.concatenate(seen)
        assert sorted(varied[:, 0, 0, 0]) == sorted(store.read(rows)[:, 0, 0, 0])
        np.testing.assert_array_equal(weights[0], store.labels[rows])


@pytest.mark.slow
def test_the_weights_of_the_best_epoch_are_kept(clips: list[Clip]) -> None:
    make_deterministic(1)
    with frame_store(clips, EXERCISES, 16) as store:
        rows, validation = np.flatnonzero(store.clips % 5 < 3), np.flatnonzero(store.clips % 5 >= 3)
        chosen = settings(epochs=10, patience=10, batch_size=8, learning_rate=0.05)
        network, history = fit_network(store, rows, validation, 2, *chosen)
        accuracies = history["val_accuracy"]
        assert min(accuracies) < max(accuracies)
        right = np.asarray(network(store.read(validation))).argmax(axis=1) == store.labels[validation]
        assert right.mean() == pytest.approx(max(accuracies))


@pytest.mark.slow
def test_a_member_looks_neither_at_its_own_fold_nor_learns_from_the_next(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = split_and_hash_clips(clips, SPLIT)
    seen = []

    def spy(store, rows, validation, *rest):
        seen.append([{usage[clips[n].name].fold for n in store.clips[part]} for part in (rows, validation)])
        return fit_network(store, rows, validation, *rest)

    monkeypatch.setattr(training, "fit_network", spy)
    train, cnn, _ = settings(epochs=1)
    params = dataclasses.replace(
        load_params(ROOT / "params.yaml"), train=train, cnn=dataclasses.replace(cnn, members=2)
    )
    data = TrainingData(clips, {clip.name: clip.path for clip in clips}, usage, {})
    done = training.fit(data, params)
    assert seen == [[{2, 3, 4}, {1}], [{0, 3, 4}, {2}]]
    assert done.classifier.unseen_folds == [{0}, {1}]
