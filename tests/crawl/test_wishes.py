"""Is each URL asked for when it should be, and never when it should not?"""

import pytest

from crawl.asked import Asked
from crawl.fetch.outcome import Request, Status
from crawl.wishes import (
    AT_HAND,
    Ask,
    Known,
    State,
    Wish,
    in_turn,
    known,
    merge,
    next_ask,
    of_candidate,
    of_page,
)

URL = "https://a.example/p.jpg"


def row(status: Status = Status.OK, **changes) -> Asked:
    values = {
        "url": URL,
        "kind": "image",
        "page": "https://a.example/",
        "host": "a.example",
        "status": status,
        "http_status": 200,
        "final_url": URL,
        "n_bytes": 1,
        "sha256": "",
        "fetched_at": "",
        "n_attempts": 1,
        "opt_out": (),
        "by_page": False,
        "retryable": False,
        "etag": "",
        "last_modified": "",
        "detail": "",
        "visit": 1,
        "shard": "00000",
    }
    return Asked(**values | changes)


NEW, HAVE, GONE, FAILED = (
    Known(state=s) for s in (State.NEW, State.HAVE, State.GONE, State.FAILED)
)
SPARED = Known(state=State.SPARED)
BUSY = row(Status.TIMEOUT, retryable=True)


@pytest.mark.parametrize(
    ("rows", "visit", "again", "expected"),
    [
        ([], 1, False, NEW),
        ([row()], 1, False, AT_HAND),
        ([row()], 1, True, AT_HAND),
        ([row(Status.HTTP_ERROR)], 1, True, GONE),
        ([BUSY], 1, False, FAILED),
        ([BUSY], 1, True, NEW),
        ([row(Status.OPT_OUT, by_page=True)], 1, True, SPARED),
        ([BUSY, row(shard="00001")], 1, True, AT_HAND),
        ([row(shard="00010"), row(Status.TIMEOUT, shard="images-00009")], 1, False, AT_HAND),
        # At another visit everything is asked for again, on the condition that it has changed.
        ([row(etag="1", last_modified="x")], 2, False, Known(state=State.NEW, etag="1",
                                                             last_modified="x")),
        ([row(Status.HTTP_ERROR, etag="1")], 2, False, NEW),
        ([row(etag="1"), row(Status.HTTP_ERROR, visit=2)], 3, False, NEW),
        ([row(etag="1"), row(Status.TIMEOUT, visit=2, retryable=True)], 3, False,
         Known(state=State.NEW, etag="1")),
        ([row(etag="1"), row(Status.TIMEOUT, visit=2, retryable=True)], 2, False, FAILED),
        ([row(etag="1"), row(Status.NOT_MODIFIED, visit=2, etag="2")], 3, False,
         Known(state=State.NEW, etag="2")),
        ([row(), row(Status.NOT_MODIFIED, visit=2)], 2, False, AT_HAND),
        ([row(Status.OPT_OUT, by_page=True)], 2, False, NEW),
    ],
)  # fmt: skip
def test_what_is_known(rows, visit, again, expected) -> None:
    assert known(rows, visit, retry_failed=again) == expected
    assert known(rows[::-1], visit, retry_failed=again) == expected


WISH = Wish(kind="image", page="https://a.example/", urls=("https://x/1", "https://x/2"))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, "https://x/1"),
        ({0: HAVE}, None),
        ({0: HAVE, 1: NEW}, None),
        ({0: GONE}, "https://x/2"),
        ({0: GONE, 1: GONE}, None),
        ({0: GONE, 1: FAILED}, None),
        ({0: FAILED, 1: NEW}, None),
        ({0: SPARED}, "https://x/1"),
    ],
)
def test_the_next_version_only_when_a_better_one_is_gone(found, expected) -> None:
    ask = next_ask(WISH, found)
    assert (ask and ask.request.url) == expected
    assert ask is None or ask.page == WISH.page


@pytest.mark.parametrize(
    ("state", "told"), [(NEW, True), (SPARED, False), (HAVE, False), (GONE, False)]
)
def test_a_page_that_opts_out_is_told_once_and_never_asked_for(state, told) -> None:
    wish = Wish(kind="image", page="https://a.example/", urls=WISH.urls, opt_out=("noai",))
    ask = next_ask(wish, {0: state})
    assert (ask is not None) == told
    assert ask is None or ask.refused == ("noai",)


def test_conditions_reach_the_request() -> None:
    ask = next_ask(WISH, {0: Known(state=State.NEW, etag="e", last_modified="m")})
    assert ask is not None
    assert (ask.request.etag, ask.request.last_modified) == ("e", "m")


def ask(url: str, page: str = "p", refused: tuple[str, ...] = ()) -> Ask:
    return Ask(request=Request(url=url, kind="image"), page=page, refused=refused)


def test_one_page_that_does_not_forbid_it_is_enough() -> None:
    asks = [ask("https://x/1", "b"), ask("https://x/1", "a", ("noai",)), ask("https://x/1", "c")]
    assert merge(asks) == asks[0] == merge(asks[::-1])


def test_every_host_has_its_first_turn_before_any_has_its_second() -> None:
    urls = [f"https://{host}/{n}" for host in "ab" for n in range(3)] + ["https://c/0"]
    assert [one.request.url for one in in_turn(map(ask, urls))] == [
        "https://a/0", "https://b/0", "https://c/0", "https://a/1", "https://b/1", "https://a/2",
        "https://b/2",
    ]  # fmt: skip


def test_which_images_are_wished_for() -> None:
    from crawl.config import CrawlConfig
    from crawl.extract import extract
    from crawl.page import Page

    html = b"""<html><head><title>Herons at the pond</title><meta name=robots content=noimageai>
    </head><body><img src=/logo.png width=20 height=20 alt=logo><article><h1>Herons at the pond</h1>
    <figure><img src=/s.jpg srcset="/s.jpg 480w, /l.jpg 1200w, /m.jpg 800w" alt="A grey heron">
    <figcaption>A grey heron.</figcaption></figure>
    <p>For the first time in ten years a pair of grey herons has nested beside the old mill.</p>
    </article></body></html>"""
    page = Page(
        url="https://a.example/",
        body=html,
        headers=(),
        fetched_at="",
        file="f",
        offset=0,
        digest="",
    )
    candidates = extract(page, CrawlConfig())
    main = [wish for one in candidates for wish in of_candidate(one, "main", 2, True)]
    assert main == [
        Wish(
            kind="image",
            page="https://a.example/",
            urls=("https://a.example/l.jpg", "https://a.example/m.jpg"),
            opt_out=("noimageai",),
        )
    ]
    assert len([w for one in candidates for w in of_candidate(one, "all", 9, True)]) == 2
    assert not [w for one in candidates for w in of_candidate(one, "none", 9, True)]
    (heedless,) = [wish for one in candidates for wish in of_candidate(one, "main", 1, False)]
    assert heedless.opt_out == ()
    assert of_page("https://a.example/").urls == ("https://a.example/",)
