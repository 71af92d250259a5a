"""Checks: one per fault, each a pure function from artifacts to a verdict.

The sentences about them live in book/checks.yml, one entry per check.
"""

from analysis.checks.verdict import Verdict, not_applicable, to_table

__all__ = ["Verdict", "not_applicable", "to_table"]
