"""Every number in the book by key, the findings and the actions."""

from analysis.summary.chapter import Summary

__all__ = ["Summary"]
