"""The only part of the doctor that writes: it applies a plan and can take it back.

It knows nothing of TabbyAPI, YAML or routers. `tabbydoctor.repair.engine` is its face.
"""
