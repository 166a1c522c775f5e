"""Reads FRAMES, LANDMARKS, CORPUS and the CLASSIFIER; writes scores and tables to METRICS, pictures to PLOTS."""

import argparse
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.files import write_json
from fitness_tracker.core.params import load_params
from fitness_tracker.models.registry import MODEL_KINDS
from fitness_tracker.video.frames import middle_frame

WORST = 12  # mistakes on the contact sheet


def main() -> None:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    for name in ("frames", "landmarks", "corpus", "classifier", "metrics", "plots"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with exit_with_message("evaluate"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        from fitness_tracker.corpus.catalog import corpus_to_teach
        from fitness_tracker.evaluation import charts, model_card
        from fitness_tracker.evaluation import scores as evaluation
        from fitness_tracker.evaluation.corpus_scores import evaluate_people
        from fitness_tracker.models.bundle import load_classifier  # from here on it takes seconds
        from fitness_tracker.models.tensorflow_setup import make_deterministic

        make_deterministic(params.train.seed)
        classifier = load_classifier(args.classifier)
        kind = MODEL_KINDS[classifier.kind]()
        inputs = {clip.name: clip.path for clip in find_clips(getattr(args, kind.INPUT), (kind.SUFFIX,))}
        scored = evaluation.score_clips(clips, classifier, inputs)
        result = evaluation.scores(scored, classifier.exercises)
        table = evaluation.answers(scored)
        learnt = params.corpus and kind.INPUT == "landmarks"
        corpus = corpus_to_teach(args.corpus, inputs, lambda _: None) if learnt else []
        people = evaluate_people(corpus, classifier, args.metrics, args.plots)
        result |= people.scores
        model_card.write_model_card(args.metrics, args.classifier, classifier, scored, people, result, params)
        write_json(args.metrics / "evaluate.json", {name: round(value, 4) for name, value in result.items()})
        evaluation.hashed_answers(scored).to_csv(args.metrics / "answers.csv", index=False, float_format="%.4f")
        table[["actual", "predicted"]].to_csv(args.metrics / "confusion.csv", index=False)
        evaluation.f1_table(table).to_csv(args.metrics / "f1.csv", index=False, float_format="%.4f")
        charts.draw_confusion(table, classifier.exercises, args.plots / "confusion.png")
        right = (table["actual"] == table["predicted"]).to_numpy()
        bins = evaluation.calibration_table(table["confidence"].to_numpy(), right)
        charts.draw_reliability(bins, result["ece"], args.plots / "reliability.png")
        worst, paths = evaluation.worst_mistakes(table, WORST), {clip.name: clip.path for clip in clips}
        frames = [middle_frame(paths[name]) for name in worst["clip"]]
        charts.draw_mistakes(worst, frames, args.plots / "mistakes.png")
        seen = f"{result['clips']} clips of {result['groups']} groups, by members that never saw the group"
        print(f"evaluate: accuracy {result['accuracy']:.3f}, F1 {result['f1']:.3f} on {seen}")
        if "people_f1" in result:
            print(f"evaluate: real people: accuracy {result['people_accuracy']:.3f}, F1 {result['people_f1']:.3f}")


if __name__ == "__main__":
    main()
