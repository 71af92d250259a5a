"""A table that Spark wrote is a folder of files, and an artifact as good as any file."""

import json
from dataclasses import replace

import pytest
from rocrate.rocrate import ROCrate

from analysis.base import engine
from analysis.base.files import keep_private
from analysis.contract import stages
from analysis.contract.stages import CRATE, MANIFEST
from analysis.run import digests, lock, ownership, runner, state, verify, volume
from analysis.run.current import are_stages_current
from analysis.run.record import check_inputs
from tests.run import tiny

EVENTS = "clean/events.parquet"
WRITE = "\nimport pandas as pd\ntable = folder / 'events.parquet'\n"
AS_FILE = (
    tiny.CELLS["01_count"][1]
    + WRITE
    + ("pd.DataFrame({'user_id': ['a', 'b', 'c']}).to_parquet(table)")
)
AS_FOLDER = (
    tiny.CELLS["01_count"][1]
    + WRITE
    + (
        "table.mkdir()\n"
        "for number, users in enumerate([['a', 'b'], ['c']]):\n"
        "    frame = pd.DataFrame({'user_id': users})\n"
        "    frame.to_parquet(table / f'part-{number:05d}.parquet')"
    )
)


@pytest.fixture
def run(project, tmp_path, monkeypatch, no_kernels):
    """A finished run whose first stage writes a folder, which the second reads."""
    writes = {**tiny.COUNT.writes, "events": EVENTS}
    first = replace(tiny.COUNT, writes=writes)
    second = replace(tiny.SHOW, reads=(*tiny.SHOW.reads, EVENTS))
    monkeypatch.setattr(stages, "STAGES", (first, second))
    run = tiny.make_run(project, tmp_path / "out")
    build(run, project, AS_FOLDER)
    return run


def build(run, project, code):
    tiny.write_notebook(project, "01_count", [tiny.CELLS["01_count"][0], code])
    with lock.hold(run, wait=False, say=print):
        return runner.run_stages(run, lambda *_: None)


def changes(run):
    return [line for line in verify.find_differences(run).lines if line.startswith(("C", "M", "A"))]


def test_it_is_up_to_date_until_a_part_changes(run, project):
    assert build(run, project, AS_FOLDER) == []
    assert are_stages_current(run)
    assert verify.find_differences(run).is_different is False
    part = run.data / EVENTS / "part-00001.parquet"
    content = part.read_bytes()
    part.unlink()
    assert not are_stages_current(run)
    assert changes(run) == [f"Changed: data/{EVENTS}. 01_count would write it again."]
    part.write_bytes(content)
    assert are_stages_current(run)
    (part.parent / "more.parquet").write_bytes(content)
    assert changes(run) == [f"Changed: data/{EVENTS}. 01_count would write it again."]
    state.discard(part.parent)
    assert changes(run) == [f"Missing: data/{EVENTS}. 01_count would write it again."]
    assert build(run, project, AS_FOLDER) == ["01_count"]
    assert digests.files_in(part.parent) == [part.parent / "part-00000.parquet", part]


def test_a_file_takes_its_place_and_the_other_way_round(run, project):
    assert "01_count" in build(run, project, AS_FILE)
    assert (run.data / EVENTS).is_file()
    assert "01_count" in build(run, project, AS_FOLDER)
    assert len(digests.files_in(run.data / EVENTS)) == 2
    assert verify.find_differences(run).is_different is False


def test_manifest_and_crate_say_that_it_is_a_folder(run):
    entry = json.loads((run.data / MANIFEST).read_text())["artifacts"][EVENTS]
    parts = digests.files_in(run.data / EVENTS)
    assert entry["files"] == 2
    assert entry["bytes"] == sum(part.stat().st_size for part in parts)
    assert entry["sha256"] == digests.combined(map(digests.sha256, parts)) != ""
    crate = ROCrate(str(run.data))
    folder = crate.get(f"{EVENTS}/")
    assert (folder.type, folder["description"]) == ("Dataset", "Files: 2.")
    actions = {action.id: action for action in crate.root_dataset["mentions"]}
    assert folder in actions["#run-01_count"]["result"]
    assert folder in actions["#run-02_show"]["object"]
    assert f'"@id": "{EVENTS}"' not in (run.data / CRATE).read_text()


def test_rows_of_all_parts_are_read(run):
    read = volume.volume_read(run, stages.STAGES[1])
    assert read["rows_read"] == 3
    assert read["bytes_read"] > sum(p.stat().st_size for p in digests.files_in(run.data / EVENTS))


def test_it_is_removed_whole(run):
    ownership.remove(run, [f"data/{EVENTS}"])
    assert not (run.data / EVENTS).exists()
    assert (run.data / "clean/users.qa.json").exists()


def test_its_parts_are_no_input_of_the_run_that_writes_them(run):
    params = run.params.model_copy(update={"events": str(run.data / EVENTS)})
    with pytest.raises(Exception, match="is a file that this run writes"):
        check_inputs(replace(run, params=params))


def test_nobody_else_reads_its_parts(run):
    keep_private(run.data / EVENTS)
    modes = [
        p.stat().st_mode & 0o777 for p in (run.data / EVENTS, *digests.files_in(run.data / EVENTS))
    ]
    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.parametrize("made", [AS_FILE, AS_FOLDER])
def test_names_of_folders_above_it_are_no_columns(project, run, made):
    place = project / "team=a" / "[x]"
    place.mkdir(parents=True)
    build(run, project, made)
    state.move(run.data / EVENTS, place / "events.parquet")
    events = engine.read(engine.in_process(), str(place / "events.parquet"))
    assert events.columns == ("user_id",)
    assert events.count().execute() == 3


def test_what_is_hidden_is_no_part(tmp_path):
    (tmp_path / ".part.crc").write_text("x")
    assert digests.files_in(tmp_path) == []
    assert not digests.is_as_recorded(tmp_path, "x")
