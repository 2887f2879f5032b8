"""Which texts do real pages put around pictures that say nothing true about them?"""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

Noise = Literal["boilerplate", "file_name", "spam", "short", "long", "language", "oov", "generic"]

BOILERPLATE: Final = (
    "click to enlarge",
    "photo of the day",
    "click here to view larger image",
    "image may be subject to copyright",
    "featured image for this post",
    "image courtesy of the author",
    "tap on the picture to zoom",
    "no description available",
)
FILE_NAMES: Final = (
    "IMG_{n:04d}.JPG",
    "DSC{n:05d}.jpg",
    "P10{n:05d}.jpeg",
    "header-final-v2-{n}x800.png",
    "screenshot_2021-05-{d:02d}_{n}.png",
    "photo-{n}-scaled-e16{n}.webp",
)
SPAM: Final = (
    "cheap watches cheap watches buy cheap watches best cheap watches online",
    "FREE casino bonus FREE spins win casino money casino casino now",
    "viagra cialis no prescription cheap pills online pharmacy order viagra",
    "hot xxx adult webcam free porn video click here now",
    "lose weight fast!!! lose weight now!!! lose weight without diet!!!",
)
SHORT: Final = ("red", "a ball", "nice", "blue one", "so pretty", "look")
LONG_START: Final = (
    "This entry was moved here from our older site and keeps the complete description that the "
    "first editor wrote for it, which goes on about the weather of that year, the train we missed, "
    "the sandwiches we had on the platform, the friend who lent us a tripod, the shop that no "
    "longer exists, the letters that readers sent afterwards, the prize that we nearly won, the "
    "exhibition that was planned and then cancelled twice, the printer who ran out of paper, the "
    "neighbour who wanted a copy, and everything else that came to mind before lunch on day {n}"
)
FOREIGN: Final = (
    "ein kleines Haus steht am Rand der Wiese neben einem großen Baum",
    "der Wagen parkt vor dem Laden und niemand ist auf der Straße",
    "un chat dort sur le mur pendant que les enfants jouent dans la cour",
    "une vieille maison au bord de la rivière avec des fleurs à la fenêtre",
    "un barco pequeño descansa en la playa mientras los niños juegan",
    "красный мяч лежит на траве рядом с белым домом",
)
_SYLLABLES: Final = ("qwx", "zzk", "trn", "vlb", "mmp", "xjo", "grf", "pfl", "wug", "skr", "bnt")
GENERIC: Final = (
    "Handmade gift idea from our spring collection",
    "One of the most popular items in our shop this month",
    "A favourite of our readers from the past year",
)
"""True of anything: what a shop writes on every product."""


def _boilerplate(rng: random.Random) -> str:
    return rng.choice(BOILERPLATE)


def _file_name(rng: random.Random) -> str:
    return rng.choice(FILE_NAMES).format(n=rng.randrange(100, 9999), d=rng.randrange(1, 29))


def _long(rng: random.Random) -> str:
    return LONG_START.format(n=rng.randrange(2, 400))


def _oov(rng: random.Random) -> str:
    words = ("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))) for _ in range(7))
    return " ".join(words)


_MAKERS: Final[Mapping[Noise, Callable[[random.Random], str]]] = MappingProxyType(
    {
        "boilerplate": _boilerplate,
        "file_name": _file_name,
        "spam": lambda rng: rng.choice(SPAM),
        "short": lambda rng: rng.choice(SHORT),
        "long": _long,
        "language": lambda rng: rng.choice(FOREIGN),
        "oov": _oov,
        "generic": lambda rng: rng.choice(GENERIC),
    }
)


def noise(kind: Noise, rng: random.Random) -> str:
    """A text of one kind that describes no picture in particular."""
    return _MAKERS[kind](rng)


FILLER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "article": (
            "The editors received more than forty letters about the last issue and read them all.",
            "Work on the new library will begin once the council has agreed on the budget.",
            "Several people asked why the bus no longer stops near the old post office.",
            "Our reporter spent the afternoon talking with residents who had stayed at home.",
            "The report will be discussed again when the committee meets in the autumn.",
            "Nobody was able to say when the road would be open for traffic again.",
            "A spokesperson thanked the volunteers for their patience during the long evening.",
            "Tickets are sold at the door, and children under twelve do not have to pay.",
            "The weather service expects a mild week with a little rain towards the weekend.",
            "This story was updated after publication to correct the spelling of a name.",
        ),
        "blog": (
            "I have been meaning to write this post for weeks, and today I finally found time.",
            "Thank you to everyone who commented on my last entry, you made my whole month.",
            "My plan for the coming year is to travel less and to write a little more often.",
            "If you have a question about my notes, the contact form is the best way to ask.",
            "Coffee helped, as it always does when I try to sort through an old hard disk.",
            "There will be a longer version of this story once I have talked to my sister.",
            "I still cannot believe how quickly the summer went by this time.",
            "Next week I want to try the recipe that my neighbour gave me.",
            "Some days everything simply works, and I was lucky enough to have one of them.",
            "You can subscribe by mail if you do not want to miss the next part.",
        ),
        "gallery": (
            "All works in this collection may be viewed free of charge by registered visitors.",
            "The album is sorted by date, and the newest additions are shown first.",
            "Members can leave a rating after they have signed in to their account.",
            "Prints of most works can be ordered through the office during opening hours.",
            "We thank the contributors who sent us their work over the past ten years.",
            "The series was shown for the first time at a small fair in the north.",
            "Exposure and colours were left as they came out of the camera.",
            "A short text about each contributor can be found on the people page.",
            "Please tell us when you find a mistake in one of our descriptions.",
            "The archive is growing slowly, because every entry is checked by hand.",
        ),
        "shop": (
            "Orders placed before noon leave our warehouse on the same working day.",
            "You may return any item within thirty days if you are not satisfied with it.",
            "Delivery is free for every order above fifty pounds inside the country.",
            "Please allow for a small difference in measurements, since each piece is unique.",
            "Our customers gave this item an average of four and a half stars.",
            "Wipe it with a dry cloth only, and keep it away from direct heat.",
            "The gift box can be added on the next page for a small extra charge.",
            "We have worked with the same small family business for over twenty years.",
            "Questions about your order are answered by our team from Monday to Friday.",
            "Stock is limited, and we cannot say yet when the next batch will arrive.",
        ),
        "forum": (
            "Hi all, this is my first post here, so please be gentle with me.",
            "I searched the older threads but could not find anything that fits my question.",
            "Thanks for the quick answer, I will try that as soon as I am back home.",
            "Has anybody else seen this, or is it only me being unlucky once again?",
            "Please keep the discussion friendly and read the rules before you reply.",
            "I moved this thread to the right section, nothing else was changed.",
            "It took me most of the evening, but I think it was worth the effort.",
            "Does anyone know where one can still get these for a reasonable price?",
            "You should really make a backup before you change any of the settings.",
            "Same here, and restarting the machine did not make any difference at all.",
        ),
    }
)
"""Running text of each genre that is true whatever the picture shows."""


def filler(genre: str, n: int, rng: random.Random) -> list[str]:
    """`n` different generic sentences (at most ten) of one genre."""
    return rng.sample(FILLER[genre], n)
