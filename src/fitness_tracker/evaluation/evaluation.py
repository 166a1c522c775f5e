"""One evaluation: a classifier, what it predicts for clips that its training never saw, and the scores of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitness_tracker.clips.folder import Clip
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.evaluation.enrolled import enrolled_scores
from fitness_tracker.evaluation.scored_clips import ScoredClip, score_clips, score_corpus
from fitness_tracker.evaluation.scores import corpus_scores, own_scores, part_scores
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.models.pose.classifier import PoseClassifier

# Parts of clips that are scored, too: seconds from their middle, 0 for a single picture; and how they are called
PARTS = {"picture": (0.0, "a single picture of each"), "second": (1.0, "one second of each")}


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` finds; `outputs.write_outputs` writes it."""

    classifier: Classifier
    checksum: str  # of the classifier's bundle
    own: list[ScoredClip]
    corpus: list[ScoredClip]  # empty where the classifier did not learn from the corpus
    scores: dict[str, float]  # the content of evaluate.json
    families: Mapping[str, str]  # of exercises of the corpus

    @property
    def clear(self) -> list[ScoredClip]:
        """The clips of the corpus that show the whole movement."""
        return [one for one in self.corpus if one.clear]

    def summary(self) -> list[str]:
        """Lines for a terminal."""
        scores = self.scores
        clips = f"{scores['clips']} clips of {scores['groups']} groups, by members that never saw the group"
        lines = [f"accuracy {scores['accuracy']:.3f}, F1 {scores['f1']:.3f} on {clips}"]
        if "people_f1" in scores:
            lines.append(f"real people: accuracy {scores['people_accuracy']:.3f}, F1 {scores['people_f1']:.3f}")
        return lines


def evaluate(
    classifier: Classifier,
    checksum: str,
    clips: Sequence[Clip],
    inputs: dict[str, Path],
    corpus: Sequence[CorpusClip],
    families: Mapping[str, str],
) -> Evaluation:
    """Scores one's own `clips` and the `corpus`, which may be empty; `inputs` as in `score_clips`, `families` of the
    exercises of the corpus."""
    own, people = score_clips(clips, classifier, inputs), score_corpus(corpus, classifier)
    scores = own_scores(own, classifier.exercises)
    if people:
        scores |= corpus_scores(people, classifier.exercises)
        clear = [clip for clip in corpus if clip.visibility == "clear"]
        for name, (seconds, _) in PARTS.items():
            scores |= part_scores(score_corpus(clear, classifier, seconds), name)
        if isinstance(classifier, PoseClassifier):
            scores |= {f"people_{name}": value for name, value in enrolled_scores(corpus, classifier).items()}
    return Evaluation(classifier, checksum, own, people, scores, families)
