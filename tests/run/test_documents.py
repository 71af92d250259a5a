"""The files that follow from the declarations are as the declarations say."""

import yaml

from analysis.contract import catalogue
from analysis.contract.stages import STAGES
from analysis.run import documents
from tests.handmade import ROOT


def test_the_table_of_contents_is_the_one_declared():
    assert (ROOT / documents.TOC).read_text(encoding="utf-8") == documents.render_toc()


def test_the_table_of_contents_holds_every_chapter_and_page_once():
    toc = yaml.safe_load(documents.render_toc())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert len(files) == len(set(files))
    assert {f"book/chapters/{stage.name}" for stage in STAGES} <= set(files)
    pages = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    assert pages == {file for file in files if "chapters" not in file}


def test_the_page_on_data_lists_every_artifact_with_its_stage():
    text = (ROOT / documents.DATA_README).read_text(encoding="utf-8")
    assert text == documents.render_data_readme()
    for stage in STAGES:
        for name, path in stage.writes.items():
            assert f"| `{path}` | {catalogue.title_of(name)} | {stage.name} |" in text


def test_documents_are_written_only_when_they_changed(tmp_path):
    (tmp_path / "data").mkdir()
    assert documents.write_documents(tmp_path) == [documents.TOC, documents.DATA_README]
    assert documents.write_documents(tmp_path) == []
