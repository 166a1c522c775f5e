"""The graph that is exported: from the landmarks of a window to probabilities, features included."""

from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.features import JOINTS, compute_features, normalize
from fitness_tracker.models.tensorflow_setup import keras

IMAGE, WORLD, OUTPUT = "image_landmarks", "world_landmarks", "probabilities"


def build_graph(classifier: PoseClassifier) -> keras.Model:
    """A graph from landmarks of windows (N, T, 33, 3), in pixels and in metres, to probabilities (N, K).

    They are the mean over the classifier's members, as in `predict_windows`.
    """
    ops = keras.ops
    image, world = (keras.Input((classifier.window, LANDMARKS, 3), name=name) for name in (IMAGE, WORLD))
    rows = [int(landmark) for landmark in JOINTS]
    poses = normalize(ops.take(world, rows, axis=2), ops.take(image, rows, axis=2), ops)
    windows = compute_features(poses, ops)  # (N, T, FEATURES)
    answers = []
    for number, network in enumerate(classifier.networks):
        member = classifier.build()
        member.set_weights(network.get_weights())
        member.name = f"member{number}"
        likely = ops.maximum(member(windows, training=False), 1e-12)
        answers.append(ops.softmax(ops.log(likely) / classifier.temperature))  # as `apply_temperature`
    return keras.Model([image, world], {OUTPUT: keras.layers.Average(name=OUTPUT)(answers)}, name="fitness_tracker")
