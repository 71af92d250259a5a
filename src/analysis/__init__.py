"""Helpers of the churn book: one module per term of the field."""
