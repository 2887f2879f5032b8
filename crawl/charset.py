"""Which character encoding does a document have, decided as the HTML standard decides?"""

import re

import webencodings

PRESCAN_BYTES = 1024
_MAX_META_BYTES = 300
LATE_META_BYTES = 64 * 2**10
"""The standard's parser also obeys a `<meta>` it meets after the prescan; we look this far."""
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*(?P<name>=?[^\t\n\f\r />=]*)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*"
    rb"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    rb"|(?P<bare>[^\"'\t\n\f\r >][^\t\n\f\r >]*|(?=>))))?",
    re.DOTALL,
)
_META = re.compile(rb"<meta(?=[\t\n\f\r /])", re.IGNORECASE)
# Tags without quirks, in which no `<meta>` can hide: most of the heads of the web begin so.
_PLAIN_HEAD = re.compile(
    rb"(?>[^<]*<(?!meta[\t\n\f\r /]|!--)[/!a-z](?>[^<>\"']+|\"[^\"<]*\"|'[^'<]*')*>)*+",
    re.IGNORECASE,
)
_RAW_TEXT = re.compile(
    rb"<(?:!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->|\Z)"
    rb"|(script|style|title|textarea)\b[^<]*+(?:<(?!/\1)[^<]*+)*+(?:</\1|\Z))",
    re.IGNORECASE,
)
_TAG = re.compile(rb"</?[a-z][^\t\n\f\r >]*", re.IGNORECASE)
_CHARSET = re.compile(
    r"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\"'\t\n\f\r ;][^\t\n\f\r ;]*))",
    re.IGNORECASE,
)
_XML_ENCODING = re.compile(rb"encoding[\x00-\x20]*=[\x00-\x20]*(?:\"([^\"]*)\"|'([^']*)')")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))

_PYTHON_CODEC = {
    # Python's codecs of these names know fewer characters than the Encoding standard's indexes.
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "gbk": "gb18030",
    "iso-8859-8-i": "iso-8859-8",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
}


def sniff(body: bytes, content_type: str) -> str | None:
    """The encoding a document declares: byte order mark, transport, then `<meta>`.

    Follows the encoding sniffing algorithm of the HTML standard without its heuristic steps.

    Args:
        body: The document's bytes.
        content_type: Value of the Content-Type header, or ''.

    Returns:
        The encoding's canonical name in lower case, or None when nothing is declared.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    return _from_label(_content_charset(content_type)) or prescan(body) or _late_meta(body)


def decode(body: bytes, content_type: str) -> tuple[str, str]:
    """Decode a document to text.

    Where nothing is declared the text is UTF-8 if its bytes are valid UTF-8, otherwise
    windows-1252, the standard's default for most locales. Never raises: what cannot be decoded
    becomes U+FFFD.

    Args:
        body: The document's bytes.
        content_type: Value of the Content-Type header, or ''.

    Returns:
        The text without byte order mark, and the canonical lower-case name of its encoding.
    """
    name = sniff(body, content_type)
    for mark, marked in _BOMS:
        if name == marked and body.startswith(mark):
            body = body[len(mark) :]
            break
    if name is not None:
        return _decode_as(body, name), name
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _decode_as(body, "windows-1252"), "windows-1252"


def to_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The document in UTF-8, and the name of the encoding it had.

    UTF-8 documents pass through uncopied and unchecked (most of the web): the HTML parser
    replaces invalid sequences itself. Everything else goes through `decode`.
    """
    if sniff(body, content_type) == "utf-8":
        return body.removeprefix(b"\xef\xbb\xbf"), "utf-8"
    text, name = decode(body, content_type)
    return (body if name == "utf-8" else text.encode("utf-8", "replace")), name


def prescan(body: bytes) -> str | None:
    """Prescan of the first 1024 bytes for a declared encoding (HTML standard, 13.2.3.2)."""
    head = body[:PRESCAN_BYTES]
    if head.startswith(b"<\x00?\x00x\x00"):
        return "utf-16le"
    if head.startswith(b"\x00<\x00?\x00x"):
        return "utf-16be"
    if b"charset" not in head.lower():
        return _xml_encoding(head)
    plain = _PLAIN_HEAD.match(head)
    position = plain.end() if plain else 0
    while (position := head.find(b"<", position)) >= 0:
        if head.startswith(b"<!--", position):
            # The closing dashes may be the opening ones: `<!-->` is a whole comment.
            end = head.find(b"-->", position + 2)
            position = len(head) if end < 0 else end + 3
        elif _META.match(head, position):
            attributes, position = _attributes(head, position + 5)
            if name := _meta_encoding(attributes):
                return name
        elif tag := _TAG.match(head, position):
            _, position = _attributes(head, tag.end())
        elif head[position + 1 : position + 2] in (b"!", b"/", b"?"):
            end = head.find(b">", position + 2)
            position = len(head) if end < 0 else end + 1
        else:
            position += 1
    return _xml_encoding(head)


def _late_meta(body: bytes) -> str | None:
    """The first `<meta>` after the prescan that declares an encoding, outside of raw text."""
    if len(body) <= PRESCAN_BYTES:
        return None
    head = body[:LATE_META_BYTES].lower()
    hints = _hints(head)
    # The first hint is the one, nearly always; the search stops at a bounded number.
    for end in dict.fromkeys((*hints[:1], *hints[-1:])):
        # Only a script's end shows that a `<meta>` was a string of its: cut scripts first.
        text = _RAW_TEXT.sub(b"", head[: end + PRESCAN_BYTES])
        for meta in _META.finditer(text):
            attributes, _ = _attributes(text[meta.end() : meta.end() + PRESCAN_BYTES], 0)
            if name := _meta_encoding(attributes):
                return name
    return None


def _hints(head: bytes) -> list[int]:
    """Where the word `charset` stands in what looks like a `<meta>`."""
    found: list[int] = []
    at = -1
    while (at := head.find(b"charset", at + 1)) >= 0:
        start = head.rfind(b"<meta", max(at - _MAX_META_BYTES, 0), at)
        if start >= 0 and head.find(b">", start, at) < 0:
            found.append(at)
    return found


def _attributes(head: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """Attributes of a tag, first of each name, and where the tag ends."""
    found: dict[bytes, bytes] = {}
    while match := _ATTRIBUTE.match(head, position):
        name = match["name"].lower()
        if not name:
            break
        value = next((v for v in match.group("double", "single", "bare") if v is not None), b"")
        found.setdefault(name, value.lower())
        position = match.end()
    end = head.find(b">", position)
    if end < 0:
        return {}, len(head)  # a tag cut by the end of the prescan counts for nothing
    return found, end + 1


def _meta_encoding(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        name = _from_label(attributes[b"charset"].decode("latin-1"))
    elif attributes.get(b"http-equiv") == b"content-type":
        name = _from_label(_content_charset(attributes.get(b"content", b"").decode("latin-1")))
    else:
        return None
    return _ascii_compatible(name)


def _ascii_compatible(name: str | None) -> str | None:
    """A document whose ASCII tags we could read is not in UTF-16, whatever it says."""
    if name in ("utf-16le", "utf-16be"):
        return "utf-8"
    return "windows-1252" if name == "x-user-defined" else name


def _content_charset(content: str) -> str:
    """Extract a character encoding from a `Content-Type` or meta element's content."""
    match = _CHARSET.search(content)
    return next((group for group in match.groups() if group is not None), "") if match else ""


def _xml_encoding(head: bytes) -> str | None:
    if not head.startswith(b"<?xml"):
        return None
    match = _XML_ENCODING.search(head, 0, max(head.find(b">"), 0))
    if not match:
        return None
    return _ascii_compatible(_from_label((match[1] or match[2] or b"").decode("latin-1")))


def _from_label(label: str) -> str | None:
    encoding = webencodings.lookup(label) if label else None
    return None if encoding is None else str(encoding.name).lower()


def _decode_as(body: bytes, name: str) -> str:
    if name == "windows-1252":
        # The standard maps the five bytes that Python leaves undefined to C1 controls.
        text = body.decode("cp1252", "surrogateescape")
        return text if text.isascii() else text.translate(_C1_CONTROLS)
    if name == "replacement":
        return "\ufffd" if body else ""  # labels of encodings that were only ever used to attack
    if name == "x-user-defined":
        return str(webencodings.decode(body, name)[0])
    return body.decode(_PYTHON_CODEC.get(name, name), "replace")


_C1_CONTROLS = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
