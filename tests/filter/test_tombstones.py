"""Is what was taken down recognised by address, bytes, look and key, and nothing else?"""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter.tombstones import (
    NAME,
    Kind,
    Tombstone,
    Tombstones,
    digest_of,
    read_tombstones,
    to_bytes,
    url_hash,
)

PAGE = "https://www.example.com/garden/roses.html"
SHA256 = "0123456789abcdef" * 4


def stone(kind: Kind, value: str, **more: int) -> Tombstone:
    return Tombstone(kind=kind, value=value, reason="asked for", date="2026-01-31", **more)


@pytest.mark.parametrize(
    ("host", "url", "hit"),
    [
        ("example.com", PAGE, True),
        ("www.example.com", PAGE, True),
        ("example.com", "https://example.com:8443/", True),
        ("example.com", "https://user@example.com/", True),
        ("example.com", "https://badexample.com/", False),
        ("example.com", "https://example.com.evil.org/", False),
        ("example.com", "https://other.org/?from=example.com", False),
        ("w.example.com", PAGE, False),
        ("[2001:db8::1]", "https://[2001:db8::2]/", False),
    ],
)
def test_a_host_stands_for_its_subdomains_and_no_other(host: str, url: str, hit: bool) -> None:
    assert Tombstones([stone("host", host)]).of_address(None, url) == ("host" if hit else None)


def test_an_address_is_known_by_its_hash_alone() -> None:
    named = stone("url", url_hash(PAGE))
    assert Tombstones([named]).of_address("https://else.example/", PAGE) == "url"
    assert Tombstones([named]).of_address(f"{PAGE}?") is None
    assert b"example" not in to_bytes([named])


@pytest.mark.parametrize("bits", [0, 3, 16])
def test_a_look_may_differ_in_as_many_bits_as_were_said(bits: int) -> None:
    stones = Tombstones([stone("phash", f"{0:016x}", distance=bits)])
    assert stones.of_look(f"{(1 << bits) - 1:016x}") == "phash"
    assert stones.of_look(f"{(1 << (bits + 1)) - 1:016x}") is None
    assert stones.of_look("f" * 16, ["f" * 16, f"{(1 << bits) - 1:016x}"]) == "phash"


def test_bytes_and_key_are_two_names_of_one_thing() -> None:
    for named in (stone("sha256", SHA256), stone("key", SHA256[:32])):
        assert Tombstones([named]).of_bytes(SHA256) == "sha256"
        assert Tombstones([named]).of_key(SHA256[:32]) == "key"
        assert Tombstones([named]).of_bytes("f" + SHA256[1:]) is None


def test_nothing_is_named_by_nothing() -> None:
    stones = Tombstones([])
    assert not stones
    found = (stones.of_address(PAGE), stones.of_bytes(SHA256), stones.of_look("0" * 16))
    assert found == (None, None, None)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=8))
def test_a_file_says_the_same_in_whatever_order_it_was_told(keys: list[str]) -> None:
    stones = [stone("key", key) for key in keys]
    assert to_bytes(stones) == to_bytes(stones[::-1]) == to_bytes(sorted(set(stones), key=str))


def test_a_file_comes_back_and_its_digest_follows_from_it(tmp_path: Path) -> None:
    stones = (stone("host", "example.com"), stone("phash", "0" * 16, distance=4))
    (tmp_path / "shards").mkdir()
    file = tmp_path / "shards" / NAME
    file.write_bytes(to_bytes(stones))
    assert set(read_tombstones(file)) == set(read_tombstones(tmp_path)) == set(stones)
    assert read_tombstones(tmp_path / "shards" / "..") == read_tombstones(file)
    before = digest_of([str(file)])
    file.write_bytes(to_bytes(stones[:1]))
    assert len({before, digest_of([str(file)]), digest_of([])}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"value": "ABC"},
        {"kind": "colour"},
        {"distance": 65},
        {"kind": "host", "value": "a b"},
    ],
)
def test_a_line_that_is_no_tombstone_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    good = dataclasses.asdict(stone("sha256", SHA256))
    file = tmp_path / "stones.jsonl"
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | change) + "\n")
    with pytest.raises(ValueError, match=r"stones\.jsonl, line 2 is no tombstone"):
        read_tombstones(file)
