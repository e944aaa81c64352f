"""The page starts behind any proxy, and says in one sentence which value of the environment it
cannot use."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from unittest.mock import patch

import httpx
import pytest

from ndcb.web import environment
from tests.conftest import ROOT

PLAIN = {
    name: value
    for name, value in os.environ.items()
    if not name.lower().endswith("_proxy") and not name.startswith("GRADIO_")
}


@pytest.fixture(autouse=True)
def plain():
    """An environment with neither proxies nor Gradio's variables; what is set in it goes with the
    test."""
    with patch.dict(os.environ, PLAIN, clear=True):
        yield


@contextmanager
def taken():
    """A port that somebody listens to."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "name, value",
    [
        ("GRADIO_SERVER_PORT", "abc"),
        ("GRADIO_SERVER_PORT", "99999"),
        ("GRADIO_SERVER_PORT", "0"),
        ("GRADIO_SERVER_PORT", "-1"),
        ("GRADIO_SERVER_PORT", "80.5"),
        ("GRADIO_NUM_PORTS", "many"),
        ("GRADIO_NODE_SERVER_PORT", "x"),
        ("GRADIO_DEBUG", "yes"),
    ],
)
def test_a_number_that_is_none(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(
        SystemExit, match=rf"^{name} is '{value}'; it has to be a whole number from \d to \d+\.$"
    ):
        environment.prepare()


def test_a_port_that_can_be_used(monkeypatch):
    with taken() as port:
        pass
    monkeypatch.setenv("GRADIO_SERVER_PORT", f" {port} ")
    environment.prepare()
    assert environment.chosen_port() == port


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_value_is_none(monkeypatch, empty):
    """As a container's file leaves it."""
    monkeypatch.setenv("GRADIO_SERVER_PORT", empty)
    environment.prepare()
    assert environment.chosen_port() is None and "GRADIO_SERVER_PORT" not in os.environ


def test_a_port_in_use(monkeypatch):
    with taken() as port:
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        with pytest.raises(
            SystemExit,
            match=rf"^Port {port} cannot be used \(Address already in use\)\. Choose another",
        ):
            environment.chosen_port()


@pytest.mark.parametrize("name", ["192.0.2.1", "no.such.host.invalid", "a" * 70])
@pytest.mark.parametrize("port", [None, "8000"])
def test_an_address_that_is_not_this_machines(monkeypatch, name, port):
    monkeypatch.setenv("GRADIO_SERVER_NAME", name)
    if port:
        monkeypatch.setenv("GRADIO_SERVER_PORT", port)
    with pytest.raises(
        SystemExit, match="^The address '.*' cannot be used .* with GRADIO_SERVER_NAME"
    ):
        environment.chosen_port()


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
        with pytest.raises(
            SystemExit, match="^GRADIO_TEMP_DIR names no folder that can be written"
        ):
            environment.prepare()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new" / "folder"))
    environment.prepare()
    assert (tmp_path / "new" / "folder").is_dir()


def test_without_a_proxy_nothing_is_changed():
    before = dict(os.environ)
    environment.prepare()
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "unusable",
    [
        "socks5://127.0.0.1:9",
        "socks5h://ann:secret@host:1080",
        "socks4://host:1",
        "nonsense://host",
        "http://host:port",
    ],
)
def test_a_proxy_that_cannot_be_used_is_left_out_and_the_others_stay(monkeypatch, capsys, unusable):
    monkeypatch.setenv("ALL_PROXY", unusable)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example, 10.0.0.1")
    environment.prepare()
    assert (
        "ALL_PROXY" not in os.environ and os.environ["https_proxy"] == "http://proxy.example:3128"
    )
    assert (
        os.environ["NO_PROXY"]
        == os.environ["no_proxy"]
        == "intranet.example,10.0.0.1,localhost,127.0.0.1,::1"
    )
    said = capsys.readouterr().err
    assert (
        said == "The proxy in ALL_PROXY cannot be used here; the page goes on without it.\n"
        and "secret" not in said
    )
    httpx.Client().close()


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:9", "127.0.0.1:9", "http://ann:secret@127.0.0.1:9"]
)
def test_the_pages_own_address_needs_no_proxy(monkeypatch, proxy):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    environment.prepare()
    assert (
        os.environ["HTTP_PROXY"] == proxy
        and os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1,0.0.0.0"
    )
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(httpx.ConnectError):  # at once, from this machine
            httpx.get(address)


def test_exceptions_that_stop_the_libraries(monkeypatch, capsys):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "fe80::/10")
    with pytest.raises(httpx.InvalidURL):
        httpx.Client()
    environment.prepare()
    httpx.Client().close()
    assert os.environ["NO_PROXY"] == "*" and "NO_PROXY" in capsys.readouterr().err


# --- the page itself


@pytest.mark.slow
def test_where_no_port_is_free_one_sentence_says_so(tmp_path):
    with socket.socket() as taken:
        take(taken, 7860)
        process = start_page(tmp_path, GRADIO_NUM_PORTS="1")
        try:
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, err) == (1, f"{environment.NO_PORT}\n")


def take(server: socket.socket, port: int, patience: float = 60) -> None:
    """Listen to the port, as soon as no other page of this suite does; if another program keeps
    it, it is taken all the same.
    """
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Gradio binds it
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(OSError):
            server.bind(("127.0.0.1", port))
            server.listen()
            return
        time.sleep(0.2)


def start_page(folder, **values: str) -> subprocess.Popen:
    own = PLAIN | {"GRADIO_TEMP_DIR": str(folder), "PYTHONUNBUFFERED": "1"} | values
    return subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "https_proxy": "socks5://127.0.0.1:9"},
    ],
    ids=["SOCKS", "HTTP"],
)
def test_the_page_starts_and_answers_behind_a_proxy(tmp_path, values):
    with taken() as port:
        pass
    process = start_page(tmp_path, GRADIO_SERVER_PORT=str(port), **values)
    try:
        answer = None
        while answer is None and process.poll() is None:
            time.sleep(0.5)
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30)
        line = process.stdout.readline()
        assert (
            process.poll() is None
            and answer.status_code == 200
            and f"http://127.0.0.1:{port}" in line
        )
        time.sleep(1)  # Gradio asks for its own address after it is served
        assert process.poll() is None
    finally:
        process.terminate()
        said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "values, sentence",
    [
        (
            {"GRADIO_SERVER_PORT": "abc"},
            "GRADIO_SERVER_PORT is 'abc'; it has to be a whole number from 1 to 65535.\n",
        ),
        (
            {"GRADIO_SERVER_PORT": "in use"},
            (
                "cannot be used (Address already in use). Choose another one with"
                " GRADIO_SERVER_PORT.\n"
            ),
        ),
    ],
)
def test_the_page_says_in_one_sentence_why_it_does_not_start(tmp_path, values, sentence):
    with taken() as port:
        values = {name: value.replace("in use", str(port)) for name, value in values.items()}
        process = start_page(tmp_path, **values)
        out, said = process.communicate(timeout=300)
    assert (
        process.returncode == 1 and out == "" and said.endswith(sentence) and said.count("\n") == 1
    )
