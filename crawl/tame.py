"""How is markup that would keep the parser busy for hours, or stop it, made harmless?"""

import re

MAX_OPEN = 500
"""Tags of elements nested deeper than this are dropped; their words and images stay."""
MAX_ATTRIBUTES = 200
_STRIDE_BYTES = 32 * 2**10
_MAX_SEPARATORS = 40_000
"""So many attributes take two seconds; no real tag has a hundredth of them."""

# The inside of a tag up to its end. Quotes count after an equals sign alone.
_INSIDE = rb"(?:[^=>]++|=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+')?+)*+"
_END = re.compile(_INSIDE + rb">")
_QUOTES = (b"", b'"', b"'")
_SEPARATORS = b"\t\n\f\r /="
"""Each attribute has one of these before or behind its name."""
_TOKEN = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(?P<end>/?)(?P<name>[a-z][^\t\n\f\r />]*+)(?P<inside>" + _INSIDE + rb")>",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+=?[^\t\n\f\r />=]*+"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >]*+))?"
)
_RAW = {
    name: re.compile(rb"</" + name, re.IGNORECASE)
    for name in b"script style textarea title xmp iframe noembed noframes".split()
}
_CHILDLESS = frozenset(
    b"area base br col embed hr image img input link meta param source track wbr"
    b" amp-img amp-anim html head body p li dt dd tr td th option".split()
)
"""Elements without an end tag, and those whose next sibling closes them: they never pile up."""


def may_have_huge_tag(body: bytes) -> bool:
    """Whether some tag may be longer than 64 KiB and have more attributes than the parser stands.

    libxml2 needs time in the square of the number of attributes of an element: hours for a page
    of a few megabytes. This looks at one place every 32 KiB and so costs next to nothing; a tag
    that long has to cover the whole way from one such place to the next.
    """
    n_separators = 0
    for start in range(_STRIDE_BYTES, len(body) - _STRIDE_BYTES + 1, _STRIDE_BYTES):
        if not _ends(body, start, start + _STRIDE_BYTES):
            stride = body[start : start + _STRIDE_BYTES]
            n_separators += len(stride) - len(stride.translate(None, _SEPARATORS))
            if n_separators >= _MAX_SEPARATORS:
                return True
    return False


def _ends(body: bytes, start: int, end: int) -> bool:
    """Whether a tag that `start` is inside of ends before `end`, in a quoted value or not."""
    if body.find(b">", start, end) < 0:
        return False
    for quote in _QUOTES:
        # All in one quoted value is one attribute, and harmless.
        inside = body.find(quote, start, end)
        if inside >= 0 and not _END.match(body, inside + len(quote), end):
            return False
    return True


def tame(body: bytes) -> bytes:
    """The same document, without the tags nested deeper than 500 and attributes beyond 200 a tag.

    Documents that have neither come back unchanged.
    """
    kept: list[bytes] = []
    copied = position = 0
    opened: list[bytes] = []
    n_open: dict[bytes, int] = {}
    while token := _TOKEN.search(body, position):
        position = token.end()
        name = (token["name"] or b"").lower()
        if not name:
            continue  # a comment
        start, dropped = token.start(), False
        if token["end"]:
            dropped = _close(name, opened, n_open)
        elif name not in _CHILDLESS:
            dropped = len(opened) >= MAX_OPEN
            opened.append(name)
            n_open[name] = n_open.get(name, 0) + 1
        if dropped:
            kept += (body[copied:start], b" ")
            copied = position
        elif len(token["inside"]) > 2 * MAX_ATTRIBUTES:
            stop = _end_of_attributes(body, token.start("inside"), token.end("inside"))
            kept.append(body[copied:stop])
            copied = token.end("inside")
        if name in _RAW and not token["end"]:
            raw_end = _RAW[name].search(body, position)
            position = raw_end.start() if raw_end else len(body)
    kept.append(body[copied:])
    return b"".join(kept)


def _close(name: bytes, opened: list[bytes], n_open: dict[bytes, int]) -> bool:
    """Close an element and all that was left open in it; whether its start tag was dropped."""
    if not n_open.get(name):
        return False
    while True:
        last = opened.pop()
        n_open[last] -= 1
        if last == name:
            return len(opened) >= MAX_OPEN


def _end_of_attributes(body: bytes, start: int, end: int) -> int:
    """Where the last attribute of a tag that is kept ends."""
    for _ in range(MAX_ATTRIBUTES):
        attribute = _ATTRIBUTE.match(body, start, end)
        if attribute is None or attribute.end() == start:
            return end
        start = attribute.end()
    return start
