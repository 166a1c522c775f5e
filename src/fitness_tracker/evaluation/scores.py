"""The scores of an evaluation: accuracy, macro F1, calibration error, and the detection of untaught clips."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, roc_auc_score

from fitness_tracker.clips.folder import NONE
from fitness_tracker.evaluation.intervals import Interval, f1_interval, macro_f1, weighted_interval
from fitness_tracker.evaluation.scored_clips import ScoredClip, columns, confidences

BINS = 15  # of confidence

Measured = tuple[float, Interval]


def own_scores(scored: Sequence[ScoredClip], exercises: list[str]) -> dict[str, float]:
    """Of one's own clips: accuracy and macro F1 with its 95 % interval, of clips, of single frames, and of the answers;
    calibration error; numbers of clips and groups."""
    truth, predicted, groups = columns(scored)
    answers = np.array([one.answer for one in scored])
    frames = [len(one.prediction.frames) for one in scored]
    frame_truth = np.repeat([exercises.index(name) for name in truth], frames)
    frame_predicted = np.concatenate([one.prediction.frames.argmax(axis=1) for one in scored])
    low, high = f1_interval(truth, predicted, groups)
    return {
        "accuracy": float((truth == predicted).mean()),
        "f1": macro_f1(truth, predicted),
        "f1_low": low,
        "f1_high": high,
        "frame_accuracy": float(accuracy_score(frame_truth, frame_predicted)),
        "frame_f1": macro_f1(frame_truth, frame_predicted),
        "answer_accuracy": float((truth == answers).mean()),
        "answer_f1": macro_f1(truth, answers),
        "ece": calibration_error(*confidences(scored)),
        "clips": len(scored),
        "groups": len(set(groups)),
    }


def corpus_scores(scored: Sequence[ScoredClip], exercises: list[str]) -> dict[str, float]:
    """`people_…`: scores of the corpus' clips, with 95 % intervals over groups.

    Accuracy, F1 and calibration error are of clear clips of taught exercises, F1 also with those that show one partly;
    forced: as if 'none' were no answer. `auroc` is how well `none_score` tells taught from untaught clips,
    `untaught_named` the share of untaught ones that get the name of an exercise: exercises that the answering member
    never saw, people who stand, walk or talk, and what `exercises` of params.yaml leaves out. `answer_…` are of the
    answers that people get. A score is left out where no clip is there to measure it.
    """
    truth, predicted, groups = columns(scored)
    answers = np.array([one.answer for one in scored])
    forced = np.array([exercises[int(one.prediction.probabilities[:-1].argmax())] for one in scored])
    none_score, clear = np.array([one.none_score for one in scored]), np.array([one.clear for one in scored])
    taught = truth != NONE
    shown, untaught = taught & clear, ~taught & clear

    def f1(rows: np.ndarray, answer: np.ndarray) -> Measured:
        return f1_of(truth[rows], answer[rows], groups[rows])

    def share(rows: np.ndarray, hits: np.ndarray) -> Measured:
        return share_of(hits[rows], groups[rows])

    def auroc(rows: np.ndarray) -> Measured:
        chosen = ~taught[rows], none_score[rows]
        return weighted_interval(groups[rows], lambda weights: float(roc_auc_score(*chosen, sample_weight=weights)))

    measured: dict[str, Measured] = {}
    if shown.any():
        measured |= {
            "accuracy": share(shown, truth == predicted),
            "f1": f1(shown, predicted),
            "f1_forced": f1(shown, forced),
            "f1_partly": f1(taught, predicted),
            "answer_accuracy": share(shown, truth == answers),
            "answer_f1": f1(shown, answers),
        }
    if untaught.any():
        measured["untaught_named"] = share(untaught, predicted != NONE)
        measured["answer_untaught_named"] = share(untaught, answers != NONE)
    if shown.any() and untaught.any():
        measured |= {"auroc": auroc(clear), "auroc_partly": auroc(np.ones_like(clear))}
    result = with_intervals(measured)
    if shown.any():
        result["people_ece"] = calibration_error(*confidences([one for one in scored if one.taught and one.clear]))
    return result | {
        "people_clips": int(shown.sum()),
        "people_groups": len(set(groups[shown])),
    }


def part_scores(scored: Sequence[ScoredClip], part: str) -> dict[str, float]:
    """`people_<part>_…`: scores of parts of the corpus' clear clips, with 95 % intervals over groups.

    Accuracy and F1 are of taught exercises; untaught_named as in `corpus_scores`.
    """
    truth, predicted, groups = columns(scored)
    taught = truth != NONE
    measured: dict[str, Measured] = {}
    if taught.any():
        measured[f"{part}_accuracy"] = share_of((truth == predicted)[taught], groups[taught])
        measured[f"{part}_f1"] = f1_of(truth[taught], predicted[taught], groups[taught])
    if not taught.all():
        measured[f"{part}_untaught_named"] = share_of((predicted != NONE)[~taught], groups[~taught])
    return with_intervals(measured)


def f1_of(truth: np.ndarray, answer: np.ndarray, groups: np.ndarray) -> Measured:
    return macro_f1(truth, answer), f1_interval(truth, answer, groups)


def share_of(hits: np.ndarray, groups: np.ndarray) -> Measured:
    """The share of clips (N,) that are hits."""
    return weighted_interval(groups, lambda weights: float(np.average(hits, weights=weights)))


def with_intervals(measured: Mapping[str, Measured]) -> dict[str, float]:
    """Fields `people_<name>`, `…_low` and `…_high`."""
    result: dict[str, float] = {}
    for name, (value, (low, high)) in measured.items():
        result |= {f"people_{name}": value, f"people_{name}_low": low, f"people_{name}_high": high}
    return result


def calibration_table(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """One row for each of `BINS` equal bins of confidence (N,) that holds answers: confidence, accuracy, answers."""
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "accuracy": right.astype(float), "answers": 1})
    return table.groupby("bin").agg({"confidence": "mean", "accuracy": "mean", "answers": "sum"}).reset_index(drop=True)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: how far confidence (N,) and the share of right answers lie apart, on average.

    Naeini et al. (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning", with `BINS` bins.
    """
    table = calibration_table(confidence, right)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["answers"]))
