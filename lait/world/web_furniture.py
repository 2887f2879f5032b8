"""Which pictures does every page of a host carry that it is not about?"""

import random
from collections.abc import Sequence
from typing import Final

from lait.world.page import Rendition, Role, Slot
from lait.world.picture import Decoy, decoy, encode
from lait.world.site import Site
from lait.world.site_foreign import SITES
from lait.world.web_image import gif_pixel
from lait.world.web_response import Response

_AUTHORS: Final = ("Anna Weber", "Tom Ellery", "Grace Oduya", "Li Na", "Marek Nowak", "Sofia Ruiz")
_AD_HOST: Final = "https://ads.bannernet.example/creative/"
_N_ADS: Final = 8
_PIXEL: Final = "https://pixel.counter.example/t.gif?site={host}&page={n}"
_LARGE_BANNER_PX: Final = (1200, 320)
"""Some hosts have a banner that no size rule keeps out."""


class Furniture:
    """Draws each decoy once and remembers how a server answers for it."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Response, int, int]] = {}

    def responses(self, url: str) -> Response | None:
        """The answer for a decoy's URL, None for a URL that is none."""
        found = self._files.get(url)
        return found[0] if found else None

    def author(self, number: int) -> str:
        return _AUTHORS[number % len(_AUTHORS)]

    def slots(self, site: Site, number: int, n_avatars: int) -> list[Slot]:
        """The decoys of page `number` of a host, in the order of their roles."""
        slots: list[Slot] = []
        for role in site.decoys:
            if role == "avatar":
                slots += [self._avatar(site, number + n) for n in range(n_avatars)]
            else:
                slots.append(self._one(site, role, number))
        return slots

    def _one(self, site: Site, role: Role, number: int) -> Slot:
        index = SITES.index(site)
        static = f"{site.base_url or site.root}static/"
        match role:
            case "logo":
                return self._slot(role, f"{static}logo.png", index, alt=site.name, target=site.root)
            case "banner":
                return self._slot(role, f"{static}header-banner.jpg", index, alt="", sized=False)
            case "sprite":
                return self._slot(role, f"{static}icons-sprite.png", index, alt=None)
            case "pixel":
                url = _PIXEL.format(host=site.host, n=number)
                return self._slot(role, url, 0, alt="", hidden=site.og == "none")
            case _:
                ad = random.Random(f"ad:{site.host}:{number}").randrange(_N_ADS)
                return self._slot(
                    "advertisement", f"{_AD_HOST}{ad:02}.jpg", ad, alt="Advertisement"
                )

    def _avatar(self, site: Site, author: int) -> Slot:
        n = author % len(_AUTHORS)
        url = f"{site.base_url or site.root}users/{n + 1}/avatar.jpg"
        return self._slot("avatar", url, n, alt=_AUTHORS[n] if n % 2 else "")

    def _slot(
        self,
        role: Role,
        url: str,
        seed: int,
        *,
        alt: str | None,
        target: str = "",
        sized: bool = True,
        hidden: bool = False,
    ) -> Slot:
        if url not in self._files:
            self._files[url] = _answer(role, url, seed)
        _, width, height = self._files[url]
        return Slot(
            role=role,
            renditions=(Rendition(url=url, width_px=width, height_px=height),),
            alt=alt,
            delivery="noscript_only" if hidden else "plain",
            sized=sized,
            target=target,
        )


def _answer(role: Role, url: str, seed: int) -> tuple[Response, int, int]:
    if role == "pixel":
        return Response(url=url, content_type="image/gif", body=gif_pixel()), 1, 1
    kinds: dict[Role, Decoy] = {
        "logo": "logo",
        "avatar": "avatar",
        "advertisement": "advertisement",
        "sprite": "sprite",
        "banner": "banner",
    }
    image = decoy(kinds[role], seed)
    if role == "banner" and seed % 3 == 1:
        image = image.resize(_LARGE_BANNER_PX)
    png = url.endswith(".png")
    body = encode(image, format="png" if png else "jpeg", quality=80)
    kind = "image/png" if png else "image/jpeg"
    return Response(url=url, content_type=kind, body=body), image.width, image.height


def robots_txt(sites: Sequence[Site]) -> list[Response]:
    """Every host answers for `robots.txt`: an archive is not made of pages and images only."""
    return [
        Response(
            url=f"{site.root}robots.txt",
            content_type="text/plain; charset=utf-8",
            body=b"User-agent: *\nDisallow: /admin/\n",
        )
        for site in sites
    ]
