"""Whether there is nothing to do: what a build reads is as it was, and all it made is there.

Decided by digests that are remembered (see run.digests), without the engine, notebooks or Sphinx.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from analysis.contract import stages
from analysis.contract.stages import ABOUT_RUN, MANIFEST
from analysis.run.digests import is_as_recorded, sha256
from analysis.run.folders import (
    RUN,
    SIMULATE,
    SITE,
    UNFINISHED,
    Run,
    outputs_of,
    simulated_tables,
)  # fmt: skip
from analysis.run.sources import sources_of_site, sources_of_stages
from analysis.run.state import part, read_json


def is_stale(run: Run) -> bool:
    """Say whether there are pages, and of other data than those that are there now."""
    if not (run.html / "index.html").is_file():
        return False
    manifest = run.data / MANIFEST
    return not manifest.is_file() or read_json(run.record(SITE)).get("manifest") != sha256(manifest)


def are_stages_current(run: Run) -> bool:
    """Say whether the last run of the stages ended, and another would change nothing."""
    record = read_json(run.record(RUN))
    if not record.get("is_finished") or (run.data / UNFINISHED).exists():
        return False
    records = [read_json(run.record(stage.name)) for stage in stages.STAGES]
    return (
        all(of_stage.get("run") == record.get("run") for of_stage in records)
        and record.get("sources") == sources_of_stages(run)
        and _are_as_recorded(_artifacts(run))
    )


def is_site_current(run: Run, locales: Sequence[str], given: Run | None = None) -> bool:
    """Say whether the pages are all there, in the languages of `locales`, as a whole build would
    make them of the artifacts.
    """
    record = read_json(run.record(SITE))
    return (
        is_as_recorded(run.data / MANIFEST, record.get("manifest"))
        and record.get("languages") == list(dict.fromkeys(locales))
        and record.get("sources") == sources_of_site(run, given)
        and _are_as_recorded((run.html / n, d) for n, d in part(record, "outputs").items())
    )


def _artifacts(run: Run) -> Iterator[tuple[Path, object]]:
    """Yield every file that stages and runner made, with its recorded digest."""
    places = {SIMULATE: simulated_tables(run), RUN: {name: run.data / name for name in ABOUT_RUN}}
    places |= {stage.name: outputs_of(run, stage) for stage in stages.STAGES}
    for name, files in places.items():
        outputs = part(read_json(run.record(name)), "outputs")
        yield from ((path, outputs.get(key)) for key, path in files.items())


def _are_as_recorded(files: Iterable[tuple[Path, object]]) -> bool:
    return all(is_as_recorded(path, recorded) for path, recorded in files)
