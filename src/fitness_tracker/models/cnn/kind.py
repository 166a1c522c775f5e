"""The frame classifier as a kind of model."""

from fitness_tracker.models.cnn.classifier import feature_definition as feature_definition
from fitness_tracker.models.cnn.classifier import load as load
from fitness_tracker.models.cnn.training import fit as fit

INPUT, SUFFIX = "frames", ".zip"
