"""Reads FRAMES, LANDMARKS, CORPUS and the CLASSIFIER; writes scores and tables to METRICS, pictures to PLOTS."""

import argparse
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import quiet_native_stderr
from fitness_tracker.core.stage import run_stage


def main() -> None:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    for name in ("frames", "landmarks", "corpus", "classifier", "metrics", "plots"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with run_stage("evaluate"):
        clips = find_clips(args.frames, (".zip",))
        with quiet_native_stderr():
            from fitness_tracker.corpus.catalog import read_families
            from fitness_tracker.corpus.teaching import corpus_to_teach
            from fitness_tracker.evaluation.evaluation import evaluate
            from fitness_tracker.evaluation.outputs import write_outputs
            from fitness_tracker.models.bundle import load_classifier, read_checksum
            from fitness_tracker.models.registry import MODEL_KINDS

            classifier = load_classifier(args.classifier)
        kind = MODEL_KINDS[classifier.kind]()
        inputs = {clip.name: clip.path for clip in find_clips(getattr(args, kind.INPUT), (kind.SUFFIX,))}
        learnt = classifier.params["corpus"] and kind.INPUT == "landmarks"
        corpus = corpus_to_teach(args.corpus, inputs, lambda _: None) if learnt else []
        families = read_families(args.corpus) if learnt else {}
        evaluation = evaluate(classifier, read_checksum(args.classifier), clips, inputs, corpus, families)
        write_outputs(evaluation, args.metrics, args.plots)
        print("\n".join(f"evaluate: {line}" for line in evaluation.summary()))


if __name__ == "__main__":
    main()
