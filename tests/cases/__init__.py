"""Cases met in the field: what people reported, rebuilt small, and what the doctor must say."""
