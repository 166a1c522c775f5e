"""`metrics/model_card.md`: what a classifier learnt from, how well it does, and where it fails; measured figures only.

The headings follow Mitchell et al. (2019), "Model Cards for Model Reporting". The text is in `model_card.md.jinja`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml

from fitness_tracker.clips.folder import NONE
from fitness_tracker.evaluation.evaluation import PARTS, Evaluation
from fitness_tracker.evaluation.intervals import accuracy_interval, effective_groups
from fitness_tracker.evaluation.scored_clips import ScoredClip, columns, confidences
from fitness_tracker.evaluation.scores import calibration_table
from fitness_tracker.evaluation.tables import exercise_rows, most_frequent
from fitness_tracker.evaluation.templates import render

FEW_GROUPS = 5  # fewer show an exercise too seldom to say how well it is known
WEAK_F1 = 0.5  # F1 whose interval begins below
CONFUSIONS = 8  # of the most frequent that are listed

OWN, CORPUS = "clips of `videos`", "real people of the corpus"


def model_card(evaluation: Evaluation) -> str:
    """Markdown; the same evaluation and parameters give the same bytes."""
    classifier, scores = evaluation.classifier, evaluation.scores
    low, high = accuracy_interval(*columns(evaluation.own))
    own = clip_figures(OWN, evaluation.own, evaluation.own, scores["ece"])
    corpus = None
    if evaluation.clear:
        taught = [one for one in evaluation.clear if one.taught]
        corpus = clip_figures(CORPUS, evaluation.clear, taught, scores.get("people_ece", math.nan))
    return render(
        __package__,
        "model_card.md.jinja",
        classifier=classifier,
        checksum=evaluation.checksum,
        taught=[name for name in classifier.exercises if name != NONE],
        folds=len({used.fold for used in classifier.usage.values()}),
        groups=group_figures(evaluation),
        scores={**scores, "accuracy_low": low, "accuracy_high": high},
        own=own,
        corpus=corpus,
        sets=[own, corpus] if corpus else [own],
        parts={part: name for part, (_, name) in PARTS.items()},
        weak_f1=WEAK_F1,
        few_groups=FEW_GROUPS,
        params=yaml.safe_dump(evaluation.classifier.params, sort_keys=True, width=110).rstrip(),
    )


def group_figures(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Numbers of clips and groups in training and in each set that is scored; without empty sets."""
    partly = [one for one in evaluation.corpus if not one.clear]
    sets = {
        f"training: {OWN} and of the corpus": [used.group for used in evaluation.classifier.usage.values()],
        f"scored: {OWN}": [one.group for one in evaluation.own],
        "scored: the corpus, whole movement": [one.group for one in evaluation.clear if one.taught],
        "scored: the corpus, movement shown partly": [one.group for one in partly if one.taught],
        "scored: the corpus, untaught": [one.group for one in evaluation.corpus if not one.taught],
    }
    return {
        name: {
            "clips": len(groups),
            "groups": len(set(groups)),
            "effective": effective_groups(groups),
            "largest": max(Counter(groups).values()),
        }
        for name, groups in sets.items()
        if groups
    }


def clip_figures(
    name: str, scored: Sequence[ScoredClip], calibrated: Sequence[ScoredClip], ece: float
) -> dict[str, Any]:
    """The figures of the clips `scored`; `ece` is the calibration error of those in `calibrated`."""
    taught = [one for one in scored if one.taught]
    untaught = [one for one in scored if not one.taught]
    exercises = exercise_rows(scored)
    wrong = most_frequent((one.truth, one.predicted) for one in scored if one.truth != one.predicted)
    return {
        "name": name,
        "exercises": exercises,
        "taught": len(taught),
        "taught_none": sum(one.predicted == NONE for one in taught),
        "untaught": len(untaught),
        "untaught_named": sum(one.predicted != NONE for one in untaught),
        "ece": ece,
        "calibration": list(calibration_table(*confidences(calibrated)).itertuples()),
        "weak": [(row.exercise, f"{row.low:.2f}") for row in exercises if row.low < WEAK_F1],
        "few": [(row.exercise, row.groups) for row in exercises if row.groups < FEW_GROUPS],
        "confusions": [(f"{truth} for {predicted}", times) for (truth, predicted), times in wrong[:CONFUSIONS]],
    }
