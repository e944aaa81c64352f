"""How the page's events call their handlers: who waits for whom, and what they put out."""

import functools
from collections.abc import Callable, Sequence

import gradio as gr
from gradio.components import Component

QUEUE = {"concurrency_id": "models", "concurrency_limit": 1}
"""For a handler that uses the models: one works at a time, and the others wait in one queue."""
LATEST = {"trigger_mode": "always_last"}
"""For an input that may change while its last value is still worked on. Gradio would drop the new
value.
"""
Answer = dict[str, object]
"""What a handler puts out: values by the names of the components. What it does not name stays as
it is.
"""


def connect(
    event: Callable,
    handler: Callable[..., Answer],
    inputs: Component | Sequence[Component] | None,
    outputs: dict[str, Component],
    **options,
) -> None:
    """Call the handler at the event. It is no public endpoint.

    outputs: the components by the names that the handler's answers have for them.
    """

    @functools.wraps(handler)
    def by_component(*given) -> object:
        answer = handler(*given)
        return {outputs[name]: value for name, value in answer.items()} or gr.skip()

    event(by_component, inputs, list(outputs.values()), api_visibility="private", **options)
