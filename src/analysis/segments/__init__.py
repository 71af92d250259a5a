"""The chapter on segments of users."""

from analysis.segments.chapter import Segments

__all__ = ["Segments"]
