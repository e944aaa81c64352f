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
    """The folder of initdb and pg_ctl."""
    folders = [Path(found).parent for found in [shutil.which("initdb")] if found] + sorted(
        Path("/usr/lib/postgresql").glob("*/bin")
    )
    return next(
        (
            folder
            for folder in reversed(folders)
            if (folder / "initdb").exists() and (folder / "pg_ctl").exists()
        ),
        None,
    )


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL of our own, on a socket in its folder; yields the URL. PostgreSQL does not run
    as root.
    """
    programs = find_server()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = {}
    if os.geteuid() == 0:
        account = next(
            (
                name
                for name in ("postgres", "nobody")
                if name in {entry.pw_name for entry in pwd.getpwall()}
            ),
            None,
        )
        if account is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
        user = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}
    folder = tempfile.mkdtemp(prefix="pg")
    if user:
        os.chown(folder, pwd.getpwnam(user["user"]).pw_uid, user["group"])

    def do(program, *arguments):
        subprocess.run(
            [programs / program, *arguments],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
            **user,
        )

    do(
        "initdb",
        "-D",
        f"{folder}/data",
        "-A",
        "trust",
        "-U",
        "ndcb",
        "-N",
        "-E",
        "UTF8",
        "--locale=C",
    )
    do(
        "pg_ctl",
        "-D",
        f"{folder}/data",
        "-w",
        "-l",
        f"{folder}/log",
        "-o",
        f"-k {folder} -c listen_addresses='' -F",
        "start",
    )
    yield f"postgresql://ndcb@/postgres?host={folder}"
    do("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server):
    yield server
    engine = make_engine(server, "vault")
    VERSIONS.metadata.drop_all(engine)
    engine.dispose()
