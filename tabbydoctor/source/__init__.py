"""Reading Python source without running it: what its expressions may be worth, and under which
conditions; which requests leave it. It knows Python and its libraries, and nothing of TabbyAPI.
"""
