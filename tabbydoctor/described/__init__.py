"""A deployment as a file describes it: compose.yaml, a Dockerfile, a quadlet. Read, never run."""
