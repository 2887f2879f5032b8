"""Is the encoding of a document decided as the HTML standard decides it?"""

import re
from pathlib import Path

import pytest

from crawl.charset import decode, prescan, sniff, to_utf8


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"\xef\xbb\xbf<meta charset=koi8-r>", "text/html; charset=latin1", "utf-8"),
        (b"\xff\xfea\x00", "text/html; charset=utf-8", "utf-16le"),
        (b"<meta charset=koi8-r>", "text/html; charset=Shift_JIS", "shift_jis"),
        (b"<meta charset=koi8-r>", 'text/html; charset="gbk"', "gbk"),
        (b"<meta charset=koi8-r>", "text/html; charset=nonsense", "koi8-r"),
        (b"<meta charset=utf-16>", "", "utf-8"),
        (b"<meta charset=x-user-defined>", "", "windows-1252"),
        (b"<!-- <meta charset=koi8-r> -->", "", None),
        (b"<!--><meta charset=koi8-r>", "", "koi8-r"),
        (b"<p title='<meta charset=koi8-r>'>", "", None),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><p>', "", "iso-8859-2"),
        (b"<\x00?\x00x\x00m\x00l\x00", "", "utf-16le"),
        (b" " * 2000 + b"<meta charset=koi8-r>", "", "koi8-r"),
        (b"<script>'<meta charset=koi8-r>'</script>" + b" " * 2000, "", "koi8-r"),
        (b" " * 2000 + b"<script>'<meta charset=koi8-r>'</script>", "", None),
    ],
)
def test_declared_encoding(body: bytes, content_type: str, expected: str | None) -> None:
    assert sniff(body, content_type) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "text", "name"),
    [
        (b"caf\xc3\xa9", "", "café", "utf-8"),
        (b"caf\xe9 \x80 \x81", "", "café € \x81", "windows-1252"),
        (b"caf\xe9", "text/html; charset=iso-8859-1", "café", "windows-1252"),
        (b"caf\xe9!", "text/html; charset=utf-8", "caf\ufffd!", "utf-8"),
        (b"\xef\xbb\xbfhi", "", "hi", "utf-8"),
        (b"\xff\xfeh\x00i\x00", "", "hi", "utf-16le"),
        (b"\xfe\xff\x00h\x00i", "", "hi", "utf-16be"),
        (b"\x82\xa0\x87\x40", "text/html; charset=shift_jis", "あ①", "shift_jis"),
        (b"\xb0\xa1", "text/html; charset=euc-kr", "가", "euc-kr"),
        (b"\xa1\xa1", "text/html; charset=windows-874", "กก".replace("ก", "\u0e01"), "windows-874"),
        (b"anything", "text/html; charset=iso-2022-kr", "\ufffd", "replacement"),
        (b"", "", "", "utf-8"),
    ],
)
def test_decoding(body: bytes, content_type: str, text: str, name: str) -> None:
    assert decode(body, content_type) == (text, name)


def test_every_label_decodes_any_bytes() -> None:
    from webencodings.labels import LABELS

    for label in LABELS:
        text, _ = decode(bytes(range(256)), f"text/html; charset={label}")
        assert isinstance(text, str)


def test_to_utf8_leaves_utf8_alone() -> None:
    assert to_utf8(b"\xef\xbb\xbfa\xff", "") == (b"a\xff", "utf-8")
    assert to_utf8(b"caf\xe9", "") == ("café".encode(), "windows-1252")


def test_html5lib_encoding_cases(shared_data: Path) -> None:
    """All 82 cases that need no running script."""
    cases = 0
    for file in sorted((shared_data / "corpora/html/html5lib-tests/encoding").glob("*.dat")):
        for block in re.split(rb"(?:^|\n)#data\n", file.read_bytes())[1:]:
            data, expected = block.split(b"\n#encoding\n")
            name = expected.strip().split(b"\n")[0].decode().lower()
            assert (sniff(data, "") or "windows-1252") == name, data[:200]
            cases += 1
    assert cases == 82


def test_hostile_head_is_linear() -> None:
    for piece in (b"<script ", b"<meta charset", b"<!--", b"<a b='", b"<meta "):
        sniff(piece * 20_000, "")
        prescan(piece * 20_000)
