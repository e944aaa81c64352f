"""Pictures inside the page's HTML: no file of them is written."""

import base64
import io

from PIL import Image


def data_url(picture: Image.Image) -> str:
    """The picture itself as an address: a lossless PNG, packed for speed rather than for size."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
