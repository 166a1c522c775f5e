"""Recognises exercises in videos, and says honestly how well."""
