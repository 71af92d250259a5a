import csv
import io

import pytest

from analysis.base.dialects import Given, recognise
from analysis.base.errors import ReportError

ANY = Given()


def dialect(text, given=ANY, is_whole=True):
    return recognise(text, is_whole, given, "users: 'u.csv'")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_splits_every_row_like_the_header(mark):
    other = "," if mark != "," else ";"
    text = f"id{mark}day{mark}note\n1{mark}2025-01-05{mark}a{other}b{other}c\n"
    found = dialect(text)
    assert (found.delimiter, found.header) == (mark, ("id", "day", "note"))


def test_a_delimiter_inside_quotes_does_not_count():
    assert dialect('id;"a,b,c,d"\n1;"x,y"\n').header == ("id", "a,b,c,d")


def test_a_line_that_declares_the_delimiter_is_no_header():
    found = dialect("sep=;\nid;day\n1;2025-01-05\n")
    assert (found.delimiter, found.header, found.skip) == (";", ("id", "day"), 2)


def test_blank_lines_and_line_breaks_in_names_are_skipped_with_the_header():
    assert dialect('\n\n"id\nno",day\n1,2\n').skip == 4


def test_a_quote_inside_quotes_is_doubled_or_after_a_backslash():
    assert dialect('id,note\n1,"a ""b"" c"\n').escape == '"'
    found = dialect('id,note\n1,"{\\"a\\": 1}"\n')
    assert (found.quote, found.escape) == ('"', "\\")
    assert found.quoting == '" (after \\ inside quotes)'


def test_two_single_quotes_with_nothing_between_them_may_be_a_text():
    assert dialect("id,note\n1,''\n").quote == '"'
    assert dialect("id,note\n1,''\n2,'a'\n").quote == "'"


def test_single_quotes_are_quotes_where_they_enclose_every_cell():
    assert dialect("'id','note'\n'1','a'\n").header == ("id", "note")
    assert dialect("id,note\n1,'a,b'\n2,'c,d'\n", Given(delimiter=",")).quote == '"'
    assert dialect("id,note\n1,'a'\n2,'b'\n").quote == "'"
    assert dialect("id,note\n1,'tis\n").quote == '"'


def test_what_is_given_is_not_recognised():
    found = dialect("id;a,b\n1;2,3\n", Given(delimiter=",", quote="none"))
    assert (found.delimiter, found.quote, found.header) == (",", "", ("id;a", "b"))


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1,5", "2,25"], ","),
        (["1.234,5", "7"], ","),
        (["1.5", "2.25"], "."),
        (["1,234.5", "7"], "."),
        (["1,234", "2,345"], None),  # thousands or decimals: nobody knows
        (["7", "8"], None),
        (["1,5", "1.5"], None),  # a column of both is no column of numbers
        (["1,5", "x"], None),
        (["0,123", "0,456"], ","),
    ],
)
def test_the_decimal_mark_is_the_one_that_a_column_of_numbers_shows(cells, mark):
    text = "id;amount\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells))
    found = dialect(text)
    assert found.decimal == mark
    assert found.with_commas == (("amount",) if mark == "," else ())


def test_columns_that_show_different_marks_show_none():
    assert dialect("id;a;b\n1;1,5;2.5\n").decimal is None


def test_blank_and_repeated_names_are_refused():
    with pytest.raises(ReportError, match=r"1 of 3 columns have no name in the header .column 1."):
        dialect(",id,day\n0,1,2\n")
    with pytest.raises(ReportError, match="has the name 'ID' more than once"):
        dialect("id,day,ID\n0,1,2\n")


def test_a_delimiter_at_the_end_of_every_line_is_no_column():
    assert dialect("id,day,\n1,2,\n").header == ("id", "day")


def test_a_row_cut_off_by_the_sample_is_not_judged():
    whole = "id,day,note\n" + '1,2025-01-05,"a"\n' * 3
    for end in range(len("id,day,note\n"), len(whole)):
        assert dialect(whole[:end], is_whole=False).header == ("id", "day", "note")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"delimeter": ";"}, "'delimeter' is not known. Is it 'delimiter'?"),
        ({"delimiter": "::"}, "delimiter must be one character"),
        ({"decimal": "'"}, 'decimal must be "." or ","'),
        ({"encoding": "utf8x"}, "no encoding is called 'utf8x'"),
        ({"encoding": "zlib"}, "no encoding is called 'zlib'"),
    ],
)
def test_a_wrong_format_says_what_may_be_given(values, message):
    with pytest.raises(ValueError, match=message):
        Given.of(values)


def test_a_format_names_delimiters_in_words_and_encodings_in_any_form():
    assert Given.of({"delimiter": "tab", "encoding": "Latin1"}) == Given("\t", "iso8859-1")


def test_a_long_cell_is_read():
    text = "id,note\n1," + "x" * 1_000_000 + "\n"
    assert dialect(text).header == ("id", "note")
    assert len(next(csv.reader(io.StringIO(text.splitlines()[1])))[1]) == 1_000_000
