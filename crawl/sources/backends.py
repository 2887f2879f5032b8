"""Which fsspec file system reads a remote path, and what do its errors mean?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import aiohttp
import fsspec  # type: ignore[import-untyped]
from fsspec.core import url_to_fs  # type: ignore[import-untyped]

_CONNECT_S: Final = 30.0
_READ_S: Final = 60.0
_GONE: Final = (404, 410)
_PAST_THE_END: Final = 416


def system(path: str) -> tuple[Any, str]:
    """The fsspec file system of a path, and the file's name there."""
    if not path.startswith(("http://", "https://")):
        return cast(tuple[Any, str], url_to_fs(path, use_listings_cache=False))
    protocol = path.partition("://")[0]
    client = dict(fsspec.config.conf.get(protocol, {}).get("client_kwargs", {}))
    client["middlewares"] = (*client.get("middlewares", ()), _refuse_whole_answers)
    # Bytes as they lie on the server: offsets count them, and archives are compressed themselves.
    client["auto_decompress"] = False
    client["headers"] = {"Accept-Encoding": "identity", **client.get("headers", {})}
    client.setdefault(
        "timeout",
        aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S),
    )
    return cast(tuple[Any, str], url_to_fs(path, client_kwargs=client))


async def _refuse_whole_answers(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A server may answer a range with the whole file (RFC 9110, 14.2): never read a terabyte."""
    response = await handler(request)
    if "Range" in request.headers and response.status == 200:
        response.close()
        raise ValueError("the server ignores ranges (Range header); copy the file first")
    return response


@contextmanager
def told(path: str) -> Iterator[None]:
    """Every backend has errors of its own; what leaves is one of three, and names the path."""
    try:
        yield
    except (ImportError, ValueError) as error:
        raise ValueError(f"{path}: {_line(error)}") from error
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _is_unreached(error.__cause__):
            raise FileNotFoundError(f"{path} does not exist") from error
        raise OSError(f"{path} cannot be read: {_line(error.__cause__ or error)}") from error


def _is_unreached(cause: BaseException | None) -> bool:
    """Asked for a size, fsspec says of every failure of HTTP that the file is not there."""
    if isinstance(cause, aiohttp.ClientResponseError):
        return cause.status not in _GONE
    return isinstance(cause, aiohttp.ClientError | TimeoutError)


def is_past_the_end(error: BaseException) -> bool:
    """HTTP's and S3's way to say that a range begins where nothing is."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status == _PAST_THE_END
    return "InvalidRange" in repr(error) or "InvalidRange" in repr(error.__cause__)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
