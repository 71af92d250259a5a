"""Studies and measurements: `python -m benchmarks` lists them; none is a timed test."""
