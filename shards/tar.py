"""How does a sample become tar bytes, and how are tar bytes read without trusting them?"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# One member on disk:   | header 512 | data | zeros to the next 512 |   ...   | two zero blocks |
BLOCK = 512
RECORD = 10_240
"""Archives end on a multiple of this, as GNU tar and the standard library write them."""
IMAGE_EXTENSIONS = ("jpg", "png", "webp")
SAMPLE_EXTENSIONS = (*IMAGE_EXTENSIONS, "txt", "json")
REGIONS_EXTENSION = "regions.npz"
MAX_MEMBER_BYTES = {
    **dict.fromkeys(IMAGE_EXTENSIONS, 256 * 2**20),
    "txt": 2**20,
    "json": 16 * 2**20,
    REGIONS_EXTENSION: 256 * 2**20,
}
"""The allow-list of extensions and the largest body of each."""
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

_NAME = re.compile(rb"([A-Za-z0-9_-]{1,64})\.([a-z0-9.]{1,16})")
_OCTAL = re.compile(rb"[0-7]{1,11}")
_ZERO_BLOCK = bytes(BLOCK)
# Everything between name and size, between size and checksum, and after the checksum never changes:
# mode 0644, owner 0, modification time 0, a regular file, no link, no owner names.
_OWNER = b"0000644\0" + b"0000000\0" * 2
_TIME = b"\0" + b"0" * 11 + b"\0"
_REST = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
_CONSTANT_SUM = sum(_OWNER) + sum(_TIME) + sum(b" " * 8) + sum(_REST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive: where its bytes lie."""

    key: str
    extension: str
    offset: int
    """Of the first byte of the body, from the start of the archive."""
    n_bytes: int


def header(name: bytes, n_bytes: int) -> bytes:
    """The 512 bytes before a body of `n_bytes`, as POSIX.1-1988 ustar lays them out.

    Nothing but name and size differs between two headers, so equal content gives equal archives.
    """
    assert len(name) <= 100, name
    size = b"%011o" % n_bytes
    assert len(size) == 11, n_bytes
    checksum = b"%06o\0 " % (_CONSTANT_SUM + sum(name) + sum(size))
    return b"".join((name.ljust(100, b"\0"), _OWNER, size, _TIME, checksum, _REST))


def entry(key: str, bodies: Sequence[tuple[str, bytes]]) -> bytes:
    """The archive bytes of one key's members `(extension, body)`, adjacent and in that order.

    Raises ValueError for a key or extension that a reader would refuse, or a body over its cap.
    """
    if not KEY.fullmatch(key):
        raise ValueError(f"sample key {key!r} is not 1 to 64 letters, digits, '_' or '-'")
    pieces: list[bytes] = []
    for extension, body in bodies:
        _check_body(extension, len(body), f"sample {key}")
        name = f"{key}.{extension}".encode()
        pieces += (header(name, len(body)), body, bytes(-len(body) % BLOCK))
    return b"".join(pieces)


def ending(n_bytes: int) -> bytes:
    """What closes an archive of `n_bytes`: two zero blocks, filled up to a whole record."""
    return bytes(2 * BLOCK + -(n_bytes + 2 * BLOCK) % RECORD)


def members(fd: int, shard: str) -> Iterator[Member]:
    """Walks an archive by its headers, through positioned reads of the open file `fd`.

    Only what `entry` writes is accepted: regular files with plain names and allowed extensions;
    no links, devices, directories, sparse files, PAX or GNU extensions. Raises ValueError naming
    the shard and the offset, also where the archive is cut short or goes on after its end.
    """
    total, offset = os.fstat(fd).st_size, 0
    while True:
        block = os.pread(fd, BLOCK, offset)
        if block == _ZERO_BLOCK:
            return _check_ending(fd, shard, offset, total)
        where = f"shard {shard}, offset {offset}"
        if len(block) < BLOCK:
            raise ValueError(f"{where}: truncated: the archive stops without its end marker")
        member = _parse(block, offset + BLOCK, where)
        end = member.offset + member.n_bytes + -member.n_bytes % BLOCK
        if end > total:
            raise ValueError(f"{where}: truncated: {end} bytes announced, the file has {total}")
        yield member
        offset = end


def entries(fd: int, shard: str) -> Iterator[tuple[str, dict[str, Member]]]:
    """Groups adjacent members by key: `(key, {extension: member})`, in file order.

    Raises ValueError as `members` does, and for a key that comes twice.
    """
    seen: set[str] = set()
    key, group = "", dict[str, Member]()
    for member in members(fd, shard):
        if member.key != key:
            if group:
                yield key, group
            if member.key in seen:
                raise _at(shard, member, "duplicate key")
            seen.add(member.key)
            key, group = member.key, {}
        elif member.extension in group:
            raise _at(shard, member, "duplicate member")
        group[member.extension] = member
    if group:
        yield key, group


def _at(shard: str, member: Member, problem: str) -> ValueError:
    start = member.offset - BLOCK
    return ValueError(f"shard {shard}, offset {start}: {problem} {member.key}.{member.extension}")


def _check_body(extension: str, n_bytes: int, where: str) -> None:
    cap = MAX_MEMBER_BYTES.get(extension)
    if cap is None:
        allowed = ", ".join(MAX_MEMBER_BYTES)
        raise ValueError(f"{where}: extension {extension!r} is not allowed (only {allowed})")
    if n_bytes > cap:
        raise ValueError(f"{where}: {n_bytes} bytes of {extension}, at most {cap} are allowed")


def _parse(block: bytes, body_offset: int, where: str) -> Member:
    match = _NAME.fullmatch(name := block[:100].rstrip(b"\0"))
    size = block[124:136].strip(b"\0 ")
    n_bytes = int(size, 8) if _OCTAL.fullmatch(size) else -1
    if not match or n_bytes < 0 or not _is_ours(block, name, size):
        _check_header(block, where)
    if not match:
        raise ValueError(f"{where}: member name {name!r} is not <key>.<extension>")
    if n_bytes < 0:
        raise ValueError(f"{where}: member size {size!r} is not an octal number")
    extension = match[2].decode()
    if n_bytes > MAX_MEMBER_BYTES.get(extension, -1):
        _check_body(extension, n_bytes, f"{where}: member {name.decode()}")
    return Member(key=match[1].decode(), extension=extension, offset=body_offset, n_bytes=n_bytes)


def _is_ours(block: bytes, name: bytes, size: bytes) -> bool:
    """Whether it is what `header` writes: told several times faster than all that may be wrong."""
    return (
        len(size) == 11
        and block[100:124] == _OWNER
        and block[135:148] == _TIME
        and block[156:] == _REST
        and block[148:156] == b"%06o\0 " % (_CONSTANT_SUM + sum(name) + sum(size))
    )


def _check_header(block: bytes, where: str) -> None:
    # The checksum comes first: a damaged header must not be reported as a hostile one.
    stored = block[148:156].rstrip(b"\0 ").lstrip(b" ")
    computed = sum(block[:148]) + sum(b" " * 8) + sum(block[156:])
    if not _OCTAL.fullmatch(stored) or int(stored, 8) != computed:
        raise ValueError(f"{where}: header checksum is {stored!r}, its bytes sum to {computed:o}")
    if block[257:263] not in (b"ustar\0", b"ustar "):
        raise ValueError(f"{where}: not a ustar header")
    if (kind := block[156:157]) not in (b"0", b"\0"):
        raise ValueError(f"{where}: member of type {kind!r}; only regular files are allowed")
    if block[157:257].strip(b"\0") or block[345:500].strip(b"\0"):
        raise ValueError(f"{where}: member with a link target or a path prefix")


def _check_ending(fd: int, shard: str, offset: int, total: int) -> None:
    if total - offset < 2 * BLOCK:
        raise ValueError(f"shard {shard}, offset {offset}: truncated: half an end marker")
    if total - offset > 2 * BLOCK + RECORD or os.pread(fd, total - offset, offset).strip(b"\0"):
        raise ValueError(f"shard {shard}, offset {offset}: bytes after the end of the archive")
