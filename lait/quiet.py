"""How are the messages of worker processes kept off the screen unless something fails?"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stderr_held() -> Iterator[None]:
    """Hold what this process and its children write to stderr; show it only if the body raises.

    Beam's local worker processes inherit stderr and announce each channel they open. Their options
    reach them too late to prevent it, so the file descriptor itself is lent to a temporary file.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
