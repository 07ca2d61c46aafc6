"""A front before TabbyAPI: an nginx, HAProxy or Caddy on loopback that adds the API key.

What it is made of (`design`, `programs`, `service`, `fence`), and how one that is there stands
(`standing`). Nothing is written here: `tabbydoctor.remedies.front` plans it.
"""
