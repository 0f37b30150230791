"""Checks a proof of a call with a public key: python check_proof.py proof.json ledger.pub

Needs nothing but Python and `pip install cryptography`.
"""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def number(value):
    return value.to_bytes(8, "big")


def must(holds):
    if not holds:
        sys.exit("NOT PROVED")


def root(index, size, entry, path):  # RFC 9162, section 2.1.3.2
    found, last, path = sha256(b"\0" + entry).digest(), size - 1, [b64decode(each) for each in path]
    must(0 <= index < size)
    while last:
        if index % 2:
            found = sha256(b"\1" + path.pop(0) + found).digest()
        elif index < last:
            found = sha256(b"\1" + found + path.pop(0)).digest()
        index, last = index // 2, last // 2
    must(not path)
    return found


proof = json.loads(Path(sys.argv[1]).read_text("utf-8"))
key = b64decode(Path(sys.argv[2]).read_text("utf-8").strip().split("+", 2)[2])[1:]
text, _, signed = proof["checkpoint"].rpartition("\n\n")
signature = b64decode(signed.split()[2])[4:]
Ed25519PublicKey.from_public_bytes(key).verify(signature, (text + "\n").encode())
origin, blocks, checkpoint_root, counted = text.split("\n")

headers = {}
for b in proof["blocks"]:
    fields = [number(b["number"]), b64decode(b["previous"]), b64decode(b["root"])]
    fields += [number(b[each]) for each in ("facts", "total", "first", "last", "sealed_at")]
    header = b"talktime block v1\n" + b"".join(fields)
    must(root(b["number"], int(blocks), header, b["path"]) == b64decode(checkpoint_root))
    headers[b["number"]] = b
for f in proof["facts"]:
    parts = UUID(f["stream"]).bytes, number(f["version"]), f["name"].encode(), f["data"].encode()
    digest = sha256(b"".join(number(len(each)) + each for each in parts)).digest()
    block = headers[f["block"]]
    leaf = number(f["position"]) + digest
    must(root(f["place"], block["facts"], leaf, f["path"]) == b64decode(block["root"]))
    print(f["name"], f["data"])
print(f"{origin} signed these {len(proof['facts'])} facts of call {proof['call']}; {counted}")
