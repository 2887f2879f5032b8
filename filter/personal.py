"""Does a text hold what belongs to one person: an address, a telephone, an account?

Patterns with a check where there is one (Luhn for cards, ISO/IEC 7812; ISO 7064 mod 97 for IBAN,
ISO 13616). They find what is written plainly; they know nothing of names and street addresses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from filter.verdict import Drop

_EMAIL: Final = re.compile(
    r"\b[\w.+-]{1,64}(?:@| ?[\[(]at[\])] ?)[\w-]{1,63}"
    r"(?:(?:\.| ?[\[(]dot[\])] ?)[\w-]{1,63}){0,4}(?:\.| ?[\[(]dot[\])] ?)[a-z]{2,24}\b",
    re.IGNORECASE,
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD: Final = re.compile(r"(?<![\d.,-])[2-6]\d{3}(?:[ -]?\d{2,6}){2,4}(?![\d-])")
_CARD_DIGITS: Final = range(13, 20)
_PHONE: Final = (
    re.compile(r"(?<![\w+])(?<!\d )(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\w)"),
    re.compile(r"(?<![\w-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])"),
    re.compile(
        r"\b(?:tel|telephone|phone|mobile|cell|fax|whatsapp|call|text)\b(?: us| me| now)?"
        r"(?: at| on)?[ .:]{1,3}\(?\+?\d(?:[ ./()-]{0,2}\d){6,14}(?!\w)",
        re.IGNORECASE,
    ),
)
_PHONE_DIGITS: Final = range(7, 16)


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")


def _is_card(found: str) -> bool:
    digits = [int(char) for char in _digits(found)]
    if len(digits) not in _CARD_DIGITS:
        return False
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(found: str) -> bool:
    bare = found.replace(" ", "")
    turned = bare[4:] + bare[:4]
    return 15 <= len(bare) <= 34 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _is_phone(found: str) -> bool:
    return len(_digits(found)) in _PHONE_DIGITS


def _always(_found: str) -> bool:
    return True


_KINDS: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("e-mail", _EMAIL, _always),
    ("IBAN", _IBAN, _is_iban),
    ("card number", _CARD, _is_card),
    *(("telephone", pattern, _is_phone) for pattern in _PHONE),
)


def personal_data(text: str) -> str | None:
    """Which kind of personal data a text holds, or None."""
    for kind, pattern, holds in _KINDS:
        if any(holds(found.group()) for found in pattern.finditer(text)):
            return kind
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """Drops texts with an e-mail address, a telephone, card or account number.

    The drop names the kind, not what was found.
    """

    stage: ClassVar[str] = "text"

    def __call__(self, text: str, /) -> Drop | None:
        kind = personal_data(text)
        return None if kind is None else Drop(reason="text_personal", value=kind)
