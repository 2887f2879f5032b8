"""Which words do sites of each language put around their content?"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Chrome:
    """What the furniture of a site says: menus, headings and footers in one language."""

    menu: tuple[str, ...]
    related: str
    advertisement: str
    comments: str
    about: str
    by: str
    footer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language other than English with things to say in it."""

    code: str
    """ISO 639-1."""
    headings: tuple[str, ...]
    descriptions: tuple[str, ...]
    """What alt texts and captions say."""
    sentences: tuple[str, ...]
    chrome: Chrome


ENGLISH: Final = Chrome(
    menu=("Home", "Latest", "Archive", "About us", "Contact"),
    related="You may also like",
    advertisement="Advertisement",
    comments="Comments",
    about="About this site",
    by="By",
    footer="All rights reserved. Terms of use. Privacy.",
)

TONGUES: Final[Mapping[str, Tongue]] = MappingProxyType(
    {
        "de": Tongue(
            code="de",
            headings=("Ein Spaziergang über den Markt", "Neues aus dem Garten", "Am Fluss entlang"),
            descriptions=(
                "Ein roter Ball liegt auf der Wiese hinter dem Haus",
                "Zwei blaue Tassen stehen auf dem Küchentisch",
                "Der grüne Wagen parkt unter einem großen Baum",
            ),
            sentences=(
                "Am Samstag öffnete der Markt sehr früh, und viele Händler bauten Stände auf.",
                "Die Kinder spielten am Brunnen, während ihre Eltern über das Wetter sprachen.",
                "Für das nächste Jahr plant die Gemeinde einen größeren Platz mit mehr Bänken.",
                "Wer möchte, kann sich bis zum Ende des Monats im Rathaus anmelden.",
                "Früher fuhr hier noch eine Straßenbahn, heute erinnern nur die Schienen daran.",
                "Nach dem Regen roch es überall nach feuchter Erde und frischem Brot.",
            ),
            chrome=Chrome(
                menu=("Startseite", "Aktuelles", "Archiv", "Über uns", "Kontakt"),
                related="Das könnte Sie auch interessieren",
                advertisement="Anzeige",
                comments="Kommentare",
                about="Über diese Seite",
                by="Von",
                footer="Alle Rechte vorbehalten. Impressum. Datenschutz.",
            ),
        ),
        "fr": Tongue(
            code="fr",
            headings=("La boutique du village", "Une journée à la campagne", "Le vieux moulin"),
            descriptions=(
                "Une petite maison blanche au bord du chemin",
                "Un ballon rouge posé sur l'herbe près de la rivière",
                "Deux tasses bleues sur une table en bois",
            ),
            sentences=(
                "Chaque pièce est fabriquée à la main dans notre atelier, près de la rivière.",
                "Nous expédions les commandes le jour même lorsqu'elles sont passées avant midi.",
                "Les enfants ont passé l'après-midi à jouer derrière l'église du village.",
                "Après la pluie, le chemin était plein de flaques et personne n'osait sortir.",
                "La fête aura lieu au début de l'été si le temps le permet.",
                "N'hésitez pas à nous écrire, nous répondons toujours dans les deux jours.",
            ),
            chrome=Chrome(
                menu=("Accueil", "Nouveautés", "Archives", "À propos", "Nous écrire"),
                related="Vous aimerez peut-être aussi",
                advertisement="Publicité",
                comments="Commentaires",
                about="À propos de ce site",
                by="Par",
                footer="Tous droits réservés. Mentions légales. Confidentialité.",
            ),
        ),
        "es": Tongue(
            code="es",
            headings=("Un día en la playa", "La casa de mi abuela", "Cosas del camino"),
            descriptions=(
                "Una estrella amarilla pintada en la pared de la escuela",
                "Un coche verde aparcado delante de la panadería",
                "Tres flores rojas en una ventana pequeña",
            ),
            sentences=(
                "Hoy quiero contaros cómo pasamos el último fin de semana en el pueblo.",
                "Mi abuela preparó la comida mientras nosotros limpiábamos el patio.",
                "Por la tarde bajamos a la playa, aunque el viento era bastante fuerte.",
                "Muchas gracias por vuestros comentarios, los leo siempre con mucha ilusión.",
                "El año que viene me gustaría volver con más tiempo y menos maletas.",
                "Si tenéis alguna pregunta, podéis escribirme cuando queráis.",
            ),
            chrome=Chrome(
                menu=("Inicio", "Novedades", "Archivo", "Sobre mí", "Contacto"),
                related="También te puede gustar",
                advertisement="Publicidad",
                comments="Comentarios",
                about="Sobre esta página",
                by="Por",
                footer="Todos los derechos reservados. Aviso legal. Privacidad.",
            ),
        ),
        "ja": Tongue(
            code="ja",
            headings=("海辺の町を歩く", "春の庭から", "古い駅の思い出"),
            descriptions=(
                "芝生の上に赤いボールが置いてあります",
                "机の上に青いカップが二つ並んでいます",
                "大きな木の下に白い家が見えます",
            ),
            sentences=(
                "先週の日曜日、友だちと一緒に海辺の小さな町へ出かけました。",
                "朝は少し寒かったのですが、昼ごろには暖かくなり、上着がいらなくなりました。",
                "駅の前には古い喫茶店があり、地元の人たちが静かに話をしていました。",
                "この作品は会員の方から送っていただいたもので、毎月新しいものを紹介しています。",
                "説明に間違いを見つけたときは、お手数ですがご連絡ください。",
                "来年の春には、もう少し大きな会場で展示会を開く予定です。",
                "写真の多くは、昔から使っている古いカメラで撮影されました。",
            ),
            chrome=Chrome(
                menu=("ホーム", "新着", "一覧", "このサイトについて", "お問い合わせ"),
                related="関連するページ",
                advertisement="広告",
                comments="コメント",
                about="このサイトについて",
                by="投稿者",
                footer="無断転載を禁じます。利用規約。",
            ),
        ),
        "ru": Tongue(
            code="ru",
            headings=("Прогулка по старому городу", "Наш сад весной", "Вопрос о ремонте"),
            descriptions=(
                "Красный мяч лежит на траве возле дома",
                "Две синие чашки стоят на кухонном столе",
                "Белая лодка стоит у берега реки",
            ),
            sentences=(
                "Всем привет, пишу сюда впервые, поэтому не судите слишком строго.",
                "Вчера мы долго гуляли по старому городу и зашли в маленький музей у реки.",
                "Кто-нибудь знает, где сейчас можно купить такие детали по разумной цене?",
                "Спасибо за быстрый ответ, вечером попробую сделать так, как вы написали.",
                "После дождя дорога стала скользкой, и нам пришлось вернуться раньше.",
                "Пожалуйста, прочитайте правила, прежде чем отвечать в этой теме.",
            ),
            chrome=Chrome(
                menu=("Главная", "Новое", "Архив", "О нас", "Связь"),
                related="Похожие страницы",
                advertisement="Реклама",
                comments="Ответы",
                about="Об этом сайте",
                by="Автор",
                footer="Все права защищены. Правила сайта.",
            ),
        ),
    }
)
