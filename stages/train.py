"""Reads FRAMES, LANDMARKS, CORPUS and the pose NETWORKS; writes the CLASSIFIER, and metrics and curves to METRICS."""

import argparse
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.clips.split import describe_folds
from fitness_tracker.core.errors import quiet_native_stderr
from fitness_tracker.core.files import write_json
from fitness_tracker.core.stage import run_stage
from fitness_tracker.processing.result_cache import ResultCache, cache_folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    for name in ("frames", "landmarks", "corpus", "networks", "classifier", "metrics"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with run_stage("train") as params:
        clips = find_clips(args.frames, (".zip",))
        with quiet_native_stderr():  # from here on it takes seconds
            from fitness_tracker.blazepose.networks import read_networks
            from fitness_tracker.models.bundle import save_classifier
            from fitness_tracker.models.registry import MODEL_KINDS
            from fitness_tracker.models.tensorflow_setup import make_deterministic
            from fitness_tracker.models.training import prepare_data, write_history

            make_deterministic(params.train.seed)
            pose_networks = read_networks(args.networks) if params.train.model == "pose" else {}
        kind = MODEL_KINDS[params.train.model]()
        inputs = {clip.name: getattr(args, kind.INPUT) / f"{clip.name}{kind.SUFFIX}" for clip in clips}
        corpus = args.corpus if params.corpus and kind.INPUT == "landmarks" else None
        data = prepare_data(clips, inputs, corpus, pose_networks, params.split)
        print(
            f"train: {describe_folds({name: used.fold for name, used in data.usage.items()})} clips in folds",
            flush=True,
        )
        trained = kind.fit(data, params, ResultCache(cache_folder(), params.cache_gb))

        save_classifier(trained.classifier, args.classifier)
        metrics = {name: round(value, 4) for name, value in trained.metrics.items()}
        write_json(args.metrics / "train.json", metrics)
        write_history(trained.history, args.metrics / "history.csv")
        print(f"train: accuracy {metrics['train_accuracy']:.3f}, held out {metrics['val_accuracy']:.3f}")
    for checkpoint in trained.checkpoints:  # not before it is known that nothing changed meanwhile
        checkpoint.forget()


if __name__ == "__main__":
    main()
