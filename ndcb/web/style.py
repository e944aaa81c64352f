"""How the page looks. System fonts only: nothing is fetched from elsewhere."""

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(  # Soft writes teal on light teal, and white on teal, with a contrast under 3; these have 5 and more
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

CSS = """
.privacy { opacity: .85 }
.verdict { border-left: 6px solid; border-radius: 6px; padding: .6rem .9rem; background: var(--background-fill-secondary) }
.verdict.yes { border-color: #0d9488 } .verdict.no { border-color: #d97706 } .verdict.advice { border-color: #64748b }
.verdict strong { font-size: 1.05em }
.scale { position: relative; height: 3.6rem; margin: 1.6rem .8rem .2rem }
.scale .bar { position: absolute; top: 1.2rem; left: 0; right: 0; height: .7rem; border-radius: .35rem;
  background: linear-gradient(90deg, #0d9488 0 var(--limit), #d97706 var(--limit) 100%) }
.scale .mark { position: absolute; transform: translateX(-50%); white-space: nowrap; font-size: .78rem; text-align: center }
.scale .above { bottom: 2.5rem } .scale .below { top: 2.1rem }
.scale .needle { position: absolute; top: .9rem; width: 3px; height: 1.3rem; margin-left: -1px; background: var(--body-text-color) }
.numbers table { width: 100% } .numbers td:last-child, .numbers th:last-child { text-align: right; white-space: nowrap }
.pair img { width: 100%; height: 100%; object-fit: contain; padding: 2.4rem .4rem .4rem }
#faces img { object-fit: contain !important }
#faces .grid-container { grid-template-columns: repeat(5, 1fr) !important; padding-top: 2.2rem }
body:not(.dark) button[role=tab][aria-selected=true] { color: #0f766e }
input[role=combobox] { text-overflow: ellipsis; padding-right: 1.6rem !important }
#template img, #slider img { image-rendering: pixelated }
#digits .grid-container { grid-template-columns: repeat(5, 1fr) !important }
footer { opacity: .7 }
"""
