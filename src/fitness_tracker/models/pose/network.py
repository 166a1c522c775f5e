"""The pose network: windows of features to probabilities; and the graph of several, from windows of landmarks."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.core.files import npz_bytes
from fitness_tracker.core.params import Pose
from fitness_tracker.models.convert import join_members, round_weights, to_tflite
from fitness_tracker.models.graph import Graph
from fitness_tracker.models.pose.classifier import IMAGE, WORLD, pose_graph
from fitness_tracker.models.pose.features import FEATURES, JOINTS, compute_features, normalize, square_root
from fitness_tracker.models.tensorflow_setup import keras

MAX_WEIGHTS_BYTES = 2**28  # of all members: ours have 3 MB


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
        ops.mean(values, axis=1), ops.max(values, axis=1), square_root(ops.var(values, axis=1) + 1e-4, ops)
    )]  # fmt: skip
    pools += [ops.min(scaled, axis=1), ops.mean(ops.abs(scaled[:, 1:] - scaled[:, :-1]), axis=1)]
    pooled = layers.Dropout(pose.dropout, name="pooled_dropout")(ops.concatenate(pools, axis=-1))  # (N, pools)
    hidden = layers.Dense(pose.units, activation="relu", name="hidden")(pooled)
    hidden = layers.Dropout(pose.dropout, name="hidden_dropout")(hidden)
    return keras.Model(windows, layers.Dense(classes, activation="softmax", name="exercise")(hidden), name="pose")


def build_graph(pose: Pose, window: int, exercises: Sequence[int], weights: bytes) -> keras.Model:
    """From landmarks of windows (N, T, 33, 3), in pixels and in metres, to what `Graph` gives.

    `exercises` are the numbers of the exercises of the networks' classes, whose probabilities add up; `weights` are of
    `pack_weights`. Raises `ValueError` if they do not fit.
    """
    ops = keras.ops
    image, world = (keras.Input((window, LANDMARKS, 3), name=name) for name in (IMAGE, WORLD))
    rows = [int(landmark) for landmark in JOINTS]
    poses = normalize(ops.take(world, rows, axis=2), ops.take(image, rows, axis=2), ops)
    networks = []
    for arrays in unpack_weights(weights):
        networks.append(build_pose(pose, len(exercises)))
        networks[-1].set_weights(arrays)
    return join_members([image, world], compute_features(poses, ops), networks, exercises)


def make_graph(pose: Pose, window: int, exercises: Sequence[int], weights: bytes) -> Graph:
    """The graph of the members whose `weights` were packed, as it is kept and asked."""
    network = build_graph(pose, window, exercises, weights)
    return pose_graph(to_tflite(network), window, len(unpack_weights(weights)), max(exercises) + 1)


def pack_weights(members: Sequence[Sequence[np.ndarray]]) -> bytes:
    """The bytes of an `.npz` of the members' weights, rounded as they are kept."""
    return npz_bytes({
        f"{member:03d}_{number:03d}": array
        for member, weights in enumerate(members) for number, array in enumerate(round_weights(weights))
    })  # fmt: skip


def unpack_weights(content: bytes) -> list[list[np.ndarray]]:
    """What `pack_weights` packed, in float32, for each member; raises `ValueError` or `BadZipFile` if it is not."""
    members: dict[str, list[np.ndarray]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:  # it may come from somebody else
        if sum(info.file_size for info in archive.infolist()) > MAX_WEIGHTS_BYTES:
            raise ValueError("more than any classifier has")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for name in sorted(arrays.files):
            members.setdefault(name.partition("_")[0], []).append(arrays[name].astype(np.float32))
    return list(members.values())
