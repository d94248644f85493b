"""Building what is measured, as a release: with asserts a bench measures asserts."""

import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build-bench"


def configure():
    """The folder, configured; anew when packages were installed since (--install-peers)."""
    if not (FOLDER / "build.ninja").exists():
        subprocess.run([ROOT / "script/bootstrap"], check=True, stdin=subprocess.DEVNULL)
        subprocess.run(["meson", "setup", str(FOLDER), "--buildtype=release"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return FOLDER


def build(targets):
    """Build `targets` quietly; the folder."""
    folder = configure()
    said = subprocess.run([shutil.which("ninja"), "-C", str(folder), "-j2", *targets], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if said.returncode:
        print(said.stdout[-4000:])
        raise SystemExit("script/bench: the build failed")
    return folder


def install_peers(apt_packages, peers_folder):
    """What other clients need: only when it was asked for. Any node with npm will do; Debian's where there is none."""
    apt_packages = apt_packages + [name for name, program in (("nodejs", "node"), ("npm", "npm"))
                                   if not shutil.which(program)]
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *apt_packages], check=True,
                   stdin=subprocess.DEVNULL)
    subprocess.run(["npm", "ci", "--no-fund", "--no-audit", "--loglevel=error"], cwd=peers_folder, check=True,
                   stdin=subprocess.DEVNULL)
    if (FOLDER / "build.ninja").exists():
        # Anew: Meson remembers which headers it did not find.
        subprocess.run(["meson", "setup", "--wipe", str(FOLDER)], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
