"""`python -m analysis.run` is `churnbook`."""

from analysis.run.cli import app

if __name__ == "__main__":
    app()
