"""What the page takes from the environment, checked and mended before Gradio is imported.

Gradio reads most of it as it is imported, and stops at what it cannot use.

    GRADIO_SERVER_PORT, GRADIO_SERVER_NAME   where the page is served
    GRADIO_TEMP_DIR                          where its files lie
    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY       for downloads; not for the page's own address
"""

import errno
import os
import socket
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from urllib.request import getproxies_environment

import httpx

from ndcb.core.terms import UserError

NUMBERS = {
    "GRADIO_SERVER_PORT": (1, 65535),
    "GRADIO_NUM_PORTS": (1, 65535),
    "GRADIO_NODE_SERVER_PORT": (1, 65535),
    "GRADIO_NODE_NUM_PORTS": (1, 65535),
    "GRADIO_NUM_WORKERS": (1, 1000),
    "GRADIO_DEBUG": (0, 1),
}
"""What Gradio takes for whole numbers, and from where to where they go."""
LOCAL = ("localhost", "127.0.0.1", "::1")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
NO_PORT = (
    "No port from 7860 on is free. Close another program, or choose a port with GRADIO_SERVER_PORT."
)


def prepare() -> None:
    """Check and mend what Gradio will read. To be called before it is imported.

    Ends the program with one sentence where a value cannot be used.
    """
    try:
        _check_numbers(os.environ)
        _check_folder(os.environ.get("GRADIO_TEMP_DIR"))
    except UserError as error:
        sys.exit(str(error))
    _mend_proxies(os.environ)


def chosen_port() -> int | None:
    """The port to serve at; None: Gradio looks for a free one from 7860 on.

    Ends the program with one sentence where the page cannot be served as was chosen.
    """
    port = int(os.environ["GRADIO_SERVER_PORT"]) if "GRADIO_SERVER_PORT" in os.environ else None
    try:
        _check_place(_server_name(os.environ), port)
    except UserError as error:
        sys.exit(str(error))
    return port


def _server_name(environment: Mapping[str, str]) -> str:
    return environment.get("GRADIO_SERVER_NAME") or LOCAL[1]


def _check_numbers(environment: MutableMapping[str, str]) -> None:
    for name, (least, most) in NUMBERS.items():
        text = environment.get(name)
        if text is not None and not text.strip():
            del environment[name]
        elif text is not None and not (_is_whole(text) and least <= int(text) <= most):
            raise UserError(
                f"{name} is {text!r}; it has to be a whole number from {least} to {most}."
            )


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _check_folder(folder: str | None) -> None:
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
        usable = not folder or os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise UserError("GRADIO_TEMP_DIR names no folder that can be written. Name another one.")


def _check_place(name: str, port: int | None) -> None:
    """Raises UserError: the address is not this machine's, or the port is taken or not allowed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((name, port or 0))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "no address"
            if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES):
                what, variable = f"Port {port}", "GRADIO_SERVER_PORT"
            else:
                what, variable = f"The address {name!r}", "GRADIO_SERVER_NAME"
            raise UserError(
                f"{what} cannot be used ({reason}). Choose another one with {variable}."
            ) from error


def _mend_proxies(environment: MutableMapping[str, str]) -> None:
    """Keep the page's own address from the proxies, and drop those that stop the libraries."""
    for variable in [variable for variable in environment if variable.lower() in PROXIES]:
        if not _is_usable(environment[variable]):
            del environment[variable]
            print(
                f"The proxy in {variable} cannot be used here; the page goes on without it.",
                file=sys.stderr,
            )

    proxies = getproxies_environment()
    if not proxies:
        return
    others = [host.strip() for host in proxies.get("no", "").split(",")]
    _set_exceptions(
        environment, dict.fromkeys([*filter(None, others), *LOCAL, _server_name(environment)])
    )
    try:
        httpx.Client().close()
    except (ValueError, httpx.InvalidURL):
        _set_exceptions(environment, ["*"])
        print(
            "What NO_PROXY says cannot be used here; the page goes on without a proxy.",
            file=sys.stderr,
        )


def _is_usable(proxy: str) -> bool:
    """ImportError: SOCKS, for which a package is missing."""
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        httpx.Client(proxy=address, trust_env=False).close()
    except (ImportError, ValueError, httpx.InvalidURL):
        return not proxy
    return True


def _set_exceptions(environment: MutableMapping[str, str], hosts: Iterable[str]) -> None:
    """In both spellings: of two that differ the libraries do not choose alike."""
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(hosts)
