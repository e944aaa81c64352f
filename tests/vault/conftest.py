"""A PostgreSQL server for the vault's tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ndcb.vault.engines import make_engine
from ndcb.vault.rows import VERSIONS


def find_server() -> Path | None:
    """The folder of initdb and pg_ctl; of several versions the newest."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


def find_account() -> str | None:
    """Another user than root, as whom PostgreSQL can run."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of our own, on a socket in its folder; yields the URL."""
    programs = find_server()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    is_root, account = os.geteuid() == 0, find_account()
    if is_root and account is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")

    folder, user = tempfile.mkdtemp(prefix="pg"), {}
    if is_root:
        user = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}
        os.chown(folder, pwd.getpwnam(account).pw_uid, user["group"])

    def do(program, arguments):
        call = [programs / program, "-D", f"{folder}/data", *arguments]
        quiet = {"stdout": subprocess.DEVNULL, "timeout": 120}
        subprocess.run(call, cwd=folder, check=True, **quiet, **user)

    do("initdb", ["-A", "trust", "-U", "ndcb", "-N", "-E", "UTF8", "--locale=C"])
    options = f"-k {folder} -c listen_addresses='' -F"
    do("pg_ctl", ["-w", "-l", f"{folder}/log", "-o", options, "start"])
    yield f"postgresql://ndcb@/postgres?host={folder}"
    do("pg_ctl", ["-m", "immediate", "stop"])
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server):
    """The server's URL; the vault's tables are dropped afterwards."""
    yield server
    engine = make_engine(server, "vault")
    VERSIONS.metadata.drop_all(engine)
    engine.dispose()
