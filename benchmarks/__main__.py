"""`make bench`: every study at a size that takes minutes, into a temporary folder.

The studies that the appendix shows take hours; each module says how it is run in full.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import simulation

SMALL = {
    "detection": ["--users", "300", "--clean", "2", "--seeds", "1"],
    "honest": ["--users", "200", "--seeds", "1", "--data-only"],
    "real": ["--logs", "simulated"],
    "truth": ["--runs", "2", "--users", "500", "--population", "5000", "--draws", "100"],
    "scale": ["--events", "200000"],
    "best": ["--runs", "1", "--users", "2000", "--population", "5000"],
}


def main() -> None:
    """Run each study small; stop at the first that fails."""
    with tempfile.TemporaryDirectory() as folder:
        for name, words in SMALL.items():
            out = ["--out", str(Path(folder) / f"{name}.csv")]
            if name == "real":
                simulation.write(simulation.simulate(500), Path(folder) / "logs" / "simulated")
                words = [str(Path(folder) / "logs"), *words]
            if name in ("detection", "honest"):
                out += ["--runs", str(Path(folder) / f"{name}_runs.csv")]
            print(f"{name}: {' '.join(words)}", flush=True)
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words, *out], check=True)


if __name__ == "__main__":
    main()
