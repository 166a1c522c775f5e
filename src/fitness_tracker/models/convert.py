"""From networks in Keras to the graph that answers: `classifier.tflite`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.models.graph import EMBEDDING, GRAPH, PROBABILITIES
from fitness_tracker.models.tensorflow_setup import keras, tf


def join_members(inputs: Sequence, values: object, networks: Sequence[keras.Model]) -> keras.Model:
    """A network from `inputs` to what `Graph` gives; `values`, made of them, is what each member's network takes."""
    members = [
        keras.Model(network.inputs, [network.get_layer("exercise").output, network.get_layer("hidden").output],
                    name=f"member{number}")
        for number, network in enumerate(networks)
    ]  # fmt: skip
    outputs = zip(*(member(values, training=False) for member in members), strict=True)
    probabilities, embedding = (keras.ops.stack(of_members, axis=1) for of_members in outputs)
    return keras.Model(
        list(inputs), {PROBABILITIES: probabilities, EMBEDDING: embedding}, name="fitness_tracker"
    )  # fmt: skip


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
