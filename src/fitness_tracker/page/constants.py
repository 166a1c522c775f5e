"""What the page's modules in `web/` take from Python, so that no constant is typed twice: `page.json`."""

from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np

from fitness_tracker.answering import answer, borders, filters, repetitions, stillness, timeline
from fitness_tracker.blazepose import following, landmarks, regions, shots, skeleton, tracker, upright
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.core.errors import UserError
from fitness_tracker.drawing import canvas
from fitness_tracker.drawing import skeleton as drawn
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.graph import GRAPH
from fitness_tracker.models.pose import features
from fitness_tracker.models.pose.classifier import IMAGE, WORLD, PoseClassifier
from fitness_tracker.models.pose.metric import Metric
from fitness_tracker.prediction import enrol, enrolment
from fitness_tracker.prediction.enrolment import embedding_hash
from fitness_tracker.video import letterbox

FORMAT = 1  # of page.json
MODULES = (
    answer, borders, enrol, enrolment, features, filters, following, landmarks, letterbox, regions, repetitions, shots,
    skeleton, stillness, timeline, tracker, upright,
)  # fmt: skip
TRACKS = {IMAGE: "image", WORLD: "world"}  # a graph's input -> what the page calls it
GRAPHS = "graphs"  # folder of the site
METRIC = f"{GRAPHS}/metric"  # file of the site, see `metric_bytes`


def pose_classifier(classifier: Classifier) -> PoseClassifier:
    """The same; raises `UserError` if it is of another kind."""
    if isinstance(classifier, PoseClassifier):
        return classifier
    raise UserError(
        f"the page runs classifiers of landmarks only, and this one is of kind '{classifier.kind}': "
        "train one with `train.model: pose`"
    )


def describe_page(classifier: PoseClassifier) -> dict[str, Any]:
    """The content of page.json, but for its version."""
    names = {role: f"{GRAPHS}/{name}" for role, name in {**NETWORKS, "classifier": GRAPH}.items()}
    metric = classifier.metric
    return {
        "format": FORMAT,
        "constants": {name_of(module): constants_of(module) for module in MODULES}
        | {"drawing": {**constants_of(canvas), **constants_of(drawn)}},
        "classifier": {
            "exercises": classifier.exercises, "fit": classifier.fit, "fps": classifier.fps, "held": classifier.held,
            "none": NONE, "none_threshold": classifier.none_threshold, "temperature": classifier.temperature,
            "window": classifier.window, "members": classifier.graph.members, "graphs": names,
            "inputs": [TRACKS[name] for name in input_order(classifier)],
            "hash": embedding_hash(classifier), "units": classifier.graph.units,
            "metric": {"file": METRIC, "slope": metric.slope, "middle": metric.middle, "ceiling": metric.ceiling},
        },
    }  # fmt: skip


def metric_bytes(metric: Metric) -> bytes:
    """The mean (M, U) as float32 and, row by row, the lower triangles of the whitening (M, U, U) as float16."""
    lower = np.tril_indices(metric.mean.shape[1])
    return metric.mean.astype("<f4").tobytes() + metric.whitening[:, *lower].astype("<f2").tobytes()


def input_order(classifier: PoseClassifier) -> list[str]:
    """The names of the graph's inputs in the order of the file, by which LiteRT.js takes them."""
    from ai_edge_litert.interpreter import Interpreter  # 0.2 s

    details = Interpreter(model_content=classifier.graph.content).get_input_details()
    return [next(name for name in TRACKS if name in one["name"]) for one in details]


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def constants_of(module: ModuleType) -> dict[str, Any]:
    """Names in capitals, and enumerations, with their values as JSON has them; what JSON has not is left out."""
    found = {name: plain(value) for name, value in sorted(vars(module).items()) if name.isupper() or is_enum(value)}
    return {name: value for name, value in found.items() if value is not None}


def is_enum(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Enum) and value is not Enum and len(value) > 0


def plain(value: Any) -> Any:
    """Numbers, text, lists and enumerations of them, slices as [start, stop]; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, slice):
        return [plain(value.start) or 0, plain(value.stop)]
    if isinstance(value, type) and issubclass(value, Enum):
        return {one.name: one.value for one in value}
    if isinstance(value, list | tuple):
        values = [plain(one) for one in value]
        return None if None in values else values
    if isinstance(value, float | int) and not isinstance(value, bool):
        return int(value) if isinstance(value, int) else float(value)
    return None
