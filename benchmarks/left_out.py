"""How well 'none' holds for exercises that training never saw: those of the corpus, left out one after the other.

Ten rounds, one for each fold. In each, one network learns the corpus without the groups of that fold and without
every clip of two or three exercises (each is left out in one round, wholly: not even as 'none'). It then scores the
fold's clips of the exercises that it was taught, and all clips of those left out. The threshold is the one that the
same share of the taught passes as `none.accepted_share` of params.yaml asks for, groups weighing the same. Only clips
that show the whole movement are scored; 95 % intervals are over groups. Prints Markdown tables; takes about 4 minutes
on two cores.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from few import data_of
from sklearn.metrics import roc_auc_score

from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import load_params
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.pairs import PhotoPair, read_pairs
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.pose.batches import PoseSettings
from fitness_tracker.models.pose.dataset import find_classes, pair_tracks
from fitness_tracker.models.pose.features import JOINTS, tracks_from_landmarks
from fitness_tracker.models.pose.training import Task, ask_held_out, fit_members
from fitness_tracker.models.training import split_and_hash_clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    args = parser.parse_args()
    with exit_with_message("left_out"):
        print_tables(score_rounds(args.corpus), load_params().none.accepted_share)


def score_rounds(corpus: Path) -> pd.DataFrame:
    """One row a scored clip: exercise, group, left_out (whether training knew the exercise), score (of 'none')."""
    params = load_params()
    clips = corpus_to_teach(corpus, {}, print)
    usage = split_and_hash_clips([], params.split, clips)
    pairs = read_pairs(corpus)
    tracks = {clip.id: tracks_from_landmarks(read_corpus_landmarks(clip.path), JOINTS) for clip in clips}
    tracks |= {pair.id: pair_tracks(pair) for pair in pairs}
    settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
    exercises = sorted({clip.exercise for clip in clips} - {NONE})
    folds = sorted({used.fold for used in usage.values()})
    tasks, scored = [], []
    for place, fold in enumerate(folds):
        hidden = exercises[place :: len(folds)]
        taught = [*(name for name in exercises if name not in hidden), NONE]
        in_fold = [clip for clip in clips if usage[clip.name].fold == fold]
        learnt: list[CorpusClip | PhotoPair] = [clip for clip in clips if clip not in in_fold]
        learnt = [one for one in [*learnt, *pairs] if one.exercise not in hidden]
        asked = [clip for clip in in_fold if clip.exercise in taught[:-1]]
        asked = [
            clip for clip in asked + [one for one in clips if one.exercise in hidden] if clip.visibility == "clear"
        ]
        scored.append((asked, hidden))
        classes = find_classes({clip.label: clip.exercise for clip in learnt}, taught)
        data, held_out = (data_of(some, tracks, classes) for some in (learnt, asked))
        tasks.append(Task(data, held_out, [fold], classes.exercises, settings))
    return pd.DataFrame(
        [
            (clip.exercise, clip.group, clip.exercise in hidden, 1 - of_clip[:-1].max())
            for fitted, task, (asked, hidden) in zip(fit_members(tasks), tasks, scored, strict=True)
            for clip, of_clip in zip(asked, ask_held_out(fitted, task), strict=True)
        ],
        columns=["exercise", "group", "left_out", "score"],
    )


def print_tables(table: pd.DataFrame, accepted: float) -> None:
    left_out, score = table["left_out"].to_numpy(), table["score"].to_numpy()

    def auroc(weights: np.ndarray) -> float:
        return float(roc_auc_score(left_out, score, sample_weight=weights))

    threshold = table[~left_out].groupby("group")["score"].mean().quantile(accepted)
    untaught = table[left_out]
    named = (untaught["score"] <= threshold).to_numpy()

    def share(weights: np.ndarray) -> float:
        return float(np.average(named, weights=weights))

    print("| of exercises left out of training | |\n| --- | --- |")
    for name, groups, statistic in (
        ("AUROC of 'none'", table["group"], auroc),
        (f"named, where {accepted:.0%} of the taught groups are", untaught["group"], share),
    ):
        value, (low, high) = weighted_interval(groups.to_numpy(), statistic)
        print(f"| {name} | {value:.3f} ({low:.3f} to {high:.3f}) |")
    print("\n| left out | clips | named |\n| --- | --- | --- |")
    for exercise, of_one in untaught.assign(named=named).groupby("exercise")["named"]:
        print(f"| {exercise} | {len(of_one)} | {of_one.mean():.0%} |")


if __name__ == "__main__":
    main()
