"""Pictures inside the page's HTML: no file of them is written. Captions are escaped here."""

import base64
import html
import io

from PIL import Image


def data_url(picture: Image.Image) -> str:
    """The picture itself as an address: a lossless PNG, packed for speed rather than for size."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def figure(url: str, caption: str, kind: str = "") -> str:
    """kind: its class."""
    text = html.escape(caption)
    return (
        f'<figure class="{kind}"><img src="{url}"'
        f' alt="{text}"><figcaption>{text}</figcaption></figure>'
    )


def inline(picture: Image.Image, caption: str, kind: str = "") -> str:
    return figure(data_url(picture), caption, kind)
