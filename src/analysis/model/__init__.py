"""The chapters on features, the churn model and its scores."""
