"""Reads FRAMES, LANDMARKS and the CLASSIFIER; writes scores and tables to METRICS, pictures to PLOTS."""

import argparse
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.errors import exit_with_message
from fitness_tracker.files import write_json
from fitness_tracker.kinds import MODEL_KINDS
from fitness_tracker.params import load_params
from fitness_tracker.video.frames import middle_frame

WORST = 12  # mistakes on the contact sheet


def main() -> None:
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("plots", type=Path)
    args = parser.parse_args()
    with exit_with_message("evaluate"):
        seed = load_params().train.seed
        clips = find_clips(args.frames, (".zip",))
        from fitness_tracker.bundle import load_classifier  # from here on it takes seconds
        from fitness_tracker.scoring import charts, evaluation
        from fitness_tracker.tensorflow_setup import make_deterministic

        make_deterministic(seed)
        classifier = load_classifier(args.classifier)
        kind = MODEL_KINDS[classifier.kind]
        inputs = {clip.name: clip.path for clip in find_clips(getattr(args, kind.reads), (kind.suffix,))}
        scored = evaluation.score_clips(clips, classifier, inputs)
        result = evaluation.scores(scored, classifier.exercises)
        table = evaluation.answers(scored)

        write_json(args.metrics / "evaluate.json", {name: round(value, 4) for name, value in result.items()})
        answers_table = evaluation.hashed_answers(scored)
        answers_table.to_csv(args.metrics / "answers.csv", index=False, float_format="%.4f")
        table[["actual", "predicted"]].to_csv(args.metrics / "confusion.csv", index=False)
        evaluation.f1_table(table).to_csv(args.metrics / "f1.csv", index=False, float_format="%.4f")
        charts.draw_confusion(table, classifier.exercises, args.plots / "confusion.png")
        bins = evaluation.calibration_table(
            table["confidence"].to_numpy(), (table["actual"] == table["predicted"]).to_numpy()
        )
        charts.draw_reliability(bins, result["ece"], args.plots / "reliability.png")
        worst = evaluation.worst_mistakes(table, WORST)
        paths = {clip.name: clip.path for clip in clips}
        frames = [middle_frame(paths[name]) for name in worst["clip"]]
        charts.draw_mistakes(worst, frames, args.plots / "mistakes.png")
        people = f"{result['clips']} clips of {result['groups']} groups, by members that never saw the group"
        print(f"evaluate: accuracy {result['accuracy']:.3f}, F1 {result['f1']:.3f} on {people}")


if __name__ == "__main__":
    main()
