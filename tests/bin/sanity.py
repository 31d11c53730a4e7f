# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a copy of the checkout, in a home of its own.

ansible-test wants the collection at ``ansible_collections/meshwork/swarm`` and keeps its virtual environments in
``~/.ansible``. So the files that git knows are copied to ``.build/sanity/``, and HOME is ``.build/sanity/home``: the
user's home is not touched, and the environments, made once, serve the next run.

All arguments are passed on: ``sanity.py --test validate-modules plugins/modules/networks.py``.

What does not run here, and why:

* import and compile run with the controller's Python and every other Python that ansible-test finds (python3.9 ... in
  PATH); the missing ones are named in its output. mypy and ruff check for Python 3.9 in any case.
* pslint: there is no PowerShell in the collection.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SANITY = CHECKOUT / ".build" / "sanity"
COLLECTION = SANITY / "ansible_collections" / "meshwork" / "swarm"
HOME = SANITY / "home"

# ansible-test fetches this program from its own site. With Python's own ensurepip it needs the package index only.
# It is called with pip's arguments for the wanted versions, and with two options that only get-pip knows.
GET_PIP = """\
import subprocess, sys
arguments = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *arguments]).returncode)
"""


def tracked_files() -> list[str]:
    """Paths, relative to the checkout, of the files that git knows or would add."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and os.path.lexists(CHECKOUT / name)]


def copy_collection() -> None:
    shutil.rmtree(COLLECTION, ignore_errors=True)
    for name in tracked_files():
        target = COLLECTION / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target, follow_symlinks=False)
    # Without a repository of its own, ansible-test would ask the checkout's, which ignores .build/.
    subprocess.run(["git", "init", "--quiet", COLLECTION], check=True)


def pip_settings() -> dict[tuple[str, str], str]:
    """The user's pip configuration as ``{(section, option): value}``; the environment wins over files, as in pip."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    settings: dict[tuple[str, str], str] = {}
    from_environment: dict[tuple[str, str], str] = {}
    for line in listed.splitlines():
        name, _equals, value = line.partition("=")
        section, _dot, option = name.rpartition(".")
        if section == ":env:":
            from_environment["global", option] = ast.literal_eval(value)
        else:
            settings[section, option] = ast.literal_eval(value)
    settings.update(from_environment)
    for option, variable in (("cert", "REQUESTS_CA_BUNDLE"), ("cert", "SSL_CERT_FILE"), ("proxy", "HTTPS_PROXY")):
        if variable in os.environ:
            settings.setdefault(("global", option), os.environ[variable])
    return settings


def pip_cache_dir() -> str:
    found = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def write_home() -> None:
    """A home with pip's settings and its bootstrap: of the environment, ansible-test hands only PATH and HOME down."""
    configuration = RawConfigParser()
    settings = pip_settings()
    settings.setdefault(("global", "cache-dir"), pip_cache_dir())
    settings.setdefault(("global", "quiet"), "2")
    for (section, option), value in settings.items():
        if not configuration.has_section(section):
            configuration.add_section(section)
        configuration.set(section, option, value)
    pip_conf = HOME / ".config" / "pip" / "pip.conf"
    pip_conf.parent.mkdir(parents=True, exist_ok=True)
    with pip_conf.open("w", encoding="utf-8") as stream:
        configuration.write(stream)

    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{pip_version_of_ansible_test().replace('.', '_')}.py").write_text(GET_PIP, encoding="utf-8")


def pip_version_of_ansible_test() -> str:
    """The version of pip that this ansible-core puts into its environments, which names the bootstrap program."""
    from ansible_test._internal.host_configs import PythonConfig, VirtualPythonConfig
    from ansible_test._internal.python_requirements import get_venv_packages

    python: PythonConfig = VirtualPythonConfig(version=f"{sys.version_info.major}.{sys.version_info.minor}")
    return get_venv_packages(python)["pip"]


def runs(python: Path) -> bool:
    return subprocess.run([python, "-c", "pass"], capture_output=True, check=False).returncode == 0


def search_path() -> str:
    """A PATH on which each ``python3.N`` that ansible-test may find does run.

    pyenv puts a program for every Python into PATH, also for those that are not switched on and only fail; the real ones
    are linked into a folder of ours, and a folder with programs that fail is left out.
    """
    own = SANITY / "bin"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    folders = [Path(sys.executable).parent, own]
    for folder in map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep)):
        failing = [python for python in folder.glob("python3.[0-9]*") if python.suffix[1:].isdigit() and not runs(python)]
        if not failing:
            folders.append(folder)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in pyenv.glob("versions/*/bin/python3.*"):
        link = own / python.name
        if python.suffix[1:].isdigit() and not link.exists() and runs(python):
            link.symlink_to(python)
    return os.pathsep.join(map(str, folders))


def main() -> int:
    copy_collection()
    write_home()
    print(f"ansible-test sanity, ansible-core {version('ansible-core')}", flush=True)
    environment = os.environ | {"HOME": str(HOME), "PATH": search_path()}
    # The project's ansible.cfg points at the checkout; the copy has to be tested.
    environment.pop("ANSIBLE_CONFIG", None)
    command = ["ansible-test", "sanity", "--color", "no", *sys.argv[1:]]
    return subprocess.run(command, cwd=COLLECTION, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
