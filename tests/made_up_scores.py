"""Scores of made-up users whose risk is known."""

import numpy as np
import pandas as pd

# four users, best score first: churner, stayer, then a churner and a stayer who tie
CHURNED = np.array([1.0, 0.0, 1.0, 0.0])
PROBA = np.array([0.9, 0.8, 0.4, 0.4])


def make_scores(users: int, seed: int, spread: float = 1.0) -> pd.DataFrame:
    """Users whose true log-odds are known; `model` multiplies them by `spread`."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-0.5, 1.2, users)
    churned = (rng.random(users) < 1 / (1 + np.exp(-odds))).astype(float)
    return pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(users)],
            "churned": churned,
            "model": 1 / (1 + np.exp(-spread * odds)),
            "recency_only": 1 / (1 + np.exp(-(0.4 * odds + rng.normal(0, 0.7, users)))),
            "base_rate": 0.4,
        }
    )
