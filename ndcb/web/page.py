"""The page: its tabs, what stands above them, and how it is served."""

import logging
from types import ModuleType

import gradio as gr

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES
from ndcb.models import checkpoints
from ndcb.models.pipeline import Models
from ndcb.web import blocks, gate, headers, style
from ndcb.web.demonstration import demonstration
from ndcb.web.tabs import about, attacks, compare, distort, embedding, live, login, results

PURPOSE = """# ndcb
Turns a face into a picture that differs from it as much as possible, while a face recogniser still
sees the same person. That picture can be stored as a login template: *non-distortive cancelable
biometrics*, after [arXiv 2401.15048](https://arxiv.org/abs/2401.15048). A demonstration, not a
security product."""
PRIVACY = (
    "**Your picture stays yours:** it is processed in memory on the machine that serves this page,"
    " is not recorded, and is gone in minutes."
)
NOT_SHOWN = (
    "This tab cannot be shown: a file that it needs is missing or damaged. Whoever runs this page"
    " finds out which in its log; the other tabs are not affected."
)

TABS = {
    "Distort": distort,
    "Live": live,
    "Compare": compare,
    "Embedding space": embedding,
    "Login": login,
    "Results": results,
    "Attacks": attacks,
    "About": about,
}
CSS = "\n".join([style.CSS, *(getattr(tab, "CSS", "") for tab in TABS.values())])
LAUNCH = {
    "theme": style.THEME,
    "css": CSS,
    "run_history": False,
    "enable_monitoring": False,
    "show_error": False,
    "ssr_mode": False,
    "max_file_size": "40mb",
    "footer_links": ["api", "settings"],
    "state_session_capacity": blocks.MOST_VISITS,
    "app_kwargs": {"middleware": headers.MIDDLEWARE + gate.MIDDLEWARE},
}
"""How the page is served: nothing of a visit is recorded, in the browser or here."""


def build(models: Models) -> gr.Blocks:
    """Lay out the whole page. Its models are loaded later."""
    with blocks.Page(title="ndcb", analytics_enabled=False, delete_cache=(300, 900)) as page:
        gr.Markdown(PURPOSE)
        gr.Markdown(PRIVACY, elem_classes="privacy")
        for name, tab in TABS.items():
            with gr.Tab(name) as place:
                build_tab(tab, models, place)

        def forget(request: gr.Request) -> None:
            """Gradio would keep what a closed window's visitor left in memory for an hour."""
            page.state_holder.delete_state(request.session_hash)

        page.unload(forget)
    return page


def build_tab(tab: ModuleType, models: Models, place: gr.Tab) -> None:
    """Lay out a tab. A missing or damaged file costs this tab alone, which says so."""
    try:
        tab.build(models)
    except Exception:
        logging.exception("The tab %s cannot be shown", place.label)
        place.children.clear()
        gr.Markdown(NOT_SHOWN)


def warm_up(models: Models) -> None:
    """Load what the first visitors would wait for. The page is served meanwhile."""
    defaults = (DEFAULT_FACES, DEFAULT_DIGITS)
    models.warm_up([name for name in defaults if name in checkpoints.names()])
    demonstration(models)
