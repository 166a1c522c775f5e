"""Reads FRAMES, LANDMARKS, CORPUS and the pose NETWORKS; writes the CLASSIFIER, and metrics and curves to METRICS."""

import argparse
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.clips.split import describe_folds
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.files import write_json
from fitness_tracker.core.params import load_params
from fitness_tracker.models.registry import MODEL_KINDS
from fitness_tracker.processing.result_cache import ResultCache, cache_folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("networks", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("metrics", type=Path)
    args = parser.parse_args()
    with exit_with_message("train"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        import pandas as pd  # from here on it takes seconds

        from fitness_tracker.corpus.catalog import corpus_to_teach
        from fitness_tracker.models.bundle import save_classifier
        from fitness_tracker.models.tensorflow_setup import make_deterministic
        from fitness_tracker.models.training import split_and_hash_clips

        make_deterministic(params.train.seed)
        kind = MODEL_KINDS[params.train.model]
        corpus = []
        if params.corpus and kind.reads == "landmarks":
            own = {clip.name: args.landmarks / f"{clip.name}.npz" for clip in clips}
            corpus = corpus_to_teach(args.corpus, own, lambda line: print(f"train: {line}"))
        usage = split_and_hash_clips(clips, params.split, corpus)
        print(f"train: {describe_folds({name: used.fold for name, used in usage.items()})} clips in folds", flush=True)
        cache = ResultCache(cache_folder(), params.cache_gb)
        trained = kind.fit(clips, usage, getattr(args, kind.reads), args.networks, params, cache, corpus=corpus)

        save_classifier(trained.classifier, args.classifier)
        metrics = {name: round(value, 4) for name, value in trained.metrics.items()}
        write_json(args.metrics / "train.json", metrics)
        epochs = pd.RangeIndex(1, len(trained.history["loss"]) + 1, name="epoch")
        curves = pd.DataFrame({key: trained.history[key] for key in sorted(trained.history)}, index=epochs)
        curves.to_csv(args.metrics / "history.csv", float_format="%.4f")
        for checkpoint in trained.checkpoints:
            checkpoint.forget()
        print(f"train: accuracy {metrics['train_accuracy']:.3f}, held out {metrics['val_accuracy']:.3f}")


if __name__ == "__main__":
    main()
