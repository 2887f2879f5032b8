"""Do messages of child processes stay off the screen, and come back when something fails?"""

import subprocess
import sys

import pytest

from lait.quiet import stderr_held

CHATTER = [sys.executable, "-c", "import sys; sys.stderr.write('chatter of a child')"]


def test_held_while_all_goes_well(capfd: pytest.CaptureFixture[str]) -> None:
    with stderr_held():
        subprocess.run(CHATTER, check=True)
    assert not capfd.readouterr().err
    subprocess.run(CHATTER, check=True)
    assert capfd.readouterr().err == "chatter of a child"


def test_shown_when_the_body_raises(capfd: pytest.CaptureFixture[str]) -> None:
    failing = [*CHATTER[:2], CHATTER[2] + "; sys.exit(1)"]
    with pytest.raises(subprocess.CalledProcessError), stderr_held():
        subprocess.run(failing, check=True)
    assert capfd.readouterr().err == "chatter of a child"
