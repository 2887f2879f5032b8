"""Which kinds of pages are there, and which answer would a person give for each?

Order of reasons: that of the cascade (page, main_image, text, fetch, decode, size, natural,
relevance, aggregate). A picture with bad words only may also fall at `relevance` or as
`text_on_many_images`, because unrelated running text can survive the text rules in their place.
"""

from typing import Final

from lait.world.web_case import ALT, CAPTION, PLAIN, RICH, Case, Member, Mix, group, one

_BAD_WORDS: Final = ("relevance", "text_on_many_images")

_KEPT: Final = (
    one("alt", 80, ALT),
    one("alt_and_text", 85, PLAIN),
    one("everything", 50, RICH),
    one("caption_only", 40, Mix(caption="true", near="filler")),
    one("caption_over_boilerplate", 25, CAPTION),
    one("caption_over_short_alt", 10, Mix(alt="short", caption="true", near="filler")),
    one("caption_over_wrong_alt", 20, Mix(alt="wrong", caption="true", near="filler")),
    one("alt_over_wrong_caption", 8, Mix(alt="true", caption="wrong", near="filler")),
    one("title_only", 25, Mix(title="true", near="filler")),
    one("title_over_file_name", 20, Mix(alt="file_name", title="true", near="filler")),
    one("text_only_near", 25, Mix(near="true")),
    one("text_near_over_spam", 12, Mix(alt="spam", near="true")),
    one("over_limit", 4, ALT, shape="over_limit"),
    one("broken_unclosed", 5, ALT, twist="unclosed"),
    one("broken_nested_anchors", 5, ALT, twist="nested_anchors"),
    one("broken_attributes", 5, ALT, twist="bad_attributes"),
    one("broken_hidden_markup", 5, ALT, twist="hidden_markup"),
    one("broken_tag_soup", 5, ALT, twist="tag_soup"),
    one("image_octet_stream", 4, PLAIN, reply="octet_stream"),
    one("image_wrong_type", 4, ALT, reply="wrong_type"),
    one("image_gzip", 3, ALT, reply="gzip"),
    one("image_retried", 4, ALT, reply="retried"),
    one("best_file_missing", 6, PLAIN, reply="best_missing"),
)

_PAGE: Final = (
    *(
        one(f"language_{code}", 6, RICH, "language", language=code)
        for code in ("de", "fr", "es", "ja", "ru")
    ),
    one("opt_out_noai", 4, ALT, "opt_out", twist="robots_noai"),
    one("opt_out_noimageai", 4, ALT, "opt_out", twist="robots_noimageai"),
    one("opt_out_noimageindex", 3, ALT, "opt_out", twist="robots_noimageindex"),
    one("opt_out_tdm_meta", 3, ALT, "opt_out", twist="tdm_meta"),
    one("opt_out_tdm_header", 3, ALT, "opt_out", twist="tdm_header"),
    one("opt_out_page_header", 3, ALT, "opt_out", twist="page_header_noai"),
    one("opt_out_image_noai", 3, ALT, "opt_out", reply="header_noai"),
    one("opt_out_image_noimageai", 3, ALT, "opt_out", reply="header_noimageai"),
)

_NO_MAIN: Final = (
    one("no_main_text_only", 8, Mix(), subject="none", twist="text_only"),
    one("no_main_listing", 8, Mix(), subject="none", twist="listing"),
    one("no_main_thread", 6, Mix(), subject="none", twist="thread"),
)

_TEXT: Final = (
    one("text_missing", 6, Mix(), "text_missing", *_BAD_WORDS),
    one("text_short", 5, Mix(alt="short"), "text_short", *_BAD_WORDS),
    one("text_long", 4, Mix(alt="long"), "text_long", *_BAD_WORDS),
    one("text_file_name", 6, Mix(alt="file_name"), "text_file_name", "text_short", *_BAD_WORDS),
    one(
        "text_file_name_twice",
        4,
        Mix(alt="file_name", caption="boilerplate"),
        "text_file_name",
        "text_short",
        "text_boilerplate",
        *_BAD_WORDS,
    ),
    one("text_boilerplate", 8, Mix(alt="boilerplate"), "text_boilerplate", *_BAD_WORDS),
    one("text_spam", 6, Mix(alt="spam"), "text_spam", *_BAD_WORDS),
    one("text_language", 5, Mix(alt="language"), "text_language", "text_oov", *_BAD_WORDS),
    one("text_oov", 4, Mix(alt="oov"), "text_oov", "text_language", "text_spam", *_BAD_WORDS),
)

_IMAGE: Final = (
    one("image_missing", 6, ALT, "image_missing", reply="missing"),
    one("image_404", 5, ALT, "image_status", reply="status_404"),
    one("image_410", 2, ALT, "image_status", reply="status_410"),
    one("image_503", 2, ALT, "image_status", reply="status_503"),
    one("image_redirect", 2, ALT, "image_status", "image_missing", reply="redirect"),
    one("image_empty", 3, ALT, "image_bytes", "image_format", body="empty"),
    one("image_tiny", 3, ALT, "image_bytes", "uniform", body="tiny"),
    one("image_svg", 3, ALT, "image_format", body="svg"),
    one("image_gif", 3, ALT, "image_format", body="gif"),
    one("image_html", 4, ALT, "image_format", body="html"),
    one("bomb_png", 2, ALT, "image_pixels", body="bomb_png"),
    one("bomb_jpeg", 2, ALT, "image_pixels", body="bomb_jpeg"),
    one("bomb_webp", 2, ALT, "image_pixels", body="bomb_webp"),
    one("truncated_jpeg", 4, ALT, "image_corrupt", body="truncated_jpeg"),
    one("truncated_png", 3, ALT, "image_corrupt", body="truncated_png"),
    one("truncated_webp", 3, ALT, "image_corrupt", body="truncated_webp"),
    one("corrupt_png", 3, ALT, "image_corrupt", body="corrupt_png"),
    one("small", 12, PLAIN, "min_side", shape="small"),
    one("thin", 5, ALT, "min_side", shape="thin"),
    one("at_limit", 4, ALT, "min_side", shape="at_limit"),
    one("wide", 5, ALT, "aspect_ratio", shape="wide"),
    one("tall", 4, ALT, "aspect_ratio", shape="tall"),
    one("uniform", 6, ALT, "uniform", "relevance", subject="uniform"),
    one("chart", 4, ALT, "not_natural", "relevance", subject="chart"),
    one("screenshot", 4, ALT, "not_natural", "relevance", subject="screenshot"),
    one("logo", 3, ALT, "not_natural", "relevance", "uniform", subject="logo"),
    one("clip_art", 3, ALT, "not_natural", "relevance", "uniform", subject="clip_art"),
    one("meme", 3, ALT, "not_natural", "relevance", subject="meme"),
    one("map", 3, ALT, "not_natural", "relevance", subject="map"),
)

_MISMATCHED: Final = (
    one("wrong_words", 16, Mix(alt="wrong", caption="wrong", near="filler"), "relevance"),
    one(
        "wrong_everywhere",
        8,
        Mix(alt="wrong", title="wrong", caption="wrong", near="wrong"),
        "relevance",
    ),
    one(
        "unrelated_text",
        6,
        Mix(near="filler"),
        "relevance",
        "text_missing",
        "text_on_many_images",
    ),
)

_SAME_TEXT: Final = "text_on_many_images"
_GROUPS: Final = (
    group(
        "exact_copies",
        12,
        "exact",
        Member(mix=RICH, also=("duplicate_image",)),
        Member(mix=ALT, drop="duplicate_image", also=("kept",)),
    ),
    group(
        "exact_copy_mismatched",
        6,
        "exact",
        Member(mix=PLAIN),
        Member(mix=Mix(alt="wrong", near="filler"), drop="relevance", also=("duplicate_image",)),
    ),
    group(
        "reencoded_copies",
        10,
        "reencoded",
        Member(mix=RICH, also=("near_duplicate",)),
        Member(mix=PLAIN, drop="near_duplicate", also=("kept",)),
    ),
    group(
        "one_image_many_pages",
        16,
        "same_url",
        Member(mix=RICH, also=("duplicate_image",)),
        Member(mix=PLAIN, drop="duplicate_image", also=("kept",)),
        Member(mix=Mix(alt="wrong", near="filler"), drop="relevance", also=("duplicate_image",)),
        Member(
            mix=Mix(alt="boilerplate"),
            drop="text_boilerplate",
            also=(*_BAD_WORDS, "duplicate_image"),
        ),
    ),
    group(
        "one_true_text_many_images",
        14,
        "same_text",
        *(Member(mix=Mix(alt="true"), drop=_SAME_TEXT, also=("relevance", "near_duplicate")),) * 7,
    ),
    group(
        "one_generic_text_many_images",
        14,
        "same_text",
        *(Member(mix=Mix(alt="generic"), drop=_SAME_TEXT, also=("relevance",)),) * 7,
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *_KEPT,
    *_PAGE,
    *_NO_MAIN,
    *_TEXT,
    *_IMAGE,
    *_MISMATCHED,
    *_GROUPS,
)
