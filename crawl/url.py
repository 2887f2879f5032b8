"""Which absolute URL does a reference on a page name, if it names one we could fetch?"""

import ada_url

MAX_URL_CHARS = 4096
"""Longer references are data smuggled into a URL, or a mistake; servers refuse them anyway."""


def normalise(url: str, base: str) -> str | None:
    """Resolve a reference as the WHATWG URL standard does and bring it to one spelling.

    Args:
        url: The reference as the page spells it: relative, protocol-relative or absolute.
        base: The absolute URL it is relative to; '' when `url` has to be absolute.

    Returns:
        An absolute http or https URL without fragment, or None when there is nothing to fetch:
        an empty or too long reference, another scheme (`data:`, `javascript:`, `about:`),
        or text that is no URL.
    """
    reference = url.strip()
    if not reference or len(reference) > MAX_URL_CHARS or reference[0] == "#":
        return None
    if not reference.isascii():
        # The standard reads scalar values: a lone surrogate counts as U+FFFD.
        reference = reference.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    absolute = _join(reference, base) if base else _join_alone(reference)
    if absolute is None or not absolute.startswith(("http://", "https://")):
        return None
    # '#' is percent-encoded everywhere else, so the first one begins the fragment.
    absolute = absolute.partition("#")[0]
    return absolute if len(absolute) <= MAX_URL_CHARS else None


def _join(reference: str, base: str) -> str | None:
    try:
        return str(ada_url.join_url(base, reference))
    except ValueError:
        return _join_alone(reference)  # an unusable base does not spoil an absolute URL


def _join_alone(reference: str) -> str | None:
    try:
        return str(ada_url.normalize_url(reference))
    except ValueError:
        return None
