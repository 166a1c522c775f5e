"""The pose network: windows of features to probabilities and embeddings."""

from fitness_tracker.params import Pose
from fitness_tracker.pose.features import FEATURES
from fitness_tracker.tensorflow_setup import keras


def build_pose(pose: Pose, classes: int) -> keras.Model:
    """`pose.ensemble_size` networks side by side: windows (N, T, FEATURES) float32 of any length T to the mean of their
    probabilities (N, classes) and all their embeddings (N, ensemble_size x units), float32.

    Two dense layers are applied to each frame; their activations are pooled over the window by mean, maximum and
    standard deviation. The layer `exercise<n>` gives the probabilities of member n alone.
    """
    layers, ops = keras.layers, keras.ops
    windows = keras.Input((None, FEATURES), name="windows")
    probabilities, embeddings = [], []
    for n in range(1, pose.ensemble_size + 1):  # named layers: a name that Keras counts up would change the file
        frames = layers.BatchNormalization(name=f"scale{n}")(windows)
        for place in ("first", "second"):
            frames = layers.Dense(pose.units, use_bias=False, name=f"{place}{n}")(frames)
            frames = ops.relu(layers.BatchNormalization(name=f"{place}_scale{n}")(frames))
            frames = layers.SpatialDropout1D(pose.dropout / 3, name=f"{place}_dropout{n}")(frames)
        pools = [ops.mean(frames, axis=1), ops.max(frames, axis=1), ops.sqrt(ops.var(frames, axis=1) + 1e-4)]
        pooled = layers.Dropout(pose.dropout, name=f"pooled_dropout{n}")(ops.concatenate(pools, axis=-1))
        embeddings.append(layers.Dense(pose.units, activation="relu", name=f"embedding{n}")(pooled))
        last = layers.Dropout(pose.dropout, name=f"embedding_dropout{n}")(embeddings[-1])
        probabilities.append(layers.Dense(classes, activation="softmax", name=f"exercise{n}")(last))
    mean = sum(probabilities) / pose.ensemble_size
    return keras.Model(windows, [mean, ops.concatenate(embeddings, axis=-1)], name="pose")
