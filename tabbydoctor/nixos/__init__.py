"""The NixOS module for TabbyAPI: its options, and the Nix that says what is to last."""
