"""What every answer of the page tells the browser it must not do, as HTTP headers.

Gradio's own page has inline scripts that change with every visit, and it makes functions of text
(`js_on_load`), so scripts cannot be held to hashes; what the policy does forbid is every other
host, foreign frames, plugins, forms that lead away, and another base address.
"""

import os

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
EMBEDDERS = "'self' https://huggingface.co https://*.hf.space"
"""Who may show the page in a frame where it is a Space; the frame must delegate the camera too, and
Hugging Face's does.
"""
PERMISSIONS = (
    "camera=(self)",
    "microphone=()",
    "geolocation=()",
    "display-capture=()",
    "payment=()",
    "usb=()",
    "serial=()",
    "midi=()",
)


def headers(on_space: bool) -> dict[str, str]:
    policy = POLICY | ({"frame-ancestors": EMBEDDERS} if on_space else {})
    return {
        "Content-Security-Policy": "; ".join(
            f"{name} {sources}" for name, sources in policy.items()
        ),
        "Permissions-Policy": ", ".join(PERMISSIONS),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


class Headers:
    """Pure ASGI, so that the events of the queue are passed on one by one as they come."""

    def __init__(self, app):
        self.app = app
        self.own = headers(on_space=bool(os.environ.get("SPACE_ID")))

    async def __call__(self, scope, receive, send) -> None:
        async def send_with_headers(message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.own)
            await send(message)

        await self.app(scope, receive, send_with_headers)


MIDDLEWARE = [Middleware(Headers)]
