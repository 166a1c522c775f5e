"""The classic frame network, and the graph of several."""

from collections.abc import Sequence

import numpy as np

from fitness_tracker.core.params import Cnn
from fitness_tracker.models.cnn.classifier import FRAMES
from fitness_tracker.models.convert import join_members
from fitness_tracker.models.tensorflow_setup import keras


def build_cnn(cnn: Cnn, classes: int) -> keras.Model:
    """The classic frame network: (N, size, size, 3) uint8 RGB to (N, classes) probabilities, float32."""
    layers = keras.layers
    convolutions = []
    for number, filters in enumerate(cnn.filters, start=1):
        convolutions += [
            layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"convolution{number}"),
            layers.MaxPooling2D(name=f"pool{number}"),
        ]
    return keras.Sequential(
        [
            keras.Input((cnn.image_size, cnn.image_size, 3), dtype="uint8"),
            layers.Rescaling(1 / 255, name="scale"),
            *convolutions,
            layers.Flatten(name="flatten"),
            layers.Dense(cnn.dense_units, activation="relu", name="hidden"),
            layers.Dropout(cnn.dropout, name="dropout"),
            layers.Dense(classes, activation="softmax", name="exercise"),
        ],
        name="cnn",
    )


def build_graph(cnn: Cnn, classes: int, weights: Sequence[Sequence[np.ndarray]]) -> keras.Model:
    """From frames (N, size, size, 3) uint8 RGB to what `Graph` gives; `weights` of each member."""
    frames = keras.Input((cnn.image_size, cnn.image_size, 3), dtype="uint8", name=FRAMES)
    networks = []
    for arrays in weights:
        networks.append(build_cnn(cnn, classes))
        networks[-1].set_weights(arrays)
    return join_members([frames], frames, networks)
