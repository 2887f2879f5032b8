"""How does Common Crawl's extractor write the metadata of a page? A stand-in for `bench/wat.py`.

After ExtractingParseObserver of github.com/commoncrawl/ia-web-commons: which attributes of which
elements become links, and how long a text may be.
"""

import io
import json
import tarfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawl.charset import to_utf8

LINKS = {
    "img": (("src", ("alt", "title")), ("longdesc", ())),
    "a": (("href", ("target", "alt", "title", "rel", "hreflang", "type")),),
    "area": (("href", ("rel",)),),
    "iframe": (("src", ()),),
    "embed": (("src", ()),),
    "source": (("src", ()),),
    "video": (("src", ()), ("poster", ())),
    "audio": (("src", ()),),
    "input": (("src", ()),),
    "form": (("action", ("target", "method")),),
}
MAX_TEXT_CHARS = 128


def write(folder: Path, warc: Path, wat: Path) -> int:
    """The pages as a WARC and as a WAT file; how many there are."""
    lines = (folder / "gold.jsonl").read_text().splitlines()
    urls = {entry["file"]: entry["url"] for entry in map(json.loads, lines)}
    n = 0
    with (
        tarfile.open(folder / "html.tar.xz") as pages,
        warc.open("wb") as warc_out,
        wat.open("wb") as wat_out,
    ):
        to_warc, to_wat = WARCWriter(warc_out), WARCWriter(wat_out)
        for member in pages:
            file = pages.extractfile(member)
            if file is None or member.name not in urls:
                continue
            body, url = to_utf8(file.read(), "")[0], urls[member.name]
            headers = [("Content-Type", "text/html; charset=utf-8")]
            http = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
            to_warc.write_record(
                to_warc.create_warc_record(
                    url, "response", payload=io.BytesIO(body), http_headers=http
                )
            )
            content = json.dumps(envelope(url, body), separators=(",", ":")).encode()
            to_wat.write_record(
                to_wat.create_warc_record(
                    url,
                    "metadata",
                    payload=io.BytesIO(content),
                    warc_content_type="application/json",
                )
            )
            n += 1
    return n


def envelope(url: str, body: bytes) -> dict[str, Any]:
    """The content of a WAT record."""
    extractor = Extractor()
    extractor.feed(body.decode("utf-8", "replace"))
    extractor.close()
    html = {"Head": extractor.head, "Links": extractor.links}
    http = {
        "Response-Message": {"Status": "200", "Version": "HTTP/1.1", "Reason": "OK"},
        "Headers": {"Content-Type": "text/html; charset=utf-8"},
        "HTML-Metadata": html,
    }
    head = {"WARC-Type": "response", "WARC-Target-URI": url, "WARC-Date": "2024-12-01T00:00:00Z"}
    payload = {"HTTP-Response-Metadata": http}
    container = {"Filename": "a.warc.gz", "Compressed": True, "Offset": "0"}
    return {
        "Container": container,
        "Envelope": {"WARC-Header-Metadata": head, "Payload-Metadata": payload},
    }


class Extractor(HTMLParser):
    """HTML-Metadata of a WAT record."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.head: dict[str, Any] = {}
        self.links: list[dict[str, str]] = []
        self._open: list[dict[str, str]] = []
        self._texts: list[str] = []
        self._title: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}
        if tag == "title":
            self._title = ""
        elif tag == "base" and "href" in given:
            self.head["Base"] = given["href"]
        elif tag == "meta":
            names = ("name", "rel", "content", "http-equiv", "property")
            if kept := {name: given[name] for name in names if name in given}:
                self.head.setdefault("Metas", []).append(kept)
        elif tag == "link" and "href" in given:
            kept = {name: given[name] for name in ("rel", "type") if name in given}
            link = {"path": "LINK@/href", "url": given["href"], **kept}
            self.head.setdefault("Link", []).append(link)
        elif tag == "html":
            for name in ("lang", "xml:lang"):
                if name in given:
                    meta = {"name": f"HTML@/{name}", "content": given[name]}
                    self.head.setdefault("Metas", []).append(meta)
        for attribute, others in LINKS.get(tag, ()):
            if attribute not in given:
                if tag == "a":
                    self._push({})
                continue
            kept = {name: given[name] for name in others if name in given}
            found = {"path": f"{tag.upper()}@/{attribute}", "url": given[attribute], **kept}
            if tag == "a":
                self._push(found)
            else:
                self.links.append(found)

    def _push(self, link: dict[str, str]) -> None:
        self._open.append(link)
        self._texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title" and self._title is not None:
            if "Title" not in self.head:
                self.head["Title"] = self._title.strip()
            self._title = None
        elif tag == "a" and self._open:
            link, text = self._open.pop(), self._texts.pop().strip()
            if link:
                self.links.append({**link, "text": text} if text else link)

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if self._title is not None:
            self._title = text[:MAX_TEXT_CHARS]
        elif self._open:
            self._texts = [f"{t} {text}".strip()[:MAX_TEXT_CHARS] for t in self._texts]
