"""The documentation's site, as Sphinx makes it: `nox -s docs`."""

from tabbydoctor import __version__

project = "tabbydoctor"
author = "the authors of tabbydoctor"
release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"tabbydoctor {release}"
html_show_copyright = False
nitpicky = True
