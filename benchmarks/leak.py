"""The same kind of network on the same frames, twice: split at random, the usual way, and split by group.

Reads params.yaml and FRAMES, the out of the extract stage; prints a Markdown table. Split at random, frames of one
clip stand on both sides, and the network may pass by knowing the room.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import Params, load_params
from fitness_tracker.evaluation.scores import macro_f1
from fitness_tracker.models.cnn.store import FrameStore, frame_store
from fitness_tracker.models.cnn.training import fit_network
from fitness_tracker.models.tensorflow_setup import make_deterministic
from fitness_tracker.models.training import split_and_hash_clips


@dataclass(frozen=True)
class Rows:
    """Row numbers of the store."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_at_random(store: FrameStore, params: Params) -> Rows:
    rows = np.arange(len(store.labels))
    split, seed = params.split, params.split.seed
    rest, test = train_test_split(rows, test_size=1 / split.folds, stratify=store.labels, random_state=seed)
    share = 1 / (split.folds - 1)
    train, validation = train_test_split(rest, test_size=share, stratify=store.labels[rest], random_state=seed)
    return Rows(np.sort(train), np.sort(validation), np.sort(test))


def score(store: FrameStore, rows: Rows, classes: int, params: Params) -> tuple[float, float]:
    """Accuracy and macro F1 of the test frames."""
    make_deterministic(params.train.seed)
    network, _ = fit_network(
        store, rows.train, rows.validation, classes, params.train, params.cnn, params.frame_augmentation
    )
    batches = [rows.test[i : i + 256] for i in range(0, len(rows.test), 256)]
    guess = np.concatenate([np.asarray(network(store.read(batch))).argmax(axis=1) for batch in batches])
    return float(accuracy_score(store.labels[rows.test], guess)), macro_f1(store.labels[rows.test], guess)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, nargs="?", default=Path("data/frames"))
    args = parser.parse_args()
    with exit_with_message("leak"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        split = split_and_hash_clips(clips, params.split)
        exercises = sorted({clip.exercise for clip in clips})
        make_deterministic(params.train.seed)
        with frame_store(clips, exercises, params.cnn.image_size) as store:
            fold = np.array([split[clip.name].fold for clip in clips])[store.clips]
            test, stop = np.unique(fold)[:2]
            by_group = Rows(*(np.flatnonzero(part) for part in (fold > stop, fold == stop, fold == test)))
            results = {
                "frames split at random, the usual way": score(
                    store, split_at_random(store, params), len(exercises), params
                ),
                "frames of groups that training never saw": score(store, by_group, len(exercises), params),
            }
    print("| how the same kind of network is scored | accuracy | macro F1 |\n| --- | --- | --- |")
    for name, (accuracy, f1) in results.items():
        print(f"| {name} | {accuracy:.3f} | {f1:.3f} |")


if __name__ == "__main__":
    main()
