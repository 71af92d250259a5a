"""The room of the model: features, models, decisions and scores."""

from analysis.model.chapter_features import Features
from analysis.model.chapter_model import Model
from analysis.model.chapter_scoring import Scoring

__all__ = ["Features", "Model", "Scoring"]
