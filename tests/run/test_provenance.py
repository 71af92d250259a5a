"""The manifest in other people's forms, the same on every machine."""

import json
import re
from importlib.metadata import version

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rocrate.rocrate import ROCrate

from analysis.contract.stages import BILL, CRATE, MANIFEST, Stage
from analysis.run import bill, volume
from analysis.run.manifest import write_manifest
from tests.handmade import ROOT
from tests.run.tiny import go, make_run

LOCK = """\
babel==2.18.0 \\
    --hash=sha256:40918d3e6a2b619ad424cb91e556bd3bd8865443d9f22f1dcdf79e33c8046872
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:88ae3211e68a1d0b011504b2ffc1691feafce124b845bd072ab6f9f66f34d4b7
no-such-package==1.0
"""

pytestmark = pytest.mark.usefixtures("no_kernels")


def read(project, name):
    return json.loads((project / "data" / name).read_text(encoding="utf-8"))


def test_the_bill_of_materials_lists_what_the_lock_file_asks_for_here(project):
    (project / "requirements.lock").write_text(LOCK)
    bill.write_bill(make_run(project))
    text = (project / "data" / BILL).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    named = {
        c["name"]: (c["version"], c["licenses"], c["purl"]) for c in json.loads(text)["components"]
    }
    assert named == {
        "babel": ("2.18.0", [{"license": {"name": "BSD License"}}, {"license": {"name": "BSD-3-Clause"}}], "pkg:pypi/babel@2.18.0"),
        "no-such-package": ("1.0", [{"license": {"name": "not stated"}}], "pkg:pypi/no-such-package@1.0"),
    }  # fmt: skip
    assert not {"serialNumber", "timestamp"} & set(re.findall(r'"(\w+)"', text))


def test_the_projects_own_bill_is_valid_and_states_its_licences(project):
    (project / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    bill.write_bill(make_run(project))
    text = (project / "data" / BILL).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    assert len(components) > 100
    unstated = [
        c["name"] for c in components if c["licenses"] == [{"license": {"name": "not stated"}}]
    ]
    assert len(unstated) < 5, unstated


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        (["UNKNOWN", "MIT"], ["MIT"]),
        (["OSI Approved"], ["not stated"]),
        (["MIT License", "MIT License"], ["MIT License"]),
        (["BSD 3-Clause License\n\nCopyright (c) 2022"], ["not stated"]),
    ],
)
def test_only_names_of_licences_are_listed(stated, names):
    assert bill._named(stated) == [{"license": {"name": name}} for name in names]


def test_the_crate_says_what_was_made_of_what(project):
    go(project)
    crate = ROCrate(str(project / "data"))
    root = crate.root_dataset
    assert root["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    files = {entity.id for entity in root["hasPart"]}
    assert files == {*read(project, MANIFEST)["artifacts"], MANIFEST, BILL}
    actions = {action.id: action for action in root["mentions"]}
    show = actions["#run-02_show"]
    assert show["instrument"]["version"] == read(project, MANIFEST)["code"]["sha256"]
    assert show["instrument"]["name"] == "notebooks/02_show.ipynb"
    assert [entity.id for entity in show["object"]] == [
        "clean/users.qa.json", "#parameter-horizon_days"
    ]  # fmt: skip
    assert (
        show["result"][0]["sha256"]
        == read(project, MANIFEST)["artifacts"]["summary/figure.json"]["sha256"]
    )
    users = next(e for e in actions["#run-01_count"]["object"] if "users" in e.id)
    assert (users["name"], users["@type"]) == ("users.csv", "CreativeWork")


def test_every_reference_in_the_crate_leads_somewhere(project):
    go(project)
    graph = read(project, CRATE)["@graph"]
    held = [entity["@id"] for entity in graph]
    assert len(held) == len(set(held))
    named = set(re.findall(r'\{"@id": "([^"]+)"\}', json.dumps(graph)))
    assert named - set(held) == {"https://w3id.org/ro/crate/1.1"}


def test_both_are_the_same_bytes_again_and_elsewhere(project, tmp_path):
    go(project)
    first = [(project / "data" / name).read_bytes() for name in (BILL, CRATE, MANIFEST)]
    elsewhere = make_run(project, tmp_path / "elsewhere")
    from analysis.run import runner

    runner.run_stages(elsewhere, lambda *_: None)
    assert [(elsewhere.data / name).read_bytes() for name in (BILL, CRATE, MANIFEST)] == first
    assert str(tmp_path).encode() not in b"".join(first)


def test_the_manifest_says_how_much_each_stage_read_and_by_which_engine(project):
    go(project)
    manifest = read(project, MANIFEST)
    assert manifest["engine"] == {"name": "duckdb", "version": manifest["packages"]["duckdb"]}
    run = make_run(project, engine="spark", spark_url="sc://localhost:1")
    on_spark = write_manifest(run)
    assert on_spark["engine"] == {"name": "spark", "version": version("pyspark-client")}
    users, qa = project / "users.csv", project / "data/clean/users.qa.json"
    assert manifest["stages"] == {
        "01_count": {"rows_read": 1, "bytes_read": users.stat().st_size},
        "02_show": {"rows_read": 0, "bytes_read": qa.stat().st_size},
    }


def test_rows_are_those_of_input_tables_and_parquet_files(project):
    run = make_run(project, events=str(project / "events"))
    (project / "events").mkdir()
    for name in ("1.csv", "2.csv"):
        (project / "events" / name).write_text("user_id\na\n")
    (run.data / "clean").mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["a", "b", "c"]}), run.data / "clean/users.parquet")
    (run.data / "clean/events.qa.json").write_text('{"rows_read": 4}')
    stage = Stage("03", "", ("clean/users.parquet", "book/none.yml"), {}, ("events", "seed"))
    size = (run.data / "clean/users.parquet").stat().st_size
    assert volume.volume_read(run, stage) == {"rows_read": 3 + 4, "bytes_read": size + 2 * 10}
