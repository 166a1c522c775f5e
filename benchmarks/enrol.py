"""How well an exercise is known that was only enrolled: those of the corpus, left out of training.

Ten rounds, one for each fold, a network each. It learns the corpus without the groups of that fold, without every clip
of a tenth of the taught exercises (as left_out.py), and of a tenth of the untaught labels that two groups show or more,
together with all groups that show these. So the network has seen neither such a label nor its people; of the taught
exercises that are left out it has seen some people who do something else. Each left out movement is then enrolled from
1, 2 or 3 clips, of as many people or of one, DRAWS times. All other clips of it are asked, and those of other movements
whose people the network has not seen. The metric is whitened by what the network has learnt.

Columns: AUROC, and the share of the movement's clips that are found where 1 % and 2 % of the other clips pass. All
movements count the same; 95 % intervals are over the groups of the clips that are asked. Only clips that show the whole
movement are enrolled, or expected to be found. `--retrain` adds the classic way for the first draw: a network that
learnt the same clips as a class of its own. Prints Markdown tables; takes about 6 minutes on two cores, without that.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from few import data_of

from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import Params, load_params
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.pairs import PhotoPair, read_pairs
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.graph import Outputs
from fitness_tracker.models.pose.batches import PoseSettings
from fitness_tracker.models.pose.dataset import ask_clip, find_classes, pair_tracks
from fitness_tracker.models.pose.enrolling import fit_whitening
from fitness_tracker.models.pose.features import JOINTS, PointTracks, tracks_from_landmarks
from fitness_tracker.models.pose.metric import mean_vector, similarity
from fitness_tracker.models.pose.network import make_graph, pack_weights
from fitness_tracker.models.pose.training import Task, fit_members
from fitness_tracker.models.training import FittedMember, random_stream, split_and_hash_clips

NUMBERS = (1, 2, 3)  # clips that are enrolled
DRAWS = 20  # of each movement, number and kind of people
OTHERS, SAME = "other people", "the same person"


@dataclass(frozen=True)
class Round:
    """What one network learns, and what it is asked."""

    fold: int
    hidden: list[str]  # movements that it does not learn
    learnt: list[CorpusClip | PhotoPair]
    asked: list[CorpusClip]  # of groups that it has not seen, or of the hidden movements


class Draw(NamedTuple):
    """Clips, by their numbers among those that a round asks."""

    number: int
    people: str  # `OTHERS` or `SAME`
    enrolled: list[int]
    expected: list[int]  # of the same movement, of those people


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--retrain", action="store_true", help="beside it networks that learn the enrolled clips")
    parser.add_argument("--quick", action="store_true", help="two rounds of one epoch, to try it")
    args = parser.parse_args()
    with exit_with_message("enrol"):
        params, rounds = load_params(), None
        if args.quick:
            params, rounds = replace(params, train=replace(params.train, epochs=1)), 2
        print_tables(score_corpus(args.corpus, params, args.retrain, rounds))


def movement_of(clip: CorpusClip | PhotoPair) -> str:
    """What it is taught as; its label if it is untaught."""
    return clip.label if clip.exercise == NONE else clip.exercise


def score_corpus(corpus: Path, params: Params, retrain: bool, number: int | None = None) -> pd.DataFrame:
    """One row for each clip that is to be found, in each draw of the first `number` rounds; see `score_draw`."""
    clips = corpus_to_teach(corpus, {}, print)
    usage = split_and_hash_clips([], params.split, clips)
    pairs = read_pairs(corpus)
    tracks = {clip.id: tracks_from_landmarks(read_corpus_landmarks(clip.path), JOINTS) for clip in clips}
    tracks |= {pair.id: pair_tracks(pair) for pair in pairs}
    settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
    rounds = plan_rounds(clips, pairs, {clip.id: usage[clip.name].fold for clip in clips})[:number]
    tables = []
    tasks = [task_of(one, [], tracks, settings) for one in rounds]
    for one, task, fitted in zip(rounds, tasks, fit_members(tasks), strict=True):
        learnt, asked = (ask_all(fitted, task, some, tracks) for some in (one.learnt, one.asked))
        tables.append(score_enrolled(one, learnt, asked))
    for enrolled in NUMBERS if retrain else ():
        draws = [[draw for draw in first_draws(one) if len(draw.enrolled) == enrolled] for one in rounds]
        kept = [(one, of_round) for one, of_round in zip(rounds, draws, strict=True) if of_round]
        tasks = [task_of(one, of_round, tracks, settings) for one, of_round in kept]
        for (one, of_round), task, fitted in zip(kept, tasks, fit_members(tasks), strict=True):
            tables.append(score_retrained(one, of_round, ask_all(fitted, task, one.asked, tracks)))
    return pd.concat(tables, ignore_index=True)


def plan_rounds(clips: Sequence[CorpusClip], pairs: Sequence[PhotoPair], folds: dict[str, int]) -> list[Round]:
    """One for each fold; each movement is left out in one of them."""
    groups: dict[str, set[str]] = {}
    for clip in clips:
        groups.setdefault(movement_of(clip), set()).add(clip.group)
    taught = sorted({clip.exercise for clip in clips} - {NONE})
    untaught = sorted(name for name in groups.keys() - {NONE, *taught} if len(groups[name]) > 1)
    rounds, numbers = [], sorted(set(folds.values()))
    for place, fold in enumerate(numbers):
        hidden = [*taught[place :: len(numbers)], *untaught[place :: len(numbers)]]
        unseen = {clip.group for clip in clips if folds[clip.id] == fold}
        unseen = unseen.union(*(groups[name] for name in untaught[place :: len(numbers)]))
        asked = [clip for clip in clips if clip.group in unseen or movement_of(clip) in hidden]
        known = {clip.id for clip in asked}
        learnt: list[CorpusClip | PhotoPair] = [clip for clip in clips if clip.id not in known]
        learnt += [pair for pair in pairs if movement_of(pair) not in hidden]
        rounds.append(Round(fold, hidden, learnt, asked))
    return rounds


def labels_of(one: Round, draws: Sequence[Draw]) -> list[str]:
    """Of the network of a round, which learns the clips of `draws` as well."""
    taught = {clip.exercise for clip in one.learnt} - {NONE}
    return [*sorted(taught | {movement_of(one.asked[draw.enrolled[0]]) for draw in draws}), NONE]


def task_of(one: Round, draws: Sequence[Draw], tracks: dict[str, PointTracks], settings: PoseSettings) -> Task:
    added = [one.asked[clip] for draw in draws for clip in draw.enrolled]
    learnt = [*one.learnt, *(replace(clip, exercise=movement_of(clip)) for clip in added)]
    labels = labels_of(one, draws)
    classes = find_classes({clip.label: clip.exercise for clip in learnt}, labels)
    data, held_out = (data_of(some, tracks, classes) for some in (learnt, one.asked))
    return Task(data, held_out, [one.fold], classes.exercises, settings)


def ask_all(
    fitted: FittedMember, task: Task, clips: Sequence[CorpusClip | PhotoPair], tracks: dict[str, PointTracks]
) -> list[Outputs]:
    window = task.settings.window
    graph = make_graph(task.settings.pose, window, task.classes, pack_weights([fitted.weights]))
    return [ask_clip(graph, tracks[clip.id], window) for clip in clips]


def score_enrolled(one: Round, learnt: Sequence[Outputs], asked: Sequence[Outputs]) -> pd.DataFrame:
    metric = fit_whitening([output.embedding for output in learnt], np.ones((1, len(learnt)), bool))
    windows = [metric.vectors(output.embedding) for output in asked]
    vectors, means = np.stack(list(map(mean_vector, windows))), np.stack([of_clip.mean(axis=0) for of_clip in windows])
    rows = []
    for draw in all_draws(one):
        enrolled = mean_vector(vectors[draw.enrolled])
        rows += score_draw("enrolled", one, draw, similarity(means, enrolled[None])[:, 0])
    return pd.DataFrame(rows)


def score_retrained(one: Round, draws: Sequence[Draw], asked: Sequence[Outputs]) -> pd.DataFrame:
    means = np.stack([output.probabilities[:, 0].mean(axis=0) for output in asked])
    labels, rows = labels_of(one, draws), []
    for draw in draws:
        rows += score_draw("retrained", one, draw, means[:, labels.index(movement_of(one.asked[draw.enrolled[0]]))])
    return pd.DataFrame(rows)


def score_draw(way: str, one: Round, draw: Draw, scores: np.ndarray) -> list[dict[str, object]]:
    """A row for each expected clip: way, kind, people, clips, draw, movement, group, and the share of the other clips
    that score as high."""
    first = one.asked[draw.enrolled[0]]
    name, groups = movement_of(first), {one.asked[clip].group for clip in draw.enrolled}
    others = [movement_of(clip) != name and clip.group not in groups for clip in one.asked]
    fields = {
        "way": way, "kind": "untaught" if first.exercise == NONE else "taught", "people": draw.people,
        "clips": len(draw.enrolled), "draw": draw.number, "movement": name,
    }  # fmt: skip
    return [
        {**fields, "group": one.asked[clip].group, "passing": float((scores[others] >= scores[clip]).mean())}
        for clip in draw.expected
    ]


def all_draws(one: Round) -> Iterator[Draw]:
    """Those of all hidden movements of a round."""
    for name in one.hidden:
        mine = [n for n, clip in enumerate(one.asked) if movement_of(clip) == name and clip.visibility == "clear"]
        by_group: dict[str, list[int]] = {}
        for clip in mine:
            by_group.setdefault(one.asked[clip].group, []).append(clip)
        groups = sorted(by_group)
        for number in NUMBERS:
            rng = random_stream(0, one.fold, one.hidden.index(name), number)
            several = [group for group in groups if len(by_group[group]) > number]
            for draw in range(DRAWS):
                if len(groups) > number:
                    chosen = [groups[n] for n in rng.permutation(len(groups))[:number]]
                    enrolled = [by_group[group][rng.integers(len(by_group[group]))] for group in chosen]
                    yield Draw(draw, OTHERS, enrolled, [n for n in mine if one.asked[n].group not in chosen])
                if several:
                    person = by_group[several[rng.integers(len(several))]]
                    order = [person[n] for n in rng.permutation(len(person))]
                    yield Draw(draw, SAME, order[:number], order[number:])


def first_draws(one: Round) -> list[Draw]:
    """The first of other people: what a network is trained with again."""
    return [draw for draw in all_draws(one) if draw.number == 0 and draw.people == OTHERS]


def print_tables(table: pd.DataFrame) -> None:
    first = table[(table["draw"] == 0) & (table["people"] == OTHERS)]
    for name, rows in (("all draws", table[table["way"] == "enrolled"]), ("first draw", first)):
        if name == "first draw" and "retrained" not in set(table["way"]):
            continue
        print(f"\n| {name} | asked | clips enrolled | movements | AUROC | recall at 1 % | recall at 2 % |")
        print("|" + " --- |" * 7)
        keys = ["kind", "people", "clips", "way"]
        for (kind, people, number, way), part in rows.groupby(keys, sort=False):
            movements = part["movement"].nunique()
            print(f"| {kind}, {way} | {people} | {number} | {movements} | {scores(part)} |")


def scores(rows: pd.DataFrame) -> str:
    """The last three cells of a row."""
    even = 1 / rows.groupby("movement")["movement"].transform("size").to_numpy()
    passing, groups = rows["passing"].to_numpy(), rows["group"].to_numpy()
    cells = []
    for values in (1 - passing, passing <= 0.01, passing <= 0.02):

        def mean(weights: np.ndarray, values: np.ndarray = values) -> float:
            return float(np.average(values, weights=weights * even))

        value, (low, high) = weighted_interval(groups, mean)
        cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
