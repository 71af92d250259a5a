"""What every room uses and what knows nothing of churn: time, the engine, statistics, files."""
