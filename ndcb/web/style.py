"""How the page looks. System fonts only: nothing is fetched from elsewhere."""

import gradio as gr

from ndcb.web.static_files import static

# Soft writes teal on light teal, and white on teal, with a contrast under 3; these have 5 and more.
THEME = gr.themes.Soft(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    background_fill_primary="*neutral_50",  # `set` would forget what Soft has here
    checkbox_border_color="*neutral_400",
    block_label_text_color="*primary_800",
    block_title_text_color="*primary_800",
    block_label_background_fill_dark="*primary_800",
    block_title_background_fill_dark="*primary_800",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    checkbox_label_background_fill_selected="*primary_700",
    checkbox_label_background_fill_selected_dark="*primary_700",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_400",
    link_text_color_visited="*primary_700",
    link_text_color_visited_dark="*primary_400",
)
CSS = static("page.css")
