"""Events and handlers: values by name become values by component."""

import gradio as gr
import pytest

from ndcb.web.wiring import LATEST, connect


class Handlers:
    """Of an event that is told how often it happened."""

    def on_click(self, times: float, event: gr.SelectData) -> dict[str, object]:
        return {"verdict": f"{times}, at {event.index}"} if times else {}


@pytest.fixture
def page():
    """(the event, its components by name)."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        times = gr.Number(0)
        shown = {"photo": gr.Textbox(), "verdict": gr.Textbox()}
        gallery = gr.Gallery()
        connect(gallery.select, Handlers().on_click, times, shown, **LATEST)
    [event] = blocks.fns.values()
    return event, shown


def test_the_event_keeps_its_options_the_handlers_name_and_the_outputs_order(page):
    event, shown = page
    assert event.api_visibility == "private" and event.trigger_mode == "always_last"
    assert event.api_name == "on_click" and event.outputs == list(shown.values())


def test_what_is_not_named_stays_as_it_is(page):
    event, shown = page
    clicked = gr.SelectData(None, {"index": 3, "value": None})
    assert event.fn(2, clicked) == {shown["verdict"]: "2, at 3"}
    assert event.fn(0, clicked) == gr.skip()


def test_a_name_that_is_no_output_is_our_fault():
    with gr.Blocks(analytics_enabled=False) as blocks:
        connect(gr.Button().click, lambda: {"no output": 1}, None, {})
    [event] = blocks.fns.values()
    with pytest.raises(KeyError, match="no output"):
        event.fn()
