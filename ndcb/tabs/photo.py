"""Inputs that hand over files as they were uploaded, so that `ndcb.images` alone decides what can be read."""

import gradio as gr


class _Photo(gr.Image):
    is_template = True  # to the browser it is a gr.Image

    def preprocess(self, payload) -> str | None:
        return payload.path if payload else None


def Photo(label: str, **options) -> gr.Image:
    """gr.Image for upload, camera and clipboard whose handler gets the path of the untouched file, or None."""
    camera = gr.WebcamOptions(constraints={"video": {"facingMode": "user"}})
    return _Photo(label=label, type="filepath", image_mode=None, sources=["upload", "webcam", "clipboard"], webcam_options=camera,
                  **options)


class Photos(gr.File):
    """gr.File writes an empty file into the cache whenever it is read; this one hands over the paths and writes nothing."""

    is_template = True

    def preprocess(self, payload) -> list[str]:
        return [file.path for file in payload.root] if payload else []
