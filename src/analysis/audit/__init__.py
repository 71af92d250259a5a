"""The audit of the two tables and of their log: rules, measures, and the checks on them."""

from analysis.audit.chapter import Audit

__all__ = ["Audit"]
