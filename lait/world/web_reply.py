"""How does the archive answer for the files of a main image?"""

from typing import Final

from lait.world.page import Rendition
from lait.world.web_case import Reply
from lait.world.web_image import Format, ImageFile
from lait.world.web_response import Response

_STATUS: Final[dict[Reply, int]] = {
    "status_404": 404,
    "status_410": 410,
    "status_503": 503,
    "redirect": 301,
}
_TYPES: Final[dict[Format, str]] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
_WRONG_TYPES: Final[dict[Format, str]] = {
    "jpeg": "image/png",
    "png": "text/plain",
    "webp": "image/jpeg",
}
_SORRY: Final = b"<html><body><h1>This page is not here</h1></body></html>"


def replies(
    reply: Reply, renditions: tuple[Rendition, ...], files: tuple[ImageFile, ...]
) -> list[Response]:
    """The responses for all files of a picture, best first; a `retried` URL has two."""
    if reply == "missing":
        return []
    if reply in _STATUS:
        return [_refusal(rendition.url, _STATUS[reply]) for rendition in renditions]
    answers = [
        _answer(reply, rendition.url, file)
        for rendition, file in zip(renditions, files, strict=True)
    ]
    if reply == "best_missing":
        return answers[1:]
    if reply == "retried":
        return [_refusal(renditions[0].url, 503), *answers]
    return answers


def _answer(reply: Reply, url: str, file: ImageFile) -> Response:
    headers: tuple[tuple[str, str], ...] = ()
    if reply == "header_noai":
        headers = (("X-Robots-Tag", "noai"),)
    elif reply == "header_noimageai":
        headers = (("X-Robots-Tag", "noindex"), ("X-Robots-Tag", "noimageai"))
    kind = _TYPES[file.format]
    if reply == "octet_stream":
        kind = "application/octet-stream"
    elif reply == "wrong_type":
        kind = _WRONG_TYPES[file.format]
    return Response(
        url=url,
        content_type=kind,
        body=file.body,
        headers=headers,
        coding="gzip" if reply == "gzip" else "identity",
    )


def _refusal(url: str, status: int) -> Response:
    headers = (("Location", f"{url}.moved"),) if status == 301 else ()
    return Response(url=url, content_type="text/html", body=_SORRY, status=status, headers=headers)
