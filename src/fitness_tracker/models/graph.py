"""What answers: a classifier's graph, `classifier.tflite`, run by LiteRT. So asking needs no TensorFlow."""

import math
import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitness_tracker.core.errors import UserError

GRAPH = "classifier.tflite"
PROBABILITIES, EMBEDDING = "probabilities", "embedding"  # its outputs
MAX_VALUES = 2**27  # of a tensor of a graph, for one input: 512 MB

Shapes = Mapping[str, tuple[type, tuple[int, ...]]]  # name of an input -> dtype, and shape of one


class Outputs(NamedTuple):
    """Of N inputs, M members and K labels."""

    probabilities: np.ndarray  # (N, M, K) float32, each member's, before the temperature
    embedding: np.ndarray  # (N, M, units) float32: what each member's last hidden layer holds


class Graph:
    """The networks of all members in one, features included, on one thread; threads may share it."""

    def __init__(self, content: bytes, inputs: Shapes, members: int, classes: int) -> None:
        """`content`: the bytes of a `.tflite`. Raises `ValueError` if it is not one of these inputs and outputs."""
        from ai_edge_litert.interpreter import Interpreter  # 0.2 s

        self.content, self.members, self.classes = content, members, classes
        interpreter = Interpreter(model_content=content, num_threads=1)
        self.lock, self.run = threading.Lock(), interpreter.get_signature_runner()
        custom = {one["op_name"] for one in interpreter._get_ops_details() if one["op_name"] != one["op_name"].upper()}
        if custom:
            raise ValueError(f"{GRAPH} has an operation of its own, {min(custom)}")
        if any(math.prod(map(int, one["shape"])) > MAX_VALUES for one in interpreter.get_tensor_details()):
            raise ValueError(f"{GRAPH} has a larger tensor than any classifier")
        found = {name: (one["dtype"], shape_of(one)) for name, one in self.run.get_input_details().items()}
        if found != {name: (dtype, (-1, *shape)) for name, (dtype, shape) in inputs.items()}:
            raise ValueError(f"{GRAPH} has other inputs than its description")
        outputs = {name: (one["dtype"], shape_of(one)) for name, one in self.run.get_output_details().items()}
        units = outputs.get(EMBEDDING, (None, (0,)))[1][-1]
        if outputs != {
            PROBABILITIES: (np.float32, (-1, members, classes)), EMBEDDING: (np.float32, (-1, members, units))
        }:  # fmt: skip
            raise ValueError(f"{GRAPH} has other outputs than its description")

    def __call__(self, **inputs: np.ndarray) -> Outputs:
        """All inputs (N, ...) at once; raises `UserError` if the graph gives no probabilities."""
        with self.lock:
            outputs = self.run(**inputs)
        probabilities = outputs[PROBABILITIES]
        if not (np.abs(probabilities - 0.5) <= 0.5 + 1e-5).all():  # NaN, too
            raise UserError("the classifier's answers are no probabilities; train or fetch it again")
        return Outputs(probabilities, outputs[EMBEDDING])


def shape_of(details: Mapping) -> tuple[int, ...]:
    return tuple(map(int, details["shape_signature"]))
