"""Reads frames from FRAMES; writes the trained CLASSIFIER, and metrics and training curves to METRICS."""

import argparse
from pathlib import Path

from fitness_tracker.clips import TRAIN, VALIDATION, describe_split, find_clips
from fitness_tracker.errors import told_plainly
from fitness_tracker.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("metrics", type=Path)
    args = parser.parse_args()
    with told_plainly("train"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        import numpy as np  # from here on it takes seconds
        import pandas as pd

        from fitness_tracker.models import Classifier, make_deterministic, save_classifier, write_json
        from fitness_tracker.training import frame_store, read_split, score_network, train_cnn

        make_deterministic(params.train.seed)
        split = read_split(clips, params.split)
        print(f"train: {describe_split({name: used.part for name, used in split.items()})} clips", flush=True)
        exercises = sorted({clip.exercise for clip in clips})
        seen = [clip for clip in clips if split[clip.name].part in (TRAIN, VALIDATION)]
        with frame_store(seen, exercises, params.cnn.image_size) as store:
            is_train = np.array([split[clip.name].part == TRAIN for clip in seen])[store.clips]
            rows, validation = np.flatnonzero(is_train), np.flatnonzero(~is_train)
            network, history = train_cnn(store, rows, validation, len(exercises), params)
            learnt, checked = score_network(network, store, rows), score_network(network, store, validation)

        trained = Classifier(
            network, exercises, params.cnn, params.resize.fit, params.extract.fps, params.split.group, split
        )
        save_classifier(trained, args.classifier)
        epochs = len(history["loss"])
        metrics = {**learnt, "val_accuracy": checked["accuracy"], "val_loss": checked["loss"], "epochs": epochs}
        write_json(args.metrics / "train.json", {name: round(value, 4) for name, value in metrics.items()})
        curves = pd.DataFrame(history, index=pd.RangeIndex(1, epochs + 1, name="epoch"))
        curves.to_csv(args.metrics / "history.csv", float_format="%.4f")
        print(f"train: accuracy {learnt['accuracy']:.3f}, validation {checked['accuracy']:.3f}, {epochs} epochs")


if __name__ == "__main__":
    main()
