"""How does a shard set describe itself to machines? (Croissant 1.0, a JSON-LD vocabulary)"""

from pathlib import PurePosixPath

from shards.manifest import Manifest, ShardInfo, listed_files
from shards.tar import IMAGE_EXTENSIONS

_TERMS = (
    "citeAs column extract field fileProperty fileObject fileSet format includes "
    "isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace "
    "separator source subField transform"
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
_ENCODINGS = {
    ".tar": ("application/x-tar", "A WebDataset archive."),
    ".parquet": ("application/x-parquet", "One row for each sample of the archive of this name."),
}


def croissant(manifest: Manifest, description: str, rights: str) -> dict[str, object]:
    """The JSON-LD document: archives with their hashes, files inside, and the fields of a record.

    https://docs.mlcommons.org/croissant/docs/croissant-spec.html
    """
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "lait-image-text-pairs",
        "description": description,
        "license": rights,
        "version": f"1.0.{manifest.tombstone_version}",
        "isLiveDataset": False,
        "distribution": [*_file_objects(manifest.shards), *_file_sets(manifest.shards)],
        "recordSet": [_captions(), _samples()],
    }


def _file_objects(shards: tuple[ShardInfo, ...]) -> list[dict[str, object]]:
    objects: list[dict[str, object]] = []
    for file in listed_files(shards):
        suffix = PurePosixPath(file.name).suffix
        if suffix in _ENCODINGS:
            encoding, description = _ENCODINGS[suffix]
            objects.append(
                {
                    "@type": "cr:FileObject",
                    "@id": file.name,
                    "name": file.name,
                    "description": description,
                    "contentUrl": file.name,
                    "contentSize": f"{file.n_bytes} B",
                    "encodingFormat": encoding,
                    "sha256": file.sha256,
                }
            )
    return objects


def _file_sets(shards: tuple[ShardInfo, ...]) -> list[dict[str, object]]:
    archives = [{"@id": shard.name} for shard in shards]
    kinds = {
        "image-files": ([f"*.{extension}" for extension in IMAGE_EXTENSIONS], "image/*"),
        "caption-files": (["*.txt"], "text/plain"),
        "record-files": (["*.json"], "application/json"),
    }
    return [
        {
            "@type": "cr:FileSet",
            "@id": name,
            "name": name,
            "description": f"Members {', '.join(includes)} of the archives.",
            "containedIn": archives,
            "encodingFormat": encoding,
            "includes": includes,
        }
        for name, (includes, encoding) in kinds.items()
    ]


def _captions() -> dict[str, object]:
    return {
        "@type": "cr:RecordSet",
        "@id": "captions",
        "name": "captions",
        "description": "The text of each sample.",
        "key": {"@id": "captions/key"},
        "field": [
            _field("captions/key", "sc:Text", "Sample key.", _stem_of("caption-files")),
            _field("captions/text", "sc:Text", "The text.", _content_of("caption-files")),
        ],
    }


def _samples() -> dict[str, object]:
    key = _field("samples/key", "sc:Text", "Hash of the image.", _stem_of("image-files"))
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "Images with their texts.",
        "key": {"@id": "samples/key"},
        "field": [
            {**key, "references": {"field": {"@id": "captions/key"}}},
            _field("samples/image", "sc:ImageObject", "The image.", _content_of("image-files")),
            _field("samples/text", "sc:Text", "The text.", {"field": {"@id": "captions/text"}}),
        ],
    }


def _field(
    name: str, data_type: str, description: str, source: dict[str, object]
) -> dict[str, object]:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "description": description,
        "dataType": data_type,
        "source": source,
    }


def _content_of(file_set: str) -> dict[str, object]:
    return {"fileSet": {"@id": file_set}, "extract": {"fileProperty": "content"}}


def _stem_of(file_set: str) -> dict[str, object]:
    return {
        "fileSet": {"@id": file_set},
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": r"^(.+)\.[a-z]+$"},
    }
