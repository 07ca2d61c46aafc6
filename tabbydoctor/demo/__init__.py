"""The stand-in deployment: what `tabbydoctor demo` shows, and what the tests stand on."""
