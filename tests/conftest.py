"""What every test may rely on: text is not wrapped, whatever the width of the terminal that the tests run in."""

import os

os.environ.pop("COLUMNS", None)
