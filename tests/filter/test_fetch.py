"""Which response does a candidate get, and is the choice the same in any order of finding?"""

from itertools import permutations

from filter.fetch import best, check_ref, file_name, urls


def test_best_is_a_fixed_choice(make_ref) -> None:
    ordered = [
        (0, make_ref(file="z/a.warc", offset=9)),
        (0, make_ref(file="a/b.warc", offset=1)),
        (0, make_ref(file="a/b.warc", offset=2)),
        (1, make_ref(file="a/a.warc", offset=0)),
        (0, make_ref(n_bytes=0)),
        (0, make_ref(status=404)),
    ]
    for start in range(len(ordered)):
        left = ordered[start:]
        for shuffled in permutations(left[:4]):
            assert best([*shuffled, *left[4:]]) == left[0][1]
    assert best([]) is None


def test_check_ref(make_ref) -> None:
    missing = check_ref(None, obey_opt_out=True)
    assert missing is not None
    assert missing.reason == "image_missing"
    status = check_ref(make_ref(status=404), obey_opt_out=True)
    assert status is not None
    assert (status.reason, status.value) == ("image_status", 404)
    private = make_ref(opt_out=("noai",))
    refused = check_ref(private, obey_opt_out=True)
    assert refused is not None
    assert refused.reason == "opt_out"
    assert check_ref(private, obey_opt_out=False) is None
    assert check_ref(make_ref(), obey_opt_out=True) is None


def test_urls_are_distinct(make_candidate) -> None:
    candidate = make_candidate(
        alternative_urls=("https://a.org/x", "https://example.org/image.jpg")
    )
    assert urls(candidate) == ("https://example.org/image.jpg", "https://a.org/x")


def test_file_name() -> None:
    assert file_name("/data/crawl/a.warc.gz") == file_name("gs://bucket/a.warc.gz") == "a.warc.gz"
    assert file_name("a.warc.gz") == "a.warc.gz"
