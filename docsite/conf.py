"""Sphinx's settings: Markdown by MyST, the theme Furo, and nothing that is fetched when a page is read."""

from importlib.metadata import version as installed_version

project = "trainwatch"
author = "The trainwatch authors"
version = release = installed_version("trainwatch")
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
nitpicky = True
suppress_warnings = ["myst.header"]
"""A heading that skips a level breaks nothing."""

myst_heading_anchors = 4
"""Headings get the anchors that GitHub gives them, so one link works in both."""
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "trainwatch"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "native"
