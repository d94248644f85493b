"""Building what is measured, as a release: with asserts a bench measures asserts."""

import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build-bench"


def build(targets, folder=None):
    """Configure once, build `targets`; the folder."""
    folder = folder or FOLDER
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), "--buildtype=release"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    subprocess.run([shutil.which("ninja"), "-C", str(folder), "-j2", "--quiet", *targets], check=True,
                   stdin=subprocess.DEVNULL)
    return folder
