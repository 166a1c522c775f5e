"""From networks in Keras to the graph that answers: `classifier.tflite`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.models.graph import EMBEDDING, GRAPH, PROBABILITIES
from fitness_tracker.models.tensorflow_setup import keras, tf


def join_members(
    inputs: Sequence, values: object, networks: Sequence[keras.Model], sums: Sequence[int] | None = None
) -> keras.Model:
    """A network from `inputs` to what `Graph` gives; `values`, made of them, is what each member's network takes.

    If given, `sums` are the labels, by number, to which the probabilities of the networks' classes add up.

    Softmax is written out, with sums over an axis that is not the last: see `pose/features.py`.
    """
    ops = keras.ops
    embeddings, logits = [], []
    for number, network in enumerate(networks):
        hidden, last = network.get_layer("hidden"), network.get_layer("exercise")
        member = keras.Model(network.inputs, hidden.output, name=f"member{number}")
        embeddings.append(member(values, training=False))
        logits.append(ops.matmul(embeddings[-1], last.kernel) + last.bias)
    together = ops.stack(logits, axis=-1)  # (N, K, M)
    likely = ops.exp(together - ops.max(together, axis=1, keepdims=True))
    probabilities = ops.transpose(likely / ops.sum(likely, axis=1, keepdims=True), (0, 2, 1))
    if sums is not None:
        probabilities = ops.matmul(probabilities, np.eye(max(sums) + 1, dtype=np.float32)[list(sums)])
    outputs = {PROBABILITIES: probabilities, EMBEDDING: ops.stack(embeddings, axis=1)}
    return keras.Model(list(inputs), outputs, name="fitness_tracker")


def to_tflite(network: keras.Model) -> bytes:
    """The bytes of a `.tflite` whose weights are float16; the same network gives the same bytes.

    LiteRT widens them to float32 when it loads them, and computes in float32.
    """
    target = {"supported_types": [tf.float16], "supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / GRAPH
        network.export(
            path, format="litert", verbose=False, optimizations=[tf.lite.Optimize.DEFAULT], target_spec=target
        )
        return path.read_bytes()


def round_weights(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Weights as they are kept: matrices in float16, vectors, which are few, in float32."""
    return [array.astype(np.float16 if array.ndim > 1 else np.float32) for array in weights]
