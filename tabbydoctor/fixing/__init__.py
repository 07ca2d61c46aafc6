"""One repair from end to end: look, plan, apply, prove, keep or take back."""
