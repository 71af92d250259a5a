"""The churn book: one package per chapter, and what the chapters share."""
