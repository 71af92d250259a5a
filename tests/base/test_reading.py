import codecs
import contextlib
import csv
import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.base import csv_files, engine
from analysis.base.dialects import Given
from analysis.base.errors import ReportError
from analysis.base.reading import scan

CON = engine.connect()
HEADER = ["id", "day", "note"]
ROWS = [["1", "2025-01-05", "a"], ["2", "2025-01-06", None]]
CSV = "id,day,note\n1,2025-01-05,a\n2,2025-01-06,\n"


def save(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path, required=("id",), numbers=(), **given_):
    files = engine.list_files(str(path), "users")
    return scan(CON, files, "users", Given.of(given_), required, numbers)


def rows_of(source):
    names = source.table.columns
    found = [[row[n] for n in names] for row in source.table.to_pyarrow().to_pylist()]
    assert len(found) == source.rows
    return sorted(found, key=str)


def refused(path, message, **given_):
    with pytest.raises(ReportError, match=message) as caught:
        rows_of(read(path, **given_))
    return str(caught.value)


def zipped(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


JSON_LINES = '{"id": 1, "day": "2025-01-05", "note": "a"}\n{"id": "2", "day": "2025-01-06"}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("u.csv", CSV),
        ("u.CSV", CSV),
        ("u.txt", CSV),
        ("u.tsv", CSV.replace(",", "\t")),
        ("u.csv", CSV.replace(",", "|")),
        ("u.csv", "\ufeff" + CSV),
        ("u.csv", CSV.encode("utf-16")),
        ("u.csv", codecs.BOM_UTF16_BE + CSV.encode("utf-16-be")),
        ("u.csv", CSV.replace("\n", "\r\n")),
        ("u.csv", CSV.replace("\n", "\r")),
        ("u.csv", CSV.replace("5,a\n", "5,a\r\n")),
        ("u.csv", "\n\n" + CSV.replace("\n", "\n\n") + "  \n"),
        ("u.csv", "sep=;\r\n" + CSV.replace(",", ";")),
        ("u.csv", CSV[:-1]),
        ("u.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("u.tsv.gz", gzip.compress(CSV.replace(",", "\t").encode("utf-16"), mtime=0)),
        ("u.zip", zipped({"u.csv": CSV})),
        ("u.zip", zipped({"x/1.csv": CSV[:27], "x/2.csv": CSV[:12] + CSV[27:],
                          "__MACOSX/x/._1.csv": b"\0", "x/.DS_Store": b"\0"})),
        ("u.zip", zipped({"u.csv.gz": gzip.compress(CSV.encode(), mtime=0)})),
        ("u.jsonl", JSON_LINES),
        ("u.json", "\ufeff" + JSON_LINES),
        ("u.ndjson.gz", gzip.compress(JSON_LINES.encode(), mtime=0)),
        ("u.json", "[" + JSON_LINES.replace("}\n{", "},\n{") + "]"),
    ],
)  # fmt: skip
def test_one_table_in_every_way_of_writing_it(tmp_path, name, content):
    source = read(save(tmp_path, name, content))
    assert list(source.table.columns) == HEADER
    assert rows_of(source) == ROWS


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_plain_file_is_read_by_the_engine_where_it_is(tmp_path, monkeypatch, end, mark):
    monkeypatch.delattr(csv_files, "_exact_csv")
    text = "\ufeff" + CSV.replace(",", mark).replace("\n", end)
    path = save(tmp_path, "u.csv", text)
    assert rows_of(read(path)) == ROWS


def test_a_file_in_windows_1252_is_recognised_and_said(tmp_path):
    content = "id,day,note\n1,2025-01-05,José Muñoz – café\n"
    source = read(save(tmp_path, "u.csv", content, "cp1252"))
    assert rows_of(source)[0][2] == "José Muñoz – café"
    assert source.files[0]["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Łódź", "cp1250"), ("Привет", "cp1251"), ("café José", "mac_roman"), ("東京", "shift_jis"),
     ("Müller", "cp850")],
)  # fmt: skip
def test_another_encoding_is_asked_for_and_read_when_it_is_given(tmp_path, text, encoding):
    path = save(tmp_path, "u.csv", f"id,day,note\n1,2025-01-05,{text}\n", encoding)
    refused(path, r"is not utf-8 \(line 2\).*name its encoding in users_format")
    assert rows_of(read(path, encoding=encoding))[0][2] == text


def test_text_that_is_not_in_its_encoding_is_refused_with_its_line(tmp_path):
    latin = (CSV + "3,2025-01-07,é\n").encode("latin-1")
    refused(save(tmp_path, "u.csv", codecs.BOM_UTF8 + latin), r"not utf-8-sig \(line 4\)")
    refused(save(tmp_path, "v.csv", latin), r"not ascii \(line 4\)", encoding="ascii")
    refused(save(tmp_path, "w.csv", CSV.encode("utf-16")[:-1]), "is not utf-16")


def test_nul_bytes_are_refused_with_their_line(tmp_path):
    refused(save(tmp_path, "u.csv", CSV.replace("a", "\0", 2)), "line 1 has a NUL byte")
    path = save(tmp_path, "v.csv", CSV, "utf-16-le")
    refused(path, r"NUL byte.*utf-16-le")
    assert rows_of(read(path, encoding="utf-16-le")) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("u.csv", "", "has no rows: the file is empty"),
        ("u.csv", "id,day,note\n1,2\n", "line 2 has 2 cells, the header has 3: '1,2'.*cut off"),
        ("u.csv", "id,day,note\n1,2,3\n\n1,2,3,4\n", "line 4 has 4 cells"),
        ("u.csv", "id,day,note\n1,2,3\n1;2;3\n", "line 3 has 1 cell, .* split by ';', the header"),
        ("u.csv", 'id,day,note\n1,2,"a\n4,5,6\n', "not balanced in the row that starts on line 2"),
        ("u.csv", 'id,day,note\n1,2,3\n1,"2"x,3\n', "row that starts on line 3"),
        ("u.csv", "id,day,note\n1,2\rx,3\n", "line 2 has 2 cells"),
        ("u.csv", "<!DOCTYPE html>\n<html>", "is a web page"),
        ("u.csv", '{"error": "not found"}', "is JSON, not CSV"),
        ("u.csv", b"PAR1....PAR1", "is Parquet by its first bytes"),
        ("u.csv", gzip.compress(b"x", mtime=0), "is gzip by its first bytes. Rename it to u.csv.gz"),
        ("u.csv", zipped({"a.csv": CSV}), "is zip by its first bytes. Rename it to u.zip"),
        ("u.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a spreadsheet.*save the sheet as CSV"),
        ("u.csv", zipped({"[Content_Types].xml": ""}), "is a spreadsheet"),
        ("u.zip", zipped({"[Content_Types].xml": ""}), "is a spreadsheet"),
        ("u.xlsx", zipped({"[Content_Types].xml": ""}), "is a spreadsheet"),
        ("u.csv", b"\x28\xb5\x2f\xfd0000", "is packed with zstd. Unpack it"),
        ("u.csv.gz", CSV, "is no gzip by its first bytes"),
        ("u.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-9], "is cut off or damaged"),
        ("u.zip", zipped({"a.csv": CSV})[:-30], "is no zip file, cut off or damaged"),
        ("u.zip", CSV, "is no zip file"),
        ("u.zip", zipped({"a.csv": CSV, "b.docx": ""}), "holds 'b.docx'"),
        ("u.zip", zipped({"a.csv": CSV, "b.jsonl": JSON_LINES}), "CSV and JSON; give files of one kind"),
        ("u.zip", zipped({}), "holds no file"),
        ("u.parquet", CSV, "is no Parquet by its first bytes"),
        ("u.parquet", b"PAR1" + b"\0" * 50, "is cut off or damaged"),
        ("u.jsonl", JSON_LINES + '{"id": 3, ', "line 3 is not one JSON object"),
        ("u.jsonl", JSON_LINES + "[1]\n", "line 3 is not one JSON object"),
        ("u.jsonl", CSV, "line 1 is not one JSON object.*give it the ending .csv"),
        ("u.json", '{\n"id": 1\n}\n', "line 1 is not one JSON object"),
        ("u.json", '[{"id": 1}, 2]', "an item of the list is not one JSON object"),
        ("u.jsonl", '{"id": 1, "id": 2}\n', "duplicate key"),
        ("u.jsonl", '{"id": 1, "ID": 2}\n', "the name 'ID' more than once"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_file_line_and_remedy(tmp_path, name, content, message):
    path = save(tmp_path, name, content)
    assert f"users: '{path}'" in refused(path, message)


def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path):
    pd.DataFrame({"id": range(1000)}).to_parquet(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    refused(save(tmp_path, "u.parquet", whole[: len(whole) // 2]), "is cut off or damaged")


def test_a_header_repeated_between_the_rows_is_left_out_and_counted(tmp_path):
    source = read(save(tmp_path, "u.csv", CSV + "\ufeff" + CSV + CSV[:12]))
    assert rows_of(source) == sorted(ROWS * 2, key=str)
    assert source.files[0]["repeated_headers"] == 2


def test_a_repeated_header_in_capitals_is_no_row(tmp_path):
    source = read(save(tmp_path, "u.csv", CSV + CSV.replace("id,day,note", "ID, Day,NOTE")))
    assert rows_of(source) == sorted(ROWS * 2, key=str)
    assert source.files[0]["repeated_headers"] == 1


def test_a_second_header_in_another_order_is_refused(tmp_path):
    path = save(tmp_path, "u.csv", CSV + "day,id,note\n2025-01-07,3,b\n")
    refused(path, "second header stands between the rows, in another order: 'day, id, note'")


def test_a_user_called_like_a_column_is_a_user(tmp_path):
    rows = rows_of(read(save(tmp_path, "u.csv", CSV + "id,2025-01-07,c\nday,2025-01-07,c\n")))
    assert [row[0] for row in rows] == ["1", "2", "day", "id"]


def test_a_folder_whose_columns_grow_is_one_table_and_says_so(tmp_path):
    save(tmp_path, "t/1.csv", "id,day\n1,2025-01-05\n")
    save(tmp_path, "t/2.csv.gz", gzip.compress(b"day;id;note\n2025-01-06;2;b\n", mtime=0))
    save(tmp_path, "t/.hidden.csv", b"\0")
    source = read(tmp_path / "t")
    assert rows_of(source) == [["1", "2025-01-05", None], ["2", "2025-01-06", "b"]]
    said = [(f["files"], f["packing"], f["delimiter"], f["columns_absent"]) for f in source.files]
    assert said == [(1, "none", "comma", 1), (1, "gzip", "semicolon", 0)]


def test_a_file_of_a_folder_that_lacks_what_the_others_must_have_is_named(tmp_path):
    save(tmp_path, "t/1.csv", CSV)
    path = save(tmp_path, "t/README.txt", "How to read these files\n")
    refused(tmp_path / "t", f"users: '{path}' has no column 'id', which other files have")


def test_decimal_commas_become_points_where_the_file_shows_them(tmp_path):
    content = "id;age;price;note\n1,5;30;1.234,5;1,5\n2;;7;x\n3,5;1.000;-0,25;\n"
    source = read(save(tmp_path, "u.csv", content), numbers=["age", "price"])
    assert source.files[0]["decimal_mark"] == ","
    found = source.table.order_by("id").to_pyarrow().to_pydict()
    assert found["age"] == ["30", None, "1000"]
    assert found["price"] == ["1234.5", "7", "-0.25"]
    assert found["note"] == ["1,5", "x", None]  # a column with other text is left alone


def test_a_decimal_mark_that_is_given_is_believed(tmp_path):
    path = save(tmp_path, "u.csv", "id;price\n1;1,234\n")
    assert rows_of(read(path, numbers=["price"]))[0][1] == "1,234"
    assert rows_of(read(path, numbers=["price"], decimal=","))[0][1] == "1.234"


def test_a_cell_of_a_megabyte_and_one_with_line_breaks_are_read(tmp_path):
    long, broken = "x" * 1_000_000, 'a\nb\r\nc\rd"e'
    content = f'id,day,note\n1,2,{long}\n2,3,"{broken.replace(chr(34), chr(34) * 2)}"\n'
    assert rows_of(read(save(tmp_path, "u.csv", content))) == [["1", "2", long], ["2", "3", broken]]
    mixed = content.replace("id,day,note\n", "id,day,note\r\n")
    assert rows_of(read(save(tmp_path, "u.csv", mixed))) == [["1", "2", long], ["2", "3", broken]]


def test_no_copy_is_left_and_none_is_beside_the_input(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    save(tmp_path, "in/u.csv.gz", gzip.compress(CSV.encode("utf-16"), mtime=0))
    before = sorted((tmp_path / "in").iterdir())
    source = read(tmp_path / "in")
    assert not list(scratch.iterdir())
    assert sorted((tmp_path / "in").iterdir()) == before
    assert rows_of(source) == ROWS
    refused(save(tmp_path, "b.csv.gz", gzip.compress(b"id,day\n1\n", mtime=0)), "line 2")
    assert not list(scratch.iterdir())


def test_quoted_line_breaks_across_the_engines_buffers_are_read(tmp_path, monkeypatch):
    monkeypatch.setitem(csv_files.STRICT, "buffer_size", 65536)
    monkeypatch.setitem(csv_files.STRICT, "max_line_size", 8192)
    rows = [[str(n), 'a\n1,2,3\n"', "z" * (n % 50)] for n in range(20_000)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    found = rows_of(read(save(tmp_path, "u.csv", text.getvalue())))
    assert found == sorted([[a, b, c or None] for a, b, c in rows], key=str)


NAMES = st.lists(
    st.text("abcdefgh éñ_", min_size=1, max_size=8).map(str.strip).filter(len),
    min_size=2, max_size=4, unique_by=str.lower,
)  # fmt: skip
CELLS = st.text(" ab1é€ñ,;|\t\"'\\\n\r.-=<{[", max_size=6) | st.text(max_size=4).filter(
    lambda t: "\0" not in t and t.isprintable()
)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "style": st.sampled_from(["doubled", "backslash"]),
    }
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
PACKING = st.sampled_from(["", ".gz", ".zip"])


def written(header, rows, dialect):
    style = {"doublequote": True} if dialect["style"] == "doubled" else {
        "doublequote": False, "escapechar": "\\"
    }  # fmt: skip
    text = io.StringIO()
    marks = {k: v for k, v in dialect.items() if k != "style"}
    if dialect["style"] == "backslash":  # outside quotes a backslash is a backslash
        marks["quoting"] = csv.QUOTE_ALL
    csv.writer(text, **marks, **style).writerows([header, *rows])
    return text.getvalue()


def pack(packing, content):
    return {
        "": content,
        ".gz": gzip.compress(content, mtime=0),
        ".zip": zipped({"u.csv": content}),
    }[packing]


def comparable(rows):
    """Trimmed cells, blank ones missing: what the cell parsers make of them; no blank rows."""
    cut = [[(cell or "").strip() for cell in row] for row in rows]
    return sorted(row for row in cut if any(row))


@settings(max_examples=80, deadline=None)
@given(st.data(), NAMES, DIALECTS, ENCODINGS, PACKING)
def test_what_is_written_is_what_is_read_or_refused(
    tmp_path_factory, data, header, dialect, encoding, packing
):
    width = len(header)
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))
    rows = [["k", *row[1:]] for row in rows]
    text = written(header, rows, dialect)
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        return
    is_told = dialect["style"] == "backslash" or data.draw(st.booleans())
    told = {"delimiter": dialect["delimiter"], "quote": '"', "encoding": encoding,
            "escape": '"' if dialect["style"] == "doubled" else "\\"} if is_told else {}  # fmt: skip
    path = save(tmp_path_factory.mktemp("u"), "u.csv" * (packing != ".zip") + (packing or ""), b"")
    path = path.with_name("u.zip") if packing == ".zip" else path
    path.write_bytes(pack(packing, content))
    try:
        source = read(path, required=(), **told)
        found = rows_of(source)
    except ReportError:
        return
    assert list(source.table.columns) == header
    assert comparable(found) == comparable(rows)


JSON_VALUES = (
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text('aé"\\\n,{}[]', max_size=5)
)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), JSON_VALUES, min_size=1), min_size=1))
def test_json_lines_are_read_as_they_are_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("j") / "u.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    source = read(path, required=())
    names = list(source.table.columns)
    assert set(names) == {name for row in rows for name in row}

    def as_text(value):
        return value if value is None or isinstance(value, str) else json.dumps(value)

    expected = [[as_text(row.get(name)) for name in names] for row in rows]
    assert rows_of(source) == sorted(expected, key=str)


@settings(max_examples=100, deadline=None)
@example(content=b",", name="u.csv")
@given(
    content=st.binary(max_size=200),
    name=st.sampled_from(["u.csv", "u.jsonl", "u.zip", "u.csv.gz", "u.parquet"]),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, name):
    path: Path = tmp_path_factory.mktemp("b") / name
    path.write_bytes(content)
    with contextlib.suppress(ReportError):
        rows_of(read(path, required=()))
