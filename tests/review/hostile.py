"""A ledger whose every string attacks the person who reviews it."""

import json
from collections.abc import Sequence
from pathlib import Path

from lxml import html as lxml_html

from tests.review.conftest import Row, row

FATES = [(None, None), ("text", "text_spam"), ("size", "min_side"), ("relevance", "relevance")]

OWN = [
    "<script>parent.document.title='ALIVE'</script>",
    "</p></figcaption></figure></iframe><img src=x onerror=\"parent.document.title='ALIVE'\">",
    "\"><img src='http://steal.test/pixel.png'>",
    "'><link rel=stylesheet href=https://steal.test/a.css>",
    "javascript:alert(1)//https://steal.test/",
    "$$\\href{javascript:alert(1)}{click}$$",
    "<meta http-equiv=refresh content='0;url=https://steal.test/'>",
    "&lt;script&gt;parent.document.title='ALIVE'&lt;/script&gt;",
    "</title></style></textarea><svg onload=alert(1)>",
    '"></iframe><iframe srcdoc="<script>parent.document.title=&quot;ALIVE&quot;</script>',
]
"""What the public list lacks: our own tags closed, requests, formulas that notebooks render."""


def payloads(shared_data: Path) -> list[str]:
    """The public list and our own."""
    public = json.loads((shared_data / "corpora/xss/dompurify/payloads.json").read_text())
    return [*public, *OWN]


def rows(attacks: Sequence[str]) -> list[Row]:
    """One candidate per attack, which fills every string field that a crawl can fill."""
    found = []
    for n, attack in enumerate(attacks):
        stage, reason = FATES[n % len(FATES)]
        chosen = {"text": attack, "text_source": "alt"} if n % 2 else {}
        found.append(
            row(
                n,
                page_url=attack,
                image_url=f"https://host.test/{attack}",
                alternative_urls=[attack],
                page_file=attack,
                language=attack,
                texts=[
                    {"source": attack, "text": attack, "score": 0.1, "drop": None},
                    {"source": "title", "text": attack, "score": None, "drop": attack},
                ],
                stage=stage,
                reason=reason,
                value=float(n),
                threshold=300.0,
                detail=attack,
                relevance=0.3,
                **chosen,
            )
        )
    return found


def offences(page: str) -> list[str]:
    """Whatever in a page could run, ask, navigate or hide: should be nothing."""
    found = []
    for node in lxml_html.document_fromstring(page).iter():
        if not isinstance(node.tag, str):
            found.append(f"comment or instruction: {node!r}")
            continue
        if node.tag not in ALLOWED:
            found.append(f"<{node.tag}>")
        for name, value in node.attrib.items():
            if name.startswith("on") or name in {
                "href",
                "action",
                "formaction",
                "style",
                "xlink:href",
            }:
                found.append(f"<{node.tag} {name}>")
            if name in {"src", "srcset", "background"} and not value.startswith(
                "data:image/jpeg;base64,"
            ):
                found.append(f"<{node.tag} {name}={value}>")
    return found


ALLOWED = frozenset(
    (
        "html", "head", "meta", "title", "style", "body", "section", "h2", "span", "div", "figure",
        "figcaption", "img", "p", "b", "details", "summary", "ul", "li", "dl", "dt", "dd",
    )
)  # fmt: skip
