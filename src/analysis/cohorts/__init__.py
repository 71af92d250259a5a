"""The chapter on retention, survival and the monthly figures."""

from analysis.cohorts.chapter import Cohorts

__all__ = ["Cohorts"]
