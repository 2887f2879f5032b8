"""Is every address that is connected to public, whatever leads to it?"""

import ipaddress
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from crawl.fetch import client, resolver
from crawl.fetch.addresses import AddressFilter, AddressRefused, UrlRefused, likely_host, target
from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from tests.crawl.fetch.web import Reply, Web, hosts

PUBLIC = ("8.8.8.8", "1.1.1.1", "168.63.129.15", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8")
INTERNAL = (
    "127.0.0.1", "127.255.255.255", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.192", "198.19.255.255", "224.0.0.1",
    "255.255.255.255", "168.63.129.16", "192.88.99.1", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "::127.0.0.1",
    "::ffff:0:127.0.0.1", "4000::1", "100::1", "not an address", "",
)  # fmt: skip
REFUSED = {Status.REFUSED_URL, Status.REFUSED_ADDRESS}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses for which a socket was made: there are no connections to others."""
    made: list[str] = []
    real = AddressFilter.socket_for

    def recorded(self: AddressFilter, addr_info: tuple[Any, ...]) -> socket.socket:
        found = real(self, addr_info)
        made.append(addr_info[4][0])
        return found

    monkeypatch.setattr(AddressFilter, "socket_for", recorded)
    return made


def outcome(url: str, config: FetchConfig, addresses: Sequence[str] = ()) -> Outcome:
    def lookup(_: str) -> Sequence[str]:
        return addresses

    (found,) = fetch([Request(url=url, kind="image")], config, lookup)
    return found


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_are_refused(address: str) -> None:
    addresses = AddressFilter()
    assert not addresses.allows(address)
    with pytest.raises(AddressRefused):
        addresses.socket_for((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert AddressFilter().allows(address)


def test_every_listed_range_is_refused_to_its_ends(shared_data: Path) -> None:
    lines = (
        (shared_data / "corpora/ssrf/ip-ranges/microsoft-antissrf-recommendedV1.txt")
        .read_text()
        .splitlines()
    )
    ranges = [ipaddress.ip_network(line) for line in lines if line and line[0] != "#"]
    assert len(ranges) == 35
    addresses = AddressFilter()
    for network in ranges:
        for address in (network[0], network[-1], network[network.num_addresses // 2]):
            assert not addresses.allows(str(address)), address


def test_allowed_networks_are_open_and_their_neighbours_are_not() -> None:
    addresses = AddressFilter(("127.0.0.0/30", "fd00::/64"))
    assert addresses.allows("127.0.0.3")
    assert addresses.allows("::ffff:127.0.0.3")
    assert addresses.allows("fd00::1")
    assert not addresses.allows("127.0.0.4")
    assert not addresses.allows("10.0.0.1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("data:text/html,x", "scheme"),
        ("http://user@example.org/", "user name"),
        ("http://user:secret@example.org/", "user name"),
        ("http://:secret@example.org/", "user name"),
        ("http://example.org:22/", "port 22"),
        ("https://example.org:8443/", "port 8443"),
        ("http://", "not a URL"),
        ("http://[::1", "not a URL"),
        ("/relative", "not a URL"),
    ],
)
def test_refused_urls(url: str, reason: str) -> None:
    with pytest.raises(UrlRefused, match=reason):
        target(url, (80, 443), AddressFilter())
    found = outcome(url, FetchConfig(contact="a@example.org"))
    assert (found.status, found.n_attempts) == (Status.REFUSED_URL, 0)
    assert reason in found.detail


def test_target_spells_the_url_and_names_host_and_origin() -> None:
    found = target("HTTPS://EXAMPLE.org./a b?q#f", (80, 443), AddressFilter())
    assert found.url == str(found.request_url) == "https://example.org./a%20b?q"
    assert (found.host, found.origin) == ("example.org", "https://example.org.:443")
    assert found.path == "/a%20b?q"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.org/", "example.org"),
        ("https://example.org:444/@b", "example.org"),
        ("http://example.org./", "example.org"),
        ("http://[2606:4700::1]/", "2606:4700::1"),
        ("http://EXAMPLE.org", "example.org"),
        ("http://example.org\\@other.org/", "example.org"),
        ("http://ⓔxample.org/", "example.org"),
        ("http://127.1/", "127.1"),
    ],
)
def test_likely_host(url: str, host: str) -> None:
    assert likely_host(url) == host


def test_odd_spellings_of_a_host_share_its_queue() -> None:
    with Web(answers={"/a": Reply(body=b"x", delay_s=0.01)}) as web:
        spellings = ("127.0.0.2", "127.2", "0x7f000002", "2130706434")
        requests = [Request(url=web.url("/a", name), kind="image") for name in spellings * 3]
        found = list(fetch(requests, web.config()))
        assert [f.status for f in found] == [Status.OK] * 12
        assert web.most_open["127.0.0.2"] == web.n_connections["127.0.0.2"] == 1


def cases(shared_data: Path, kind: str) -> list[str]:
    found = json.loads((shared_data / "corpora/ssrf/cases.json").read_text())
    urls: list[str] = found[kind]
    return urls


@pytest.mark.parametrize("ports", [(80, 443), tuple(range(1, 65536))])
def test_all_ssrf_cases_are_refused(
    shared_data: Path, opened: list[str], ports: tuple[int, ...]
) -> None:
    """Literals without a lookup; names by what they resolve to, here to internal addresses."""
    config = FetchConfig(contact="a@example.org", ports=ports, retries=0)
    looked_up: list[str] = []
    answers = [("169.254.169.254",), ("127.0.0.1", "::1"), ("::ffff:10.0.0.1", "fd00:ec2::254")]

    def lookup(name: str) -> Sequence[str]:
        looked_up.append(name)
        return answers[len(looked_up) % len(answers)]

    def fetched(kind: str) -> list[Outcome]:
        requests = [Request(url=url, kind="image") for url in cases(shared_data, kind)]
        found = list(fetch(requests, config, lookup))
        assert len(found) == len(requests)
        return found

    literals = [*fetched("block_literal"), *fetched("block_scheme")]
    assert not looked_up
    assert len(literals) == 110
    named = [*fetched("block_after_resolve"), *fetched("never_internal_invalid_or_ambiguous")]
    assert len(named) == 42
    assert looked_up
    for found in (*literals, *named):
        assert found.status in REFUSED, found
        assert found.n_attempts == 0
    if len(ports) > 2:
        assert {f.status for f in literals[:99]} == {Status.REFUSED_ADDRESS}
    assert opened == []


def test_control_cases_pass_the_filter(shared_data: Path) -> None:
    for url in cases(shared_data, "allow_control"):
        assert target(url, (80, 443), AddressFilter()).host


@pytest.mark.parametrize(
    "addresses", [("10.0.0.1",), ("fd00::1",), ("::1", "127.0.0.1"), ("::ffff:127.0.0.1",)]
)
def test_names_with_no_public_address_are_refused(
    opened: list[str], addresses: Sequence[str]
) -> None:
    found = outcome("http://inward.example/", FetchConfig(contact="a@example.org"), addresses)
    assert (found.status, found.retryable) == (Status.REFUSED_ADDRESS, False)
    assert addresses[0] in found.detail
    assert opened == []


def test_only_the_allowed_ones_of_several_addresses_are_connected_to(opened: list[str]) -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        config = web.config(allow_net=("127.0.0.2/32",))
        answers = ("127.0.0.1", "169.254.169.254", "127.0.0.2")
        assert outcome(web.url("/a", "mixed.example"), config, answers).status is Status.OK
    assert set(opened) == {"127.0.0.2"}


def test_a_name_that_rebinds_is_refused_when_it_does(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_DNS_TTL_S", 0)
    n_lookups = 0

    def lookup(_: str) -> Sequence[str]:
        nonlocal n_lookups
        n_lookups += 1
        return ("127.0.0.2",) if n_lookups <= 3 else ("127.0.0.1",)

    reply = Reply(body=b"x", close=True, headers=[("Connection", "close")])
    gone = Reply(status=404, close=True, headers=[("Connection", "close")])
    own = {"/robots.txt": gone, "/.well-known/tdmrep.json": gone}
    with Web(("127.0.0.2", "127.0.0.1"), {"/a": reply, "/b": reply, **own}) as web:
        config = web.config(allow_net=("127.0.0.2/32",), retries=0)
        requests = [Request(url=web.url(p, "rebind.example"), kind="image") for p in ("/a", "/b")]
        first, second = fetch(requests, config, lookup)
        assert (first.status, second.status) == (Status.OK, Status.REFUSED_ADDRESS)
        assert n_lookups == 4
        assert web.paths("127.0.0.1") == []
    assert set(opened) == {"127.0.0.2"}


def test_the_socket_is_checked_even_if_the_resolver_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check of answers and the check of the socket are two: each one holds alone."""
    monkeypatch.setattr(resolver, "public_only", lambda found, _: list(found))
    with Web(hosts(2), {"/a": Reply(body=b"x")}) as web:
        config = web.config(allow_net=("127.0.0.2/32",))
        found = outcome(web.url("/a", "x.example"), config, ("127.0.0.3",))
        assert found.status is Status.REFUSED_ADDRESS
        assert not web.log


@pytest.mark.parametrize(
    ("location", "status"),
    [
        ("http://169.254.169.254/latest/meta-data/", Status.REFUSED_ADDRESS),
        ("//127.0.0.1/", Status.REFUSED_ADDRESS),
        ("http://0x7f.1:{port}/", Status.REFUSED_ADDRESS),
        ("http://2130706433/", Status.REFUSED_ADDRESS),
        ("http://[::ffff:127.0.0.1]:{port}/", Status.REFUSED_ADDRESS),
        ("http://inward.example:{port}/", Status.REFUSED_ADDRESS),
        ("http://127.0.0.2:22/", Status.REFUSED_URL),
        ("http://me:secret@127.0.0.2:{port}/a", Status.REFUSED_URL),
        ("file:///etc/passwd", Status.REFUSED_URL),
        ("gopher://127.0.0.1/", Status.REFUSED_URL),
    ],
)
def test_redirects_are_checked_like_first_requests(
    opened: list[str], location: str, status: Status
) -> None:
    with Web(("127.0.0.2", "127.0.0.1")) as web:
        ports = (web.port, 80)
        hop = location.format(port=web.port)
        web.answers["/r"] = Reply(status=302, headers=[("Location", hop)])
        config = web.config(allow_net=("127.0.0.2/32",), ports=ports)
        found = outcome(web.url("/r"), config, ("127.0.0.1", "10.0.0.1"))
        assert (found.status, found.http_status) == (status, 302)
        assert found.final_url == web.url("/r")
        assert web.paths() == ["/r"]
        assert web.paths("127.0.0.1") == []
    assert set(opened) == {"127.0.0.2"}


def test_a_robots_txt_that_redirects_inwards_closes_the_host(opened: list[str]) -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        inward = Reply(status=301, headers=[("Location", "http://169.254.169.254/robots.txt")])
        web.answers["/robots.txt"] = inward
        found = outcome(web.url("/a"), web.config(ports=(web.port, 80)))
        assert found.status is Status.REFUSED_ADDRESS
        assert web.paths() == []
    assert set(opened) == {"127.0.0.2"}


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Web(hosts(2), {"/a": Reply(body=b"x")}) as web:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, web.url("", "127.0.0.3"))
        assert outcome(web.url("/a"), web.config()).status is Status.OK
        assert web.most_open["127.0.0.3"] == 0
