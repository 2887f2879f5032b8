"""Where does one sentence of running text end and the next begin?"""

import re
from typing import Final

_BOUNDARY: Final = re.compile(r"""(?<=[.!?…])["'”’)\]]*\s+(?=["'“‘(\[]*[^\W_a-z])|\s*[|•·►»]\s*""")
"""White space after a full stop and before anything but a lower-case letter; or a list mark."""

_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\"'“])(?:[A-Z]|(?:[A-Z]\.)+[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Mt|Ft|Gen|Col|Sgt|Capt|Rev|Hon"
    r"|Jr|Sr|Inc|Ltd|Co|Corp|Fig|No|Vol|vs|etc|ca|approx|e\.g|i\.e|a\.m|p\.m|Jan|Feb|Mar|Apr"
    r"|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
"""A full stop after one of these, or after an initial, ends no sentence."""


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text in order, each with its end mark, white space folded.

    Rules, not a model: good enough to offer candidates, of which the relevance model picks.
    """
    folded = " ".join(text.split())
    found: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(folded):
        # The closing quotes and brackets that a boundary swallowed belong to the sentence.
        piece = folded[start : boundary.start()] + boundary.group().strip(" |•·►»")
        if _ABBREVIATION.search(piece):
            continue
        found.append(piece.strip())
        start = boundary.end()
    found.append(folded[start:].strip())
    return tuple(piece for piece in found if piece)
