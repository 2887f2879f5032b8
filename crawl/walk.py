"""In reading order: which texts, headings and images does a document hold, and in which boxes?"""

import re
from collections.abc import Iterator

from lxml import etree

from crawl.outline import Box, Heading, Kind, Outline, Seen

RUNNING_CHARS = 25
"""A shorter block is a label, a date or a button, not running text."""
_PARAGRAPH = re.compile("\0\\s*\0[\\s\0]*")
"""Two line breaks in a row; NUL, which no parsed text can hold, marks each."""

_RUNNING_KIND, _SHORT_KIND, _LINKS_KIND, _HEADING_KIND, _CAPTION_KIND = Kind

# What an element does to the text around it. Plain integers: the walk compares them for every
# element of every page, and inline elements must be false.
_INLINE, _BLOCK, _SKIP, _IMAGE, _BREAK, _MUTE, _HEADING, _LINK, _CAPTION = range(9)
_TAGS = {
    _INLINE: "abbr acronym b bdi bdo big center cite code data del dfn em font i ins kbd label"
    " mark param picture q s samp small source span strike strong sub sup time track tt u var wbr",
    # Nothing inside is ever shown, or none of it is HTML.
    _SKIP: "script style template head title",
    _IMAGE: "img amp-img amp-anim image",
    _BREAK: "br",
    # Images inside are still images of the page, but the words are not its running text.
    _MUTE: "nav footer noscript button select option textarea svg form iframe object audio"
    " video canvas dialog menu math",
    _HEADING: "h1 h2 h3 h4 h5 h6",
    _LINK: "a",
    _CAPTION: "figcaption",
}
_IMAGE_TAGS = _TAGS[_IMAGE].split()
_FLOWING = (_INLINE, _IMAGE, _LINK, _CAPTION)
"""Roles that neither end a block nor hide text."""
_ROLE_OF: dict[str, int] = {tag: role for role, tags in _TAGS.items() for tag in tags.split()}

_Open = tuple[Iterator[etree._Element], etree._Element, int, int, int, int]
"""An open element: its children that are still to come, itself, its role, the elements before it,
and how much running text and how many images came before it."""


def outline(root: etree._Element) -> Outline:
    """Walk a tree once, without recursion: deep documents cost no stack."""
    return _Walk().run(root)


def holds_image(element: etree._Element) -> bool:
    """Whether an element is an image or has one inside."""
    return next(element.iter(*_IMAGE_TAGS), None) is not None


def inner_text(element: etree._Element) -> str:
    """The words of an element, white space folded, neighbouring blocks kept apart."""
    n_children = len(element)
    if not n_children:
        return " ".join((element.text or "").split())
    if n_children == 1 and element[0].tag == "img":  # most links around an image
        return " ".join(f"{element.text or ''}{element[0].tail or ''}".split())
    for child in element.iter():
        if _ROLE_OF.get(child.tag, _BLOCK) not in _FLOWING:
            break
    else:
        return " ".join("".join(map(str, element.itertext(with_tail=False))).split())
    return " ".join(outline(element).blocks)


class _Walk:
    """The state of one walk; see `outline`."""

    def __init__(self) -> None:
        self.out = Outline()
        self.in_caption = 0
        self.heading: tuple[int, int] | None = None
        """First block and order of the heading that is open."""
        self.boxes: list[Box] = []
        """Boxes of the outermost open elements: made only once an image needs them."""

    def run(self, root: etree._Element) -> Outline:
        # This loop runs for every element of the web, so it is one function: local names, and no
        # call for the roles that nearly all elements have. Where text is not shown and there is
        # no image it does not enter.
        out, boxes, role_of, flush = self.out, self.boxes, _ROLE_OF, self.flush
        images = out.images
        # Texts of the block that is being read.
        pieces = [root.text] if root.text and not root.text.isspace() else []
        link_chars = order = muted = in_link = 0
        parent, role, parent_order, n_chars, n_images = root, _BLOCK, 0, 0, 0
        # A slice is quicker than the element's own iterator.
        children: Iterator[etree._Element] = iter(root[:])  # type: ignore[index]
        stack: list[_Open] = []
        while True:
            for element in children:
                order += 1
                kind = role_of.get(element.tag, _BLOCK)
                if kind == _SKIP:
                    text = element.tail
                elif kind == _IMAGE:
                    opened = (children, parent, role, parent_order, n_chars, n_images)
                    self.image(element, order, [*stack, opened], bool(pieces))
                    if element.tag == "image" and len(element):
                        # Somebody's `img`, for which lxml knows no such thing as an end.
                        stack.append(opened)
                        children = iter(element[:])  # type: ignore[index]
                        parent, role, parent_order = element, _INLINE, order
                        n_chars, n_images = out.n_chars, len(images)
                        text = element.text
                        if text and (pieces or not text.isspace()) and not muted:
                            pieces.append(text)
                        break
                    text = element.tail
                else:
                    if kind == _BLOCK:
                        if pieces:
                            link_chars = flush(pieces, link_chars)
                    elif kind == _LINK:
                        in_link += 1
                    elif kind == _BREAK:
                        if pieces:
                            pieces.append("\0")
                    elif kind:
                        if pieces:
                            link_chars = flush(pieces, link_chars)
                        if kind == _MUTE:
                            muted += 1
                        else:
                            self.enter(kind, order)
                    text = element.text
                    if text and (pieces or not text.isspace()) and not muted:
                        pieces.append(text)
                        if in_link:
                            link_chars += len(text)
                    if len(element):
                        if muted == 1 and kind == _MUTE and not holds_image(element):
                            order += len(list(element.iter())) - 1
                        else:
                            stack.append((children, parent, role, parent_order, n_chars, n_images))
                            children = iter(element[:])  # type: ignore[index]
                            parent, role, parent_order = element, kind, order
                            n_chars, n_images = out.n_chars, len(images)
                            break
                    if kind:
                        if kind == _LINK:
                            in_link -= 1
                        elif kind != _BREAK:
                            if pieces:
                                link_chars = flush(pieces, link_chars)
                            if kind == _MUTE:
                                muted -= 1
                            elif kind != _BLOCK:
                                self.leave(kind, element)
                    text = element.tail
                if text and (pieces or not text.isspace()) and not muted:
                    pieces.append(text)
                    if in_link:
                        link_chars += len(text)
            else:
                if role == _LINK:
                    in_link -= 1
                elif role:
                    if pieces:
                        link_chars = flush(pieces, link_chars)
                    if role == _MUTE:
                        muted -= 1
                    elif role != _BLOCK:
                        self.leave(role, parent)
                if len(boxes) > len(stack):
                    box = boxes.pop()
                    box.n_chars = out.n_chars - n_chars
                    box.n_images = len(images) - n_images
                if not stack:
                    return out
                text = parent.tail
                children, parent, role, parent_order, n_chars, n_images = stack.pop()
                if text and (pieces or not text.isspace()) and not muted:
                    pieces.append(text)
                    if in_link:
                        link_chars += len(text)

    def image(self, element: etree._Element, order: int, stack: list[_Open], inside: bool) -> None:
        boxes = self.boxes
        above = boxes[-1] if boxes else None
        for _, parent, _, parent_order, _, _ in stack[len(boxes) :]:
            above = Box(parent, parent.tag, above, parent_order, len(boxes), 0, 0)
            boxes.append(above)
        assert above is not None, element
        attributes: dict[str, str] = dict(element.items())  # type: ignore[arg-type]
        seen = Seen(element, attributes, above, order, len(self.out.blocks), inside)
        self.out.images.append(seen)

    def enter(self, role: int, order: int) -> None:
        if role == _CAPTION:
            self.in_caption += 1
        elif role == _HEADING and self.heading is None:
            self.heading = (len(self.out.blocks), order)

    def leave(self, role: int, element: etree._Element) -> None:
        if role == _CAPTION:
            self.in_caption -= 1
        elif role == _HEADING and self.heading is not None:
            block, order = self.heading
            self.heading = None
            if text := " ".join(self.out.blocks[block:]):
                level = int(element.tag[1])
                heading = Heading(level=level, text=text, block=block, order=order)
                self.out.headings.append(heading)

    def flush(self, pieces: list[str], link_chars: int) -> int:
        """End the current block; the next one begins with no characters inside links."""
        joined = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        if "\0" in joined:
            for part in _PARAGRAPH.split(joined):
                self.append(" ".join(part.replace("\0", " ").split()), link_chars)
            return 0
        text = " ".join(joined.split())
        if text:
            self.append(text, link_chars)
        return 0

    def append(self, text: str, link_chars: int) -> None:
        if not text:
            return
        out = self.out
        n_chars = len(text)
        if self.heading is not None:
            kind = _HEADING_KIND
        elif self.in_caption:
            kind = _CAPTION_KIND
        elif link_chars * 2 > n_chars:
            kind = _LINKS_KIND
        elif n_chars < RUNNING_CHARS:
            kind = _SHORT_KIND
        else:
            kind = _RUNNING_KIND
            out.n_chars += n_chars
        out.blocks.append(text)
        out.kinds.append(kind)
