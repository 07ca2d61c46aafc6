"""Whose socket gets a key: TabbyAPI, strangers and forwarders as processes of their own."""
