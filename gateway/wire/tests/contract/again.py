"""Decodes the worked examples with the Python client and encodes them again.

    again.py FOLDER_OF_THE_CLIENT SCHEMA < lines of a message's name and a frame in hexadecimal

Prints the same lines where the client has every layout right.
"""

import sys

sys.path.insert(0, sys.argv[1])

from tidegate_client import Schema  # noqa: E402

schema = Schema(sys.argv[2])
for line in sys.stdin:
    name, values = schema.decode(bytes.fromhex(line.split()[1]))
    print(name, schema.encode(name, **values).hex())
