"""A run of `check` as one page of HTML: no script, nothing fetched, every text escaped."""
