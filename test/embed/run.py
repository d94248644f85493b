"""Is uvws a library like any other? Installs the build into a folder of its own and uses it from a
project that knows nothing of this tree: by pkg-config, CMake, Meson, as a subproject, shared and static.

    run.py SOURCE_ROOT BUILD_ROOT
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
sample = source / "test/embed/sample"
environment = dict(os.environ)
points = []


class Failure(Exception):
    pass


def run(*command, cwd=None, env=None):
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**environment, **(env or {})},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def check_program(path, libdir=None):
    out = run(path, env={"LD_LIBRARY_PATH": str(libdir)} if libdir else None)
    if "ECONNREFUSED" not in out:
        raise Failure(out)
    needs = run("readelf", "-d", path)
    if ("libuvws.so.0" in needs) != (libdir is not None):
        raise Failure(needs)


def point(test):
    points.append(test)
    return test


class World:
    """The installation."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", self.folder / "dest")
        self.pc = next(self.folder.rglob("uvws.pc"))
        self.libdir = self.pc.parent.parent
        self.prefix = self.libdir
        while not (self.prefix / "include/uvws.h").exists():
            self.prefix = self.prefix.parent
        # It lies where it was not meant to; a build folder that is older than pkgconfig.relocatable says so.
        text = self.pc.read_text(encoding="utf-8").splitlines()
        text = [f"prefix={self.prefix}" if line.startswith("prefix=") else line for line in text]
        self.pc.write_text("\n".join(text) + "\n", encoding="utf-8")
        environment["PKG_CONFIG_PATH"] = str(self.pc.parent)

    def setup(self, name, *arguments, project=sample):
        folder = self.folder / name
        run("meson", "setup", folder, project, *arguments)
        run("ninja", "-C", folder, "sample")
        return folder / "sample"


@point
def pkg_config_finds_the_shared_library(world):
    flags = run("pkg-config", "--cflags", "--libs", "uvws").split()
    program = world.folder / "by-pkg-config"
    run("cc", "-Wall", "-Wextra", "-Werror", "-o", program, sample / "main.c", *flags)
    check_program(program, world.libdir)


@point
def pkg_config_finds_the_static_library(world):
    flags = run("pkg-config", "--static", "--cflags", "--libs", "uvws").split()
    flags = [str(world.libdir / "libuvws.a") if flag == "-luvws" else flag for flag in flags]
    program = world.folder / "by-pkg-config-static"
    run("cc", "-o", program, sample / "main.c", *flags)
    check_program(program)


@point
def cmake_finds_both_libraries(world):
    if not shutil.which("cmake"):
        return "cmake is not installed"
    folder = world.folder / "by-cmake"
    run("cmake", "-S", sample, "-B", folder, f"-DCMAKE_PREFIX_PATH={world.prefix}")
    run("cmake", "--build", folder)
    check_program(folder / "sample", world.libdir)
    check_program(folder / "sample_static")
    return None


@point
def meson_finds_the_shared_library(world):
    check_program(world.setup("by-meson"), world.libdir)


@point
def meson_finds_the_static_library(world):
    check_program(world.setup("by-meson-static", "-Dstatic=true"))


def as_subproject(world, name, *arguments):
    """A copy of the sample with the sources in subprojects/, as somebody else's tree has them."""
    project = world.folder / name
    shutil.copytree(sample, project)
    shutil.copytree(source, project / "subprojects/uvws", ignore=shutil.ignore_patterns(
        "build*", ".git", "node_modules", "test", "bench", "__pycache__"))
    program = world.setup(name + "-build", "--force-fallback-for=uvws", "-Duvws:lua=disabled", *arguments,
                          project=project)
    return program, world.folder / (name + "-build") / "subprojects/uvws/src"


@point
def it_builds_as_a_subproject(world):
    check_program(*as_subproject(world, "subproject"))


@point
def it_builds_as_a_static_subproject(world):
    program, _ = as_subproject(world, "subproject-static", "-Dstatic=true")
    check_program(program)


def main():
    print(f"1..{len(points)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        for number, test in enumerate(points, 1):
            name = test.__name__.replace("_", " ")
            try:
                skipped = test(world)
                print(f"ok {number} {name}" + (f" # SKIP {skipped}" if skipped else ""), flush=True)
            except (Failure, subprocess.TimeoutExpired) as failure:
                failed += 1
                print(f"not ok {number} {name}")
                print("".join(f"# {line}\n" for line in str(failure).splitlines()), flush=True)
    return 1 if failed else 0


sys.exit(main())
