"""The pose classifier as a kind of model."""

from fitness_tracker.models.pose.classifier import feature_definition as feature_definition
from fitness_tracker.models.pose.classifier import load as load
from fitness_tracker.models.pose.training import fit as fit

INPUT, SUFFIX = "landmarks", ".npz"
