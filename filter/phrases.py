"""Which words and phrases mark a text as boilerplate, as spam, or as no file for children?

Short lists of our own, for English. They catch the common cases before the costly model looks;
the relevance model and the rule of one text on many images catch what they miss.
"""

import re
from typing import Final


def _listed(text: str, separator: str | None) -> frozenset[str]:
    """The entries of a list written over several lines."""
    return frozenset(entry.strip() for line in text.splitlines() for entry in line.split(separator))


BOILERPLATE: Final = _listed(
    """\
    image|images|img|photo|photos|photograph|picture|pic|pics|figure|illustration|graphic|thumb
    thumbnail|icon|logo|site logo|company logo|banner|header image|hero image|featured image
    cover image|main image|default image|article image|post image|product image|blog image|avatar
    stock photo|user avatar|profile picture|placeholder|placeholder image|image placeholder|spacer
    blank|loading|untitled|no title|no image|no photo|no image available|image not available
    no description|no description available|no caption|no alt text|alt text|image description
    caption|description|photo of the day|picture of the day|image of the day|click to enlarge
    click here to enlarge|click image to enlarge|click on image to enlarge|click to view
    click to zoom|tap to zoom|zoom|zoom in|enlarge|enlarge image|enlarge photo|view larger
    view larger image|view full size|full size|view image|view photo|view gallery|photo gallery
    image gallery|gallery|slideshow|open in lightbox|advertisement|advertisment|ad|ads|sponsored
    sponsored content|promoted|read more|learn more|more info|see more|continue reading
    read the full story|share|share this|related|related posts|related articles|you may also like
    recommended|most popular|previous|next|back|home|menu|search|comments|leave a comment
    photo credit|image credit|credit|source|copyright|all rights reserved|getty images|shutterstock
    istock|alamy|file photo|archive photo|image may contain|the image|this image|the photo
    this photo|a photo|a picture|an image""",
    "|",
)
"""Texts that, alone, say nothing about any image. Compared lower-case, without punctuation."""

BOILERPLATE_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bclick (?:here |on |the |this |any |image |photo |picture )*(?:to|for) "
        r"(?:enlarge|zoom|view|see|open|expand|a larger|full)",
        r"\b(?:tap|hover|double[- ]click) (?:here |on |the |this |image |photo |picture )*to "
        r"(?:enlarge|zoom|view|see|open|expand)\b",
        r"^(?:image|photo|picture|figure|fig|slide|page|item)\W*\d+(?:\W*(?:of|/)\W*\d+)?\W*$",
        r"^(?:photo|image|picture|photograph|illustration)s?"
        r"(?: credit| courtesy| source)*(?:\s*:| by| from| courtesy| ©)(?:\W+\w+){0,6}\W*$",
        r"^(?:featured |header |hero |cover |main )?(?:image|photo|picture) (?:of|for|from|with) "
        r"(?:the |this |our )?"
        r"(?:day|week|month|year|post|article|page|story|blog|site)\b",
        r"^(?:image|photo|picture) (?:is )?(?:not (?:found|available)|unavailable|missing)",
        r"\b(?:share|tweet|pin|post|follow|like|find) (?:this |us |it |me |now )*(?:\w+ )?"
        r"(?:on|via) (?:facebook|twitter|google\+|pinterest|instagram|linkedin|whatsapp|reddit"
        r"|email)",
        r"\ball rights reserved\b|^©|^\(c\) \d{4}|^copyright\b",
        r"\b(?:privacy policy|terms (?:of (?:use|service)|and conditions)"
        r"|cookie (?:policy|settings)|we use cookies|accept (?:all )?cookies)\b",
        r"^(?:posted|published|updated|written|filed|uploaded|submitted|last modified)"
        r"(?: (?:by|on|in|at)\b|:)",
        r"^(?:[\d/.-]{8,10}\W+|\w+ \d{1,2},? \d{4}\W+)?by "
        r"(?-i:[A-Z])[\w.'-]*(?: (?-i:[A-Z])[\w.'-]*){0,3}"
        r"(?:\W+[\d/.-]{8,10}|\W+\w+ \d{1,2},? \d{4}|\W+\d{1,2} \w+ \d{4})?\W*$",
        r"\b(?:sign up|subscribe|log ?in|register|join) (?:to|for|now|here|today)\b",
        r"\b(?:related|recommended|popular|recent|more|latest) "
        r"(?:posts|articles|stories|products)\b",
        r"^(?:image|photo|picture)s? may (?:contain|be subject to)\b",
        r"^(?:read|learn|find out|see|view|show|discover) (?:more|all)\b",
        r"\b(?:leave|post|write|add) a (?:comment|reply|review)\b",
        r"\b(?:enable|requires?|turn on) (?:your )?javascript\b|\bbrowser does not support\b",
        r"^(?:\w+ )?(?:logo|icon|avatar|banner|thumbnail) (?:of|for)\b"
        r"|^\W*(?:\w+\W+){0,5}(?:logo|icon|avatar|banner)(?:\W+home)?\W*$",
        r"\b(?:download|get it|available|listen) (?:on|from) (?:the )?"
        r"(?:google play|app store|apple podcasts|spotify|amazon)\b",
        r"\bads? (?:info|choices|settings|preferences)\W*$",
        r"^skip to (?:main )?content",
        r"^(?:home|start)\s*[>»/›]",
    )
)
"""Sentences of templates rather than of people."""

SPAM_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:buy|order|shop|act|call|download|join|apply|bet|play) (?:it |yours? |online )?now\b",
        r"\b(?:buy|order|purchase)\b.{0,40}\b(?:online|cheap|discount|today)\b",
        r"\bcheap(?:est)?\b.{0,40}\b(?:online|price|prices|sale|deals?|shipping)\b",
        r"\b(?:free (?:shipping|delivery|download|trial|gift|bonus|spins)|100% free)\b",
        r"\b(?:best|lowest|unbeatable) (?:prices?|deals?)\b|\bspecial offer\b|\bhot deals?\b"
        r"|\blimited[- ](?:time )?offer\b",
        r"\b\d{1,3} ?% (?:off|discount)\b|\b(?:promo|coupon|discount|voucher) codes?\b",
        r"\b(?:viagra|cialis|levitra|xanax|tramadol|online pharmacy|no prescription)\b",
        r"\bfree online games?\b|\bonline casino\b"
        r"|\b(?:casino|slot machines?|online poker|sports? betting|jackpot)\b"
        r".{0,40}\b(?:online|bonus|win|free|play|real money)\b",
        r"\b(?:payday loans?|bad credit|debt relief|make money|earn money|get rich|work from home"
        r"|passive income|forex signals?)\b",
        r"\b(?:lose|losing) weight fast\b|\bweight loss (?:pills?|secrets?|tricks?)\b"
        r"|\bmiracle cure\b",
        r"\b(?:replica|fake) (?:watch|watches|handbags?|rolex|designer)\b",
        r"\b(?:hot|sexy|local|single) (?:singles|girls|babes|milfs)\b|\bmeet singles\b",
        r"\bseo (?:services?|company|expert)\b|\bbuy (?:followers|likes|backlinks)\b",
        r"\bclick (?:here|now|this link)\b|\bsatisfaction guaranteed\b|\bmoney[- ]back guarantee\b",
        r"https?://|\bwww\.[a-z0-9-]+\.",
        r"!{3,}|\${2,}|★{2,}|>{3,}|<{3,}",
    )
)
"""Words that sell. Links belong here too: no description of a picture has them."""

PROFANE: Final = _listed(
    """\
    arse arsehole asshole assholes bitch bitches blowjob blowjobs bollocks bukkake bullshit camgirl
    camgirls clit clusterfuck cum cumshot cumshots cunt cunts dickhead dildo dildos faggot faggots
    fuck fucked fucker fuckers fuckin fucking fucks gangbang handjob hentai hooker hookers jizz
    masturbating masturbation milf milfs motherfucker motherfucking nigga nigger niggers nsfw nudes
    orgy porn porno pornhub pornographic pornography pornstar pornstars pussies pussy sexcam
    sexting shit shits shitty slut sluts slutty threesome tits titties twat upskirt wank wanker
    wankers whore whores xxx xvideos""",
    None,
)
"""Whole words, lower-case. A text with one of them is not worth training on."""
