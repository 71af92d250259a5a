"""The chapter that asks whether the data can be trusted."""
