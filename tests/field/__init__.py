"""What operators met and reported in public, and what the doctor says of it: docs/reports.md."""
