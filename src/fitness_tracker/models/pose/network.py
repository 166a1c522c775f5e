"""The pose network: windows of features to probabilities."""

from fitness_tracker.core.params import Pose
from fitness_tracker.models.pose.features import FEATURES
from fitness_tracker.models.tensorflow_setup import keras


def build_pose(pose: Pose, classes: int) -> keras.Model:
    """Windows (N, T, FEATURES) float32 of any length T to probabilities (N, classes).

    Two dense layers are applied to each frame. Their activations are pooled over the window by mean, maximum and
    standard deviation, and the scaled features themselves by these, the minimum and the mean change from frame to
    frame: with the raw statistics one network knows what a forest on them knew beside it.
    """
    layers, ops = keras.layers, keras.ops
    windows = keras.Input((None, FEATURES), name="windows")
    scaled = frames = layers.BatchNormalization(name="scale")(windows)
    for place in ("first", "second"):  # named layers: a name that Keras counts up would change the file
        frames = layers.Dense(pose.units, use_bias=False, name=place)(frames)
        frames = ops.relu(layers.BatchNormalization(name=f"{place}_scale")(frames))
        frames = layers.SpatialDropout1D(pose.dropout / 3, name=f"{place}_dropout")(frames)
    pools = [pool for values in (frames, scaled) for pool in (
        ops.mean(values, axis=1), ops.max(values, axis=1), ops.sqrt(ops.var(values, axis=1) + 1e-4)
    )]  # fmt: skip
    pools += [ops.min(scaled, axis=1), ops.mean(ops.abs(scaled[:, 1:] - scaled[:, :-1]), axis=1)]
    pooled = layers.Dropout(pose.dropout, name="pooled_dropout")(ops.concatenate(pools, axis=-1))  # (N, pools)
    hidden = layers.Dense(pose.units, activation="relu", name="hidden")(pooled)
    hidden = layers.Dropout(pose.dropout, name="hidden_dropout")(hidden)
    return keras.Model(windows, layers.Dense(classes, activation="softmax", name="exercise")(hidden), name="pose")
