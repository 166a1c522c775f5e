"""The pipeline's stages, one script each. This runs before any of them."""

from fitness_tracker.core import environment as environment
