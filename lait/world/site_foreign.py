"""Which hosts of other languages does the demo web have, and which are all its hosts?"""

from typing import Final

from lait.world.page_article import lantern
from lait.world.page_blog import pressed
from lait.world.page_forum import board
from lait.world.page_gallery import viewer
from lait.world.page_shop import tabbed
from lait.world.site import Site
from lait.world.site_english import ALL_DECOYS, ENGLISH_SITES

FOREIGN_SITES: Final[tuple[Site, ...]] = (
    Site(
        host="www.talbote.example",
        name="Talbote",
        genre="article",
        template=lantern,
        page_path="artikel/{n}.html",
        file_url="https://www.talbote.example/bilder/{name}.{ext}",
        deliveries=("plain", "lazy_src"),
        url_style="root",
        og="right",
        decoys=ALL_DECOYS,
        charset="windows-1252",
        declared="header",
        language="de",
    ),
    Site(
        host="boutique.moulin.example",
        name="Le Moulin",
        genre="shop",
        template=tabbed,
        page_path="produit/{n}",
        file_url="https://boutique.moulin.example/img/{name}-{w}.{ext}",
        deliveries=("srcset_width",),
        url_style="protocol",
        og="logo",
        decoys=ALL_DECOYS,
        charset="iso-8859-1",
        declared="http_equiv",
        language="fr",
    ),
    Site(
        host="caminos.blogs.example",
        name="Caminos",
        genre="blog",
        template=pressed,
        page_path="entrada-{n}/",
        file_url="https://caminos.blogs.example/entrada-{n}/{name}.{ext}",
        deliveries=("plain", "noscript_lazy"),
        url_style="relative",
        og="none",
        decoys=ALL_DECOYS,
        declared="meta",
        coding="gzip",
        language="es",
    ),
    Site(
        host="umibe.example",
        name="海辺写真館",
        genre="gallery",
        template=viewer,
        page_path="works/{n}.html",
        # The folder is called 写真: percent-encoded as UTF-8 whatever the charset of the page.
        file_url="https://umibe.example/%E5%86%99%E7%9C%9F/{name}.{ext}",
        deliveries=("plain",),
        url_style="root",
        og="right",
        decoys=("logo", "avatar"),
        charset="shift_jis",
        declared="header",
        language="ja",
    ),
    Site(
        host="forum.mastera.example",
        name="Мастера",
        genre="forum",
        template=board,
        page_path="topic.php?id={n}",
        file_url="http://forum.mastera.example/files/{n}/{name}.{ext}",
        deliveries=("plain", "lazy_original"),
        url_style="absolute",
        og="none",
        decoys=ALL_DECOYS,
        charset="windows-1251",
        declared="http_equiv",
        language="ru",
        scheme="http",
    ),
)

SITES: Final[tuple[Site, ...]] = (*ENGLISH_SITES, *FOREIGN_SITES)
