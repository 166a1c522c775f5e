"""The pose network: windows of features to probabilities and embeddings."""

from fitness_tracker.params import Pose
from fitness_tracker.pose.features import FEATURES
from fitness_tracker.tensorflow_setup import keras


def build_pose(pose: Pose, classes: int) -> keras.Model:
    """Windows (N, T, FEATURES) float32 of any length T to probabilities (N, classes) and embeddings (N, units).

    Two dense layers are applied to each frame; their activations are pooled over the window by mean, maximum and
    standard deviation.
    """
    layers, ops = keras.layers, keras.ops
    windows = keras.Input((None, FEATURES), name="windows")
    frames = layers.BatchNormalization(name="scale")(windows)
    for place in ("first", "second"):  # named layers: a name that Keras counts up would change the file
        frames = layers.Dense(pose.units, use_bias=False, name=place)(frames)
        frames = ops.relu(layers.BatchNormalization(name=f"{place}_scale")(frames))
        frames = layers.SpatialDropout1D(pose.dropout / 3, name=f"{place}_dropout")(frames)
    pools = [ops.mean(frames, axis=1), ops.max(frames, axis=1), ops.sqrt(ops.var(frames, axis=1) + 1e-4)]
    pooled = layers.Dropout(pose.dropout, name="pooled_dropout")(ops.concatenate(pools, axis=-1))
    embedding = layers.Dense(pose.units, activation="relu", name="embedding")(pooled)
    last = layers.Dropout(pose.dropout, name="embedding_dropout")(embedding)
    probabilities = layers.Dense(classes, activation="softmax", name="exercise")(last)
    return keras.Model(windows, [probabilities, embedding], name="pose")
