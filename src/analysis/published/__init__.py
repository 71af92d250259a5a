"""The published case, recomputed by its own definitions, faults included, from any tables."""

from analysis.published.clusters import CaseClusters, case_clusters
from analysis.published.figures import AS_PUBLISHED, Case, published_figures, run_case
from analysis.published.model import CaseModels, case_models
from analysis.published.results import Absent, Figure
from analysis.published.scores import case_buckets, case_means, case_scores, case_segments, case_top
from analysis.published.tables import (
    Relational,
    case_cohorts,
    case_features,
    case_latency,
    case_relational,
    case_retention,
)

__all__ = [
    "AS_PUBLISHED",
    "Absent",
    "Case",
    "CaseClusters",
    "CaseModels",
    "Figure",
    "Relational",
    "case_buckets",
    "case_clusters",
    "case_cohorts",
    "case_features",
    "case_latency",
    "case_means",
    "case_models",
    "case_relational",
    "case_retention",
    "case_scores",
    "case_segments",
    "case_top",
    "published_figures",
    "run_case",
]
