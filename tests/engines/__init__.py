"""Both engines: the same expressions give the same artifacts on DuckDB and on Spark."""
