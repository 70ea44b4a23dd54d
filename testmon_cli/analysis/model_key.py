"""Which analysis makes the models.

Apart from it: who only compares needs not import what parses.
"""

import sys

# Raised whenever the same text would give other checksums (fingerprints of different versions
# cannot be compared), or a model would be written in another form.
MODEL_VERSION = 55
# Python's own grammar differs between versions, and with it what the same text parses to.
MODEL_KEY = f"{MODEL_VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
