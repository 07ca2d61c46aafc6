"""From what is wrong to a plan of changes: one module a remedy. Nothing is changed here."""
