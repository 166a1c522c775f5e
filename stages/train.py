"""Reads FRAMES, LANDMARKS and the pose NETWORKS; writes the CLASSIFIER, and metrics and curves to METRICS."""

import argparse
from pathlib import Path

from fitness_tracker.clips import describe_split, find_clips
from fitness_tracker.errors import told_plainly
from fitness_tracker.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("networks", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("metrics", type=Path)
    args = parser.parse_args()
    with told_plainly("train"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        import pandas as pd  # from here on it takes seconds

        from fitness_tracker.models import make_deterministic, save_classifier, write_json
        from fitness_tracker.pose_training import teach_poses
        from fitness_tracker.training import read_split, teach_frames

        make_deterministic(params.train.seed)
        split = read_split(clips, params.split)
        print(f"train: {describe_split({name: used.part for name, used in split.items()})} clips", flush=True)
        if params.train.model == "pose":
            trained = teach_poses(clips, args.landmarks, args.networks, split, params)
        else:
            trained = teach_frames(clips, split, params)

        save_classifier(trained.classifier, args.classifier)
        metrics = {name: round(value, 4) for name, value in trained.metrics.items()}
        write_json(args.metrics / "train.json", metrics)
        epochs = pd.RangeIndex(1, len(trained.history["loss"]) + 1, name="epoch")
        curves = pd.DataFrame({key: trained.history[key] for key in sorted(trained.history)}, index=epochs)
        curves.to_csv(args.metrics / "history.csv", float_format="%.4f")
        trained.checkpoint.forget()
        print(f"train: accuracy {metrics['train_accuracy']:.3f}, validation {metrics['val_accuracy']:.3f}")


if __name__ == "__main__":
    main()
