"""`python -m tabbydoctor.demo.standin [TabbyAPI's own arguments]`."""

import sys

from .startup import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
