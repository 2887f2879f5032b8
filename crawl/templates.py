"""Which images belong to a site rather than to a page: those that many of its pages show?"""

# mypy: allow-untyped-calls
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from crawl.candidate import Candidate
from crawl.main_image import MainImageModel, choose, score
from crawl.signals import MIN_TEMPLATE_PAGES

PageKey = tuple[str, int, str]
"""Archive, offset and URL: one capture of a page."""
ImageKey = tuple[str, str]
"""Host of the page, and image as `image_key` spells it."""
SHOWN: Final = "shown"
NAMED: Final = "named"
TEASER: Final = "teaser"
_IMAGE_FILES: Final = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif", ".ico", ".bmp")


def host_of(candidate: Candidate) -> str:
    """Host of the page, without `www.`."""
    authority = candidate.page_url.partition("://")[2].partition("/")[0]
    return authority.rpartition("@")[2].removeprefix("www.").lower()


def image_key(url: str) -> str:
    """One name for an image on all pages; scheme, `www.` and the version in a query do not count.

    Where the path names no image file, the query may be what names the image.
    """
    path, mark, query = url.partition("://")[2].removeprefix("www.").partition("?")
    return path if path.lower().endswith(_IMAGE_FILES) else f"{path}{mark}{query}"


def page_key(candidate: Candidate) -> PageKey:
    """The capture of a page that a candidate was read from."""
    return candidate.page_file, candidate.page_offset, candidate.page_url


def judge_again(
    page: Iterable[Candidate], model: MainImageModel | None = None
) -> tuple[Candidate, ...]:
    """Score all candidates of one page anew, and choose its main image by the new scores.

    Args:
        page: Every candidate of the page, in any order.
        model: Other weights than the shipped ones.
    """
    candidates = sorted(page, key=lambda each: (each.dom.ordinal, each.candidate_id))
    scores = [score(each.dom, model) for each in candidates]
    main = choose(scores)
    return tuple(
        replace(each, main_score=scores[i], is_main=i == main) for i, each in enumerate(candidates)
    )


def judge_templates(
    candidates: Sequence[Candidate], model: MainImageModel | None = None
) -> tuple[Candidate, ...]:
    """What `JudgeTemplates` does, in memory: all candidates of a crawl, in order of their pages."""
    appears = {found for each in candidates for found in _appearances(each)}
    pages_of_host = Counter(host for host, _ in {(a.host, a.page_url) for a in appears})
    counts = Counter((a.host, a.image, a.how) for a in appears)
    pages: dict[PageKey, list[Candidate]] = {}
    for each in candidates:
        host, image = _image_key(each)
        dom = _counted(
            each, counts[host, image, SHOWN], counts[host, image, NAMED], pages_of_host[host]
        )
        pages.setdefault(page_key(each), []).append(dom)
    return tuple(each for page in pages.values() for each in judge_again(page, model))


class Appearance(NamedTuple):
    """An image on a page."""

    host: str
    image: str
    how: str
    """`SHOWN`, `NAMED` by the head, or `TEASER`: linking to another page."""
    page_url: str


def _appearances(candidate: Candidate) -> Iterator[Appearance]:
    dom = candidate.dom
    host, image = _image_key(candidate)
    if dom.is_meta:
        yield Appearance(host, image, NAMED, candidate.page_url)
    if dom.depth:
        # An article's own picture is on many pages too, as a link to the article.
        teaser = dom.links_away and not dom.links_home
        yield Appearance(host, image, TEASER if teaser else SHOWN, candidate.page_url)


def _image_key(candidate: Candidate) -> ImageKey:
    return host_of(candidate), image_key(candidate.image_url)


def _counted(candidate: Candidate, n_showing: int, n_naming: int, host_pages: int) -> Candidate:
    n_showing = n_showing if n_showing >= MIN_TEMPLATE_PAGES else 0
    n_naming = n_naming if n_naming >= MIN_TEMPLATE_PAGES else 0
    if not n_showing and not n_naming:
        return candidate
    dom = replace(
        candidate.dom,
        pages_with_image=n_showing,
        pages_naming_image=n_naming,
        host_pages=host_pages,
    )
    return replace(candidate, dom=dom)


@dataclass(eq=False)
class JudgeTemplates(beam.PTransform[PCollection[Candidate], PCollection[Candidate]]):
    """Candidates to the same candidates, with the evidence of all pages of their hosts.

    Counts how many pages (by URL) of each host show an image, writes the count into the features
    of images that three pages or more show, and chooses each page's main image again. The result
    does not depend on the number of workers or the order of candidates.
    """

    model: MainImageModel | None = None

    def expand(self, candidates: PCollection[Candidate]) -> PCollection[Candidate]:
        appears = (
            candidates
            | "Appearances" >> beam.FlatMap(_appearances)
            | "Each once" >> beam.Distinct()
        )
        images = (
            appears
            | "Images" >> beam.Map(lambda found: ((found.host, found.image, found.how), 1))
            | "Pages with image" >> beam.CombinePerKey(sum)
            | "On several pages" >> beam.Filter(lambda found: found[1] >= MIN_TEMPLATE_PAGES)
            | "By host" >> beam.Map(lambda found: (found[0][0], (*found[0][1:], found[1])))
        )
        hosts = (
            appears
            | "Pages" >> beam.Map(lambda found: (found.host, found.page_url))
            | "Pages once" >> beam.Distinct()
            | "Hosts" >> beam.Map(lambda found: (found[0], 1))
            | "Pages of host" >> beam.CombinePerKey(sum)
        )
        counts = (
            {"images": images, "pages": hosts}
            | "Images and pages" >> beam.CoGroupByKey()
            | "Counts" >> beam.FlatMap(_counts)
        )
        keyed = candidates | "By image" >> beam.Map(lambda each: (_image_key(each), each))
        pages = (
            {"candidates": keyed, "counts": counts}
            | "Candidates and counts" >> beam.CoGroupByKey()
            | "Write counts" >> beam.FlatMap(_write_counts)
            | "Whole pages" >> beam.GroupByKey()
        )
        judged: PCollection[Candidate] = pages | "Judge again" >> beam.FlatMap(
            lambda page, model: judge_again(page[1], model), self.model
        )
        return judged


def _counts(group: tuple[str, Any]) -> Iterator[tuple[ImageKey, tuple[str, int, int]]]:
    host, found = group
    (n_pages,) = found["pages"]
    for image, how, n_with in found["images"]:
        yield (host, image), (how, n_with, n_pages)


def _write_counts(group: tuple[ImageKey, Any]) -> Iterator[tuple[PageKey, Candidate]]:
    _, found = group
    counts = {how: (n_with, n_pages) for how, n_with, n_pages in found["counts"]}
    n_showing, n_pages = counts.get(SHOWN, (0, 0))
    n_naming, n_pages = counts.get(NAMED, (0, n_pages))
    for candidate in found["candidates"]:
        yield page_key(candidate), _counted(candidate, n_showing, n_naming, n_pages)
