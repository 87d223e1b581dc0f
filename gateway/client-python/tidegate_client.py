"""A client of Tidegate's binary protocol in plain Python: it needs the schema and an Ed25519 package, nothing else.

    lines on stdin --> [Terminal] --> [Client] --frames--> gateway
    lines on stdout <--            <--         <--frames--

Every layout comes from `schema/tidegate.xml` when the program starts. `Client` has the rules of a session: it answers the
challenge, asks for the reports after the last one it has, checks that their numbers have no gap, and sends again, with the
same numbers, what has no answer. So a lost connection, or a node that another one replaces, costs no order and makes none
twice. What must survive the client itself is `Client.state()`.

    python tidegate_client.py --address HOST:PORT [--address HOST:PORT ..] --key ID --key-file FILE [--schema FILE]

One thread; `Client.step` is the only place that waits.
"""

import argparse
import os
import selectors
import socket
import struct
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from nacl.signing import SigningKey

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "wire" / "schema" / "tidegate.xml"
PROTOCOL_VERSION = 1
FRAME_HEADER = struct.Struct("<IHHHHHH")
GROUP_SIZE = struct.Struct("<HHI")
FRAME_BYTES_MAX = 1_024
LOGON_PREFIX = b"tidegate-logon-v1"
PRIMITIVES = {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int32": "i", "int64": "q"}
RECONNECT_PAUSE_S = 0.05
CONNECT_TIMEOUT_S = 2.0


class ProtocolError(Exception):
    """The other side does not keep the protocol, or this program does not."""


class Refused(Exception):
    """The gateway ended the session for a reason that trying again cannot change."""


class Field:
    """One field of a block: how its value stands in bytes."""

    def __init__(self, element, types):
        self.name = element.get("name")
        self.offset = int(element.get("offset"))
        self.is_padding = self.name.startswith("padding_")
        self.codes = {}
        kind = types[element.get("type")]
        self.kind = kind.tag
        if kind.tag == "enum":
            self.format = struct.Struct("<" + PRIMITIVES[kind.get("encodingType")])
            self.codes = {int(value.text): value.get("name") for value in kind}
            self.numbers = {name: code for code, name in self.codes.items()}
        elif kind.tag == "composite":
            self.format = struct.Struct("<" + "".join(PRIMITIVES[part.get("primitiveType")] for part in kind))
        else:
            self.kind = "char" if kind.get("primitiveType") == "char" else "number"
            length = kind.get("length")
            if length is None:
                self.format = struct.Struct("<" + PRIMITIVES[kind.get("primitiveType")])
            else:
                self.kind = "char" if self.kind == "char" else "bytes"
                self.format = struct.Struct(f"<{length}s")

    def put(self, block, at, value):
        if self.kind == "enum" and isinstance(value, str):
            value = self.numbers[value]
        if self.kind == "composite":
            self.format.pack_into(block, at + self.offset, value & (1 << 64) - 1, value >> 64)
        elif self.kind == "char":
            self.format.pack_into(block, at + self.offset, value.encode("ascii"))
        else:
            self.format.pack_into(block, at + self.offset, value)

    def get(self, block, at):
        values = self.format.unpack_from(block, at + self.offset)
        if self.kind == "composite":
            return values[0] | values[1] << 64
        if self.kind == "enum":
            # A code that a newer gateway knows and this schema does not stays a number.
            return self.codes.get(values[0], values[0])
        return values[0].rstrip(b"\0").decode("ascii") if self.kind == "char" else values[0]


class Block:
    """The fields of a message or of a group's entry."""

    def __init__(self, element, length, types):
        self.name = element.get("name")
        self.length = length
        self.fields = {field.get("name"): Field(field, types) for field in element.findall("field")}

    def put(self, block, at, values):
        for name, value in values.items():
            if name not in self.fields:
                raise ProtocolError(f"{self.name} has no field {name}")
            self.fields[name].put(block, at, value)

    def get(self, block, at):
        return {name: field.get(block, at) for name, field in self.fields.items() if not field.is_padding}


class Schema:
    """Every message of the schema file."""

    def __init__(self, file=SCHEMA_FILE):
        root = ElementTree.parse(file).getroot()
        types = {kind.get("name"): kind for kind in root.find("types")}
        self.id = int(root.get("id"))
        self.version = int(root.get("version"))
        self.by_name, self.by_template, self.groups = {}, {}, {}
        for element in root:
            if not element.tag.endswith("}message"):
                continue
            message = Block(element, int(element.get("blockLength")), types)
            message.template = int(element.get("id"))
            self.by_name[message.name] = self.by_template[message.template] = message
            group = element.find("group")
            if group is not None:
                self.groups[message.name] = Block(group, int(group.get("blockLength")), types)

    def encode(self, name, /, **values):
        """A whole frame. A field that is not named is zero: padding always, and what a newer schema appended. The entries of
        a group are a list of dictionaries under its name."""
        message = self.by_name[name]
        group = self.groups.get(name)
        entries = values.pop(group.name, []) if group else []
        tail = GROUP_SIZE.size + len(entries) * group.length if group else 0
        frame = bytearray(FRAME_HEADER.size + message.length + tail)
        header = (len(frame), PROTOCOL_VERSION, 0, message.length, message.template, self.id, self.version)
        FRAME_HEADER.pack_into(frame, 0, *header)
        message.put(frame, FRAME_HEADER.size, values)
        if group:
            at = FRAME_HEADER.size + message.length
            GROUP_SIZE.pack_into(frame, at, group.length, len(entries), 0)
            for number, entry in enumerate(entries):
                group.put(frame, at + GROUP_SIZE.size + number * group.length, entry)
        return bytes(frame)

    def decode(self, frame):
        """Name and fields of a whole frame; name None for a message that this schema does not know."""
        _, _, _, block_length, template, schema_id, _ = FRAME_HEADER.unpack_from(frame)
        if schema_id != self.id:
            raise ProtocolError(f"schema id is {schema_id}, expected {self.id}")
        message = self.by_template.get(template)
        if message is None:
            return None, {}
        if block_length < message.length:
            raise ProtocolError(f"block length of {message.name} is {block_length}, at least {message.length} expected")
        values = message.get(frame, FRAME_HEADER.size)
        group = self.groups.get(message.name)
        if group:
            at = FRAME_HEADER.size + block_length
            entry_length, count, _ = GROUP_SIZE.unpack_from(frame, at)
            starts = (at + GROUP_SIZE.size + number * entry_length for number in range(count))
            values[group.name] = [group.get(frame, start) for start in starts]
        return message.name, values


def logon_bytes(cluster, node, nonce, key):
    """What a logon signs."""
    return LOGON_PREFIX + cluster.to_bytes(16, "little") + struct.pack("<I", node) + nonce + struct.pack("<I", key)


class Client:
    """A session that goes on over lost connections. `on_event(kind, fields)` hears of everything that happens."""

    def __init__(self, schema, addresses, key, secret, on_event, heartbeat_ms=5_000, last_session_sequence=0):
        self.schema = schema
        self.addresses = addresses
        self.key = key
        self.signing = SigningKey(secret)
        self.on_event = on_event
        self.heartbeat_ms = heartbeat_ms
        self.last_session_sequence = last_session_sequence
        self.request_mark = 0
        self.unanswered = {}
        self.sent = {}
        self.socket = None
        self.logged_on = False
        self.next_address = 0
        self.buffer = b""
        self.last_sent = self.last_heard = 0.0

    def state(self):
        """What a client keeps that wants to go on after its own end."""
        return {"last_session_sequence": self.last_session_sequence, "unanswered": dict(self.unanswered)}

    def submit(self, name, /, **values):
        """Sends a request under the next number; it is sent again until it has an answer. Returns the number."""
        self.request_mark += 1
        frame = self.schema.encode(name, request=self.request_mark, **values)
        self.unanswered[self.request_mark] = self.sent[self.request_mark] = frame
        if self.logged_on:
            self._send(frame)
        return self.request_mark

    def resend(self, request):
        """Sends a request once more, whether it was answered or not: it is never executed twice."""
        self.unanswered[request] = self.sent[request]
        if self.logged_on:
            self._send(self.sent[request])

    def logout(self):
        self._send(self.schema.encode("ClientLogout"))

    def connect(self):
        """Connects to the next address and answers its challenge. What comes then is read by `step`."""
        self.disconnect()
        address = self.addresses[self.next_address % len(self.addresses)]
        self.next_address += 1
        try:
            self.socket = socket.create_connection(address, CONNECT_TIMEOUT_S)
        except OSError:
            return False
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(CONNECT_TIMEOUT_S)
        self.last_heard = time.monotonic()
        return True

    def disconnect(self):
        if self.socket is not None:
            self.socket.close()
        self.socket, self.logged_on, self.buffer = None, False, b""

    def step(self):
        """Reads what is there, once. False when the connection is lost."""
        try:
            received = self.socket.recv(65_536)
        except OSError:
            received = b""
        if not received:
            self.disconnect()
            return False
        self.last_heard = time.monotonic()
        self.buffer += received
        while self.socket is not None and len(self.buffer) >= 4:
            (length,) = struct.unpack_from("<I", self.buffer)
            if not FRAME_HEADER.size <= length <= FRAME_BYTES_MAX:
                raise ProtocolError(f"length is {length}, allowed: {FRAME_HEADER.size} to {FRAME_BYTES_MAX}")
            if len(self.buffer) < length:
                break
            frame, self.buffer = self.buffer[:length], self.buffer[length:]
            self._on_message(*self.schema.decode(frame))
        return self.socket is not None

    def on_time(self):
        """Keeps the session alive. False when the other side fell silent."""
        now, interval = time.monotonic(), self.heartbeat_ms / 1_000
        if self.logged_on and now - self.last_sent >= interval / 2:
            self._send(self.schema.encode("Heartbeat"))
        if self.socket is not None and now - self.last_heard > 3 * interval:
            self.disconnect()
        return self.socket is not None

    def _send(self, frame):
        self.last_sent = time.monotonic()
        try:
            self.socket.sendall(frame)
        except OSError:
            self.disconnect()

    def _on_message(self, name, fields):
        if name == "Challenge":
            signed = logon_bytes(fields["cluster"], fields["node"], fields["nonce"], self.key)
            logon = self.schema.encode(
                "Logon",
                key=self.key,
                heartbeat_ms=self.heartbeat_ms,
                last_session_sequence=self.last_session_sequence,
                mode="TRADING",
                signature=self.signing.sign(signed).signature,
            )
            self._send(logon)
        elif name == "LogonAccepted":
            self.heartbeat_ms = fields["heartbeat_ms"]
            self.request_mark = max(self.request_mark, fields["request_mark"])
            self.on_event("logged_on", fields)
        elif name == "ReplayDone":
            self.logged_on = True
            self.on_event("replay_done", fields)
            for request, frame in sorted(self.unanswered.items()):
                self.on_event("resent", {"request": request})
                self._send(frame)
        elif name == "GapFill":
            self._advance(fields["first"], fields["last"])
            self.on_event("gap_fill", fields)
        elif name == "TestRequest":
            self._send(self.schema.encode("TestReply", id=fields["id"]))
        elif name == "RequestRefused":
            # It used up no number. What came too early, or to a node that ceased to lead, is sent again after the next
            # logon; anything else did not happen and will not.
            if fields["reason"] not in ("REPLAY_NOT_DONE", "NOT_PRIMARY"):
                self.unanswered.pop(fields["request"], None)
            self.on_event("refused", fields)
        elif name == "NotPrimary":
            self.disconnect()
        elif name == "Logout":
            self.disconnect()
            self.on_event("logout", fields)
        elif name is not None and "session_sequence" in fields:
            self._advance(fields["session_sequence"], fields["session_sequence"])
            # Any report of a request says that it was applied, and what else there is of it follows or is replayed.
            self.unanswered.pop(fields["request"], None)
            self.on_event("report", {"template": name, **fields})
        elif name not in (None, "Heartbeat"):
            self.on_event(name, fields)

    def _advance(self, first, last):
        if first != self.last_session_sequence + 1:
            raise ProtocolError(f"report {first} came after {self.last_session_sequence}: one is missing")
        self.last_session_sequence = last


class Terminal:
    """Commands from stdin, events to stdout, a line each: a client to try the protocol by hand, and in tests.

        new BUY|SELL MARKET PRICE_TICKS QTY_LOTS GTC|IOC|FOK     cancel REQUEST     resend REQUEST     logout
    """

    FINAL_REASONS = {"CLIENT_REQUESTED", "TAKEN_OVER", "BAD_SIGNATURE", "UNKNOWN_KEY", "REPLAY_FROM_FUTURE"}

    def __init__(self, arguments):
        secret = bytes.fromhex(Path(arguments.key_file).read_text().strip())
        addresses = [(host, int(port)) for host, port in (text.rsplit(":", 1) for text in arguments.address)]
        schema = Schema(arguments.schema)
        self.client = Client(schema, addresses, arguments.key, secret, self.on_event, arguments.heartbeat_ms)
        self.client.last_session_sequence = arguments.last_session_sequence
        self.lines = b""
        self.ended = False

    def on_event(self, kind, fields):
        shown = " ".join(f"{name}={value}" for name, value in fields.items() if not isinstance(value, bytes))
        print(f"{kind} {shown}", flush=True)
        if kind == "logout" and fields["reason"] in self.FINAL_REASONS:
            self.ended = True

    def on_command(self, words):
        if words[0] == "new":
            side, market, price, qty, time_in_force = words[1:]
            request = self.client.submit(
                "NewOrder",
                side=side,
                market=int(market),
                price=int(price),
                qty=int(qty),
                order_type="LIMIT",
                time_in_force=time_in_force,
            )
            print(f"sent request={request}", flush=True)
        elif words[0] == "cancel":
            request = self.client.submit("CancelOrder", target=int(words[1]), target_kind="REQUEST")
            print(f"sent request={request}", flush=True)
        elif words[0] == "resend":
            self.client.resend(int(words[1]))
        elif words[0] == "logout":
            self.client.logout()
        else:
            raise SystemExit(f"unknown command: {' '.join(words)}")

    def run(self):
        while not self.ended:
            if self.client.socket is None and not self.client.connect():
                time.sleep(RECONNECT_PAUSE_S)
                continue
            with selectors.DefaultSelector() as selector:
                selector.register(self.client.socket, selectors.EVENT_READ, "socket")
                if self.client.logged_on:
                    selector.register(sys.stdin, selectors.EVENT_READ, "stdin")
                ready = {key.data for key, _ in selector.select(self.client.heartbeat_ms / 4_000)}
            if "socket" in ready and not self.client.step() or not self.client.on_time():
                continue
            if "stdin" in ready and self.client.logged_on:
                received = os.read(sys.stdin.fileno(), 65_536)
                if not received:
                    return
                *lines, self.lines = (self.lines + received).split(b"\n")
                for line in lines:
                    self.on_command(line.decode().split())


def main():
    parser = argparse.ArgumentParser(description="A client of Tidegate's binary protocol.")
    parser.add_argument("--address", action="append", required=True, help="HOST:PORT of a gateway; several for a pair")
    parser.add_argument("--key", type=int, required=True, help="id of the key")
    parser.add_argument("--key-file", required=True, help="file of its private half, 64 hexadecimal digits")
    parser.add_argument("--heartbeat-ms", type=int, default=5_000)
    parser.add_argument("--last-session-sequence", type=int, default=0, help="last report of an earlier run")
    parser.add_argument("--schema", default=SCHEMA_FILE)
    try:
        Terminal(parser.parse_args()).run()
    except ProtocolError as error:
        raise SystemExit(f"tidegate_client: {error}") from error


if __name__ == "__main__":
    main()
