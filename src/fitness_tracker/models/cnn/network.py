"""The classic frame network."""

from fitness_tracker.core.params import Cnn
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
