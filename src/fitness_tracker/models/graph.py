"""What answers: a classifier's graph, `classifier.tflite`, run by LiteRT. So asking needs no TensorFlow."""

import math
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fitness_tracker.core.errors import UserError, printable

GRAPH = "classifier.tflite"
PROBABILITIES, EMBEDDING = "probabilities", "embedding"  # its outputs
MAX_VALUES = 2**27  # of a tensor of a graph, for one input: 512 MB

# What the graphs of both kinds of model are made of, and the like: nothing that loops, or calls another graph
OPERATIONS = {
    "ABS", "ADD", "BATCH_MATMUL", "CAST", "CONCATENATION", "CONV_2D", "DELEGATE", "DEQUANTIZE", "DIV", "EXP",
    "EXPAND_DIMS", "FULLY_CONNECTED", "GATHER", "LOG", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "NEG",
    "PACK", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RELU", "RESHAPE", "SHAPE", "SLICE", "SQUARED_DIFFERENCE",
    "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TOPK_V2", "TRANSPOSE",
}  # fmt: skip

Shapes = Mapping[str, tuple[type, tuple[int, ...]]]  # name of an input -> dtype, and shape of one


class Outputs(NamedTuple):
    """Of N inputs, M members and K labels."""

    probabilities: np.ndarray  # (N, M, K) float32, each member's, before the temperature
    embedding: np.ndarray  # (N, M, units) float32: what each member's last hidden layer holds


class Graph:
    """The networks of all members in one, features included, on one thread; threads may share it."""

    def __init__(self, content: bytes, inputs: Shapes, members: int, classes: int) -> None:
        """`content`: the bytes of a `.tflite`.

        Raises `ValueError` or `RuntimeError` if it does not run, or has other inputs, outputs or operations.
        """
        from ai_edge_litert.interpreter import Interpreter  # 0.2 s

        self.content, self.members, self.classes = content, members, classes
        interpreter = Interpreter(model_content=content, num_threads=1)
        self.lock, self.run = threading.Lock(), interpreter.get_signature_runner()
        unusual = {one["op_name"] for one in interpreter._get_ops_details()} - OPERATIONS
        if unusual or self.run._subgraph_index:
            raise ValueError(f"{GRAPH} has an operation that no classifier has, {min(unusual, default='a call')}")
        check_sizes(interpreter)
        found = {name: (one["dtype"], shape_of(one)) for name, one in self.run.get_input_details().items()}
        if found != {name: (dtype, (-1, *shape)) for name, (dtype, shape) in inputs.items()}:
            raise ValueError(f"{GRAPH} has other inputs than its description")
        outputs = {name: (one["dtype"], shape_of(one)) for name, one in self.run.get_output_details().items()}
        self.units = units = outputs.get(EMBEDDING, (None, (0,)))[1][-1]
        if outputs != {
            PROBABILITIES: (np.float32, (-1, members, classes)), EMBEDDING: (np.float32, (-1, members, units))
        }:  # fmt: skip
            raise ValueError(f"{GRAPH} has other outputs than its description")
        self.ask({name: np.zeros((1, *shape), dtype) for name, (dtype, shape) in inputs.items()})  # does it run at all?
        check_sizes(interpreter)

    def __call__(self, **inputs: np.ndarray) -> Outputs:
        """All inputs (N, ...) at once; raises `UserError` if the graph gives no probabilities."""
        try:
            outputs = self.ask(inputs)
        except (RuntimeError, ValueError) as error:
            reason = printable(" ".join(str(error).split())[:120])
            raise UserError(f"the classifier's graph does not run ({reason}); train or fetch it again") from None
        probabilities = outputs[PROBABILITIES]
        if not (np.abs(probabilities - 0.5) <= 0.5 + 1e-5).all():  # NaN, too
            raise UserError("the classifier's answers are no probabilities; train or fetch it again")
        return Outputs(probabilities, outputs[EMBEDDING])

    def ask(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with self.lock:
            return self.run(**inputs)


def check_sizes(interpreter: Any) -> None:
    """Raises `ValueError` if a tensor is larger than any of a classifier; of what depends on inputs, after a run."""
    if any(math.prod(map(int, one["shape"])) > MAX_VALUES for one in interpreter.get_tensor_details()):
        raise ValueError(f"{GRAPH} has a larger tensor than any classifier")


def shape_of(details: Mapping) -> tuple[int, ...]:
    return tuple(map(int, details["shape_signature"]))
