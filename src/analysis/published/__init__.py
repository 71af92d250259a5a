"""The published case, recomputed by its own definitions, faults included, from any tables."""

from analysis.published.chapter import Published

__all__ = ["Published"]
