"""Decodes the worked examples with an SBE implementation that knows nothing of this project but the schema.

    decode.py SCHEMA < lines of a message's name and a frame in hexadecimal

Prints a line for every field of every message, and of every entry of a group: its path and its value.
"""

import sys

from sbedecoder import SBESchema
from sbedecoder.message import CompositeMessageField, EnumMessageField, SBEMessage

FRAME_HEADER_BYTES = 8  # before the message header of SBE
HEADER_FIELDS = 4


def value(field):
    if isinstance(field, CompositeMessageField):
        return field.raw_value["low"] + (field.raw_value["high"] << 64)
    if isinstance(field, EnumMessageField):
        return f"{field.raw_value} {field.enumerant}"
    return field.value


def main():
    schema = SBESchema()
    schema.parse(sys.argv[1])
    group_header_bytes = 8
    for line in sys.stdin:
        name, frame = line.split()
        message = SBEMessage.parse_message(schema, bytes.fromhex(frame), FRAME_HEADER_BYTES)
        assert message.name == name, f"{name} was decoded as {message.name}"
        for field in message.fields[HEADER_FIELDS:]:
            print(f"{name}.{field.original_name} {value(field)}")
        for group in message.groups:
            # This library does not count what follows numInGroup in the dimensions.
            group.dimension_size = group_header_bytes
            message.wrap(message.msg_buffer, message.msg_offset)
            for at, entry in enumerate(group.repeating_groups):
                for field in entry.fields:
                    print(f"{name}.{group.original_name}[{at}].{field.original_name} {value(field)}")


main()
