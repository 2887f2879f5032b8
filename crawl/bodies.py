"""What was the entity, before transfer and content encodings were put around it?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from crawl.codecs import MAGIC_BYTES, PIECE_BYTES, Codec, CodingBroken, open_codec

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
MAX_ENCODINGS = 4
"""Nobody needs more layers of compression; a longer chain is an attack."""
_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
_AS_IT_IS: Final = frozenset({"identity", "none", "binary", "utf-8", "utf8"})
"""What servers, misconfigured ones among them, write for "as it is"."""


class BodyTooLarge(ValueError):  # noqa: N818 -- reads as the fact it states
    """A body expands beyond the bytes we are willing to hold."""


class BodyUnreadable(ValueError):  # noqa: N818
    """A body is in an encoding we cannot remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An entity body, and whether all of it was there."""

    data: bytes
    complete: bool
    """False when the encoded stream ended early or broke: `data` is what came before."""


class Decoder:
    """Removes content codings from a body while it arrives.

    A body that plainly is not in the coding it claims is passed through: archives keep the headers
    of codings that their crawler has removed already, and servers lie.
    """

    def __init__(self, content: str, max_bytes: int) -> None:
        """
        Args:
            content: Value of the Content-Encoding header, or ''; codings in the order applied.
            max_bytes: Limit of the decoded body, and of every layer between.

        Raises:
            BodyUnreadable: An unknown coding, or more than four of them.
        """
        codings = [word for word in re.split(r"[\s,]+", content.lower()) if word]
        if len(codings) > MAX_ENCODINGS:
            raise BodyUnreadable(f"{len(codings)} content encodings, more than {MAX_ENCODINGS}")
        self._layers: list[_Layer] = []
        for coding in reversed(codings):
            if coding in _CODINGS:
                self._layers.append(_Layer(coding, max_bytes))
            elif coding not in _AS_IT_IS:
                raise BodyUnreadable(f"unknown content encoding {coding[:40]!r}")
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self.n_bytes = 0
        """Decoded so far."""

    def push(self, data: bytes) -> None:
        """Take encoded bytes as they arrived. Raises BodyTooLarge as soon as it is."""
        for piece in self._through(data, 0):
            self.n_bytes += len(piece)
            self._pieces.append(piece)
            if self.n_bytes > self._max_bytes:
                raise BodyTooLarge(f"body is over {self._max_bytes} bytes")

    def finish(self) -> Body:
        """The body, after the last byte has been pushed. Raises BodyTooLarge."""
        for depth, layer in enumerate(self._layers):
            for piece in layer.rest():
                for inner in self._through(piece, depth + 1):
                    self.n_bytes += len(inner)
                    self._pieces.append(inner)
        if self.n_bytes > self._max_bytes:
            raise BodyTooLarge(f"body of {self.n_bytes} bytes is over {self._max_bytes}")
        complete = all(layer.complete for layer in self._layers)
        return Body(data=b"".join(self._pieces), complete=complete)

    def beginning(self) -> bytes:
        """What has been decoded so far, at most `max_bytes` of it."""
        return b"".join(self._pieces)[: self._max_bytes]

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._layers):
            yield data
            return
        for piece in self._layers[depth].push(data):
            yield from self._through(piece, depth + 1)


class _Layer:
    """One coding around a body."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._coding = coding
        self._max_bytes = max_bytes
        self._codec: Codec | None = None
        self._held = bytearray()
        """All that came in, as long as nothing came out: it may not be in the coding at all."""
        self._plain = False
        self._broken = False
        self._n_in = 0
        self._n_out = 0

    @property
    def complete(self) -> bool:
        if self._plain or not self._n_in:
            return True
        return self._codec is not None and self._codec.complete and not self._broken

    def push(self, data: bytes) -> Iterator[bytes]:
        self._n_in += len(data)
        if self._plain:
            yield data
            return
        if self._broken:
            return
        if not self._n_out:
            self._held += data
        if self._codec is None:
            if len(self._held) < MAGIC_BYTES:
                return
            data = bytes(self._held)
        yield from self._decode(data)

    def rest(self) -> Iterator[bytes]:
        """What a body shorter than any header of the coding holds."""
        if self._codec is None and self._held and not self._plain:
            yield from self._decode(bytes(self._held))
        # Raw deflate has no header to tell it by: text may pass for the beginning of a block.
        if self._coding == "deflate" and not self._n_out and not self.complete:
            yield from self._give_up_on_coding()

    def _decode(self, data: bytes) -> Iterator[bytes]:
        self._codec = self._codec or open_codec(self._coding, bytes(self._held[:MAGIC_BYTES]))
        if self._codec is None:
            yield from self._give_up_on_coding()
            return
        try:
            for piece in self._codec.push(data):
                self._held.clear()
                self._n_out += len(piece)
                if self._n_out > self._max_bytes:
                    raise BodyTooLarge(f"{self._coding} body is over {self._max_bytes} bytes")
                yield piece
        except CodingBroken:
            if self._n_out:
                self._broken = True
            else:
                yield from self._give_up_on_coding()

    def _give_up_on_coding(self) -> Iterator[bytes]:
        self._plain = True
        held = bytes(self._held)
        self._held.clear()
        yield held


def decode_body(raw: bytes, transfer: str, content: str, max_bytes: int) -> Body:
    """Remove chunked transfer coding and content codings, never holding more than `max_bytes`.

    Args:
        raw: The body as received.
        transfer: Value of the Transfer-Encoding header, or ''.
        content: Value of the Content-Encoding header, or ''; codings in the order applied.
        max_bytes: Limit of the decoded body, and of every layer between.

    Raises:
        BodyTooLarge: The body, or a layer of it, is larger than `max_bytes`.
        BodyUnreadable: An unknown coding, or more than four of them.
    """
    body = Body(data=raw, complete=True)
    if "chunked" in transfer.lower():
        body = _dechunk(raw)
    decoder = Decoder(content, max_bytes)
    for position in range(0, len(body.data), PIECE_BYTES):
        decoder.push(body.data[position : position + PIECE_BYTES])
    decoded = decoder.finish()
    return Body(data=decoded.data, complete=body.complete and decoded.complete)


def _dechunk(raw: bytes) -> Body:
    pieces: list[bytes] = []
    position = 0
    while match := _CHUNK_SIZE.match(raw, position):
        size = int(match[1], 16)
        if size == 0:
            return Body(data=b"".join(pieces), complete=True)
        piece = raw[match.end() : match.end() + size]
        pieces.append(piece)
        position = match.end() + size
        if len(piece) < size:
            break
        if raw.startswith(b"\r\n", position):
            position += 2
        elif raw.startswith(b"\n", position):
            position += 1
    if not pieces:
        return Body(data=raw, complete=True)  # the crawler has removed the chunks already
    return Body(data=b"".join(pieces), complete=False)
