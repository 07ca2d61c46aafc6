"""What users met in the field: small inputs, each with its right answer, and siblings of each."""
