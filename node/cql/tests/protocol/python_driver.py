"""Records what the Python driver writes, and shows what it reads.

    python python_driver.py requests > python_driver.txt     recorded requests and segments, one a line: name, hex
    python python_driver.py responses < ours.txt             prints how the driver understands our responses (same form)

Needs cassandra-driver (3.30) and lz4. The tests need neither: they compare with the recorded file.
"""

import io
import struct
import sys

import lz4.block
from cassandra import ConsistencyLevel
from cassandra.protocol import (AuthResponseMessage, BatchMessage, ExecuteMessage, OptionsMessage, PrepareMessage,
                                ProtocolHandler, QueryMessage, RegisterMessage, StartupMessage, _UNSET_VALUE)
from cassandra.query import BatchType
from cassandra.segment import SegmentCodec


def messages(version):
    keyspace = "ks" if version >= 5 else None
    unset = _UNSET_VALUE if version >= 4 else None
    yield "options", OptionsMessage()
    yield "startup", StartupMessage("3.4.7", {"COMPRESSION": "lz4"})
    yield "register", RegisterMessage(["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"])
    yield "query", QueryMessage("SELECT ü FROM t", ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL, 5000,
                                b"state", 1700000000000000, keyspace=keyspace)
    yield "prepare", PrepareMessage("SELECT * FROM t", keyspace)
    yield "execute", ExecuteMessage(b"identifier", [b"one", None, unset, b""], ConsistencyLevel.ONE, fetch_size=100,
                                    timestamp=5, result_metadata_id=b"metadata" if version >= 5 else None)
    queries = [(False, "INSERT INTO t", [b"one"]), (True, b"identifier", [None, unset])]
    yield "batch", BatchMessage(BatchType.UNLOGGED, queries, ConsistencyLevel.QUORUM, ConsistencyLevel.SERIAL, 7, keyspace)
    yield "auth_response", AuthResponseMessage(b"\0user\0secret")


def requests():
    for version in (3, 4, 5):
        for name, message in messages(version):
            message.tracing = name == "query"
            if name == "execute" and version >= 4:
                message.custom_payload = {"key": b"value"}
            raw = ProtocolHandler.encode_message(message, 258, version, None, False)
            print(f"v{version}/{name}\t{raw.hex()}")
    compress = lambda data: struct.pack(">I", len(data)) + lz4.block.compress(data, store_size=False)
    small, large = b"not to be compressed", b"again and " * 20000
    for name, codec in (("plain", SegmentCodec()), ("lz4", SegmentCodec(compress, True))):
        for size, payload in (("small", small), ("middle", large[:2000]), ("large", large)):
            out = io.BytesIO()
            codec.encode(out, payload)
            raw = out.getvalue()
            if name == "plain" and size == "large":
                # Only what is around the payloads: header, trailer, header, trailer.
                first = 6 + 131071
                raw = raw[:6] + raw[first:first + 10] + raw[-4:]
            print(f"segment/{name}/{size}\t{raw.hex()}")


def responses():
    for line in sys.stdin:
        name, text = line.split("\t")
        raw = bytes.fromhex(text)
        version, flags, stream, opcode, length = struct.unpack(">BBhBI", raw[:9])
        assert version & 0x80 and length == len(raw) - 9, name
        read = ProtocolHandler.decode_message(version & 0x7F, {}, stream, flags, opcode, raw[9:], None, None)
        print(name, type(read).__name__, {k: v for k, v in vars(read).items() if v is not None})


if __name__ == "__main__":
    {"requests": requests, "responses": responses}[sys.argv[1]]()
