from hypothesis import given
from hypothesis import strategies as st

from omr_service.pdf.lexer import Close, Name, Open, tokens


def test_numbers_are_read_as_writers_write_them():
    assert list(tokens(b"1 -2.5 +.25 4. --3 0.10.2")) == [1.0, -2.5, 0.25, 4.0, -3.0, 0.1, 0.2]


def test_strings_keep_their_escapes_and_parentheses():
    assert list(
        tokens(
            rb"(a\(b) (x(y)z) (\101\n\\) (one\
line) ()"
        )
    ) == [b"a(b", b"x(y)z", b"A\n\\", b"oneline", b""]


def test_hex_strings_names_and_brackets():
    found = list(tokens(b"<48 65 6c6> /A#20B [<</K 1>>] % comment\n Tj"))
    assert found == [b"Hel`", Name("A B"), Open, Open, Name("K"), 1.0, Close, Close, "Tj"]


def test_an_inline_image_is_its_entries_and_its_data():
    found = list(tokens(b"q BI /W 2 /H 1 /IM true /F /A85 ID (( not text )EI x\nEI Q"))
    assert found[:3] == ["q", Name("W"), 2.0]
    assert found[5:9] == [Name("IM"), Name("true"), Name("F"), Name("A85")]
    assert found[-3:] == [b"(( not text )EI x", "EI", "Q"]


def test_data_of_known_length_may_hold_the_end_mark():
    found = list(tokens(b"BI /W 32 /H 2 /IM true /BPC 1 ID \n EI EI\n\nEI Q"))
    assert found[-3:] == [b"\n EI EI\n", "EI", "Q"]


def test_an_unfinished_string_ends_the_stream():
    assert list(tokens(b"1 (never closed")) == [1.0, b"never closed"]


@given(st.binary(max_size=400))
def test_any_bytes_are_cut_without_failing(data: bytes):
    for token in tokens(data):
        assert token is Open or token is Close or isinstance(token, float | bytes | str | Name)
