"""The published case, recomputed by its own definitions, faults included, from any tables."""

from analysis.published.case_figures import AS_PUBLISHED
from analysis.published.chapter import Published

__all__ = ["AS_PUBLISHED", "Published"]
