#!/usr/bin/env python3
"""Writes tokens.json: tokens of every kind, made without a line of this project's Rust.

The Rust code must accept each of them, and with the same random bytes write each of them byte for
byte. Two implementations that agree are what the layouts in the modules' documentation claim.

    pip install cryptography
    ./make.py           # writes tokens.json
    ./make.py --check   # fails if tokens.json is not what it would write

Nothing in it is random: "random" bytes are SHA-256 of a label.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

VERSION = 2
SEALED, FIELD, SIGNED, CREDENTIAL = 0x01, 0x02, 0x10, 0x20


def lp(part: bytes) -> bytes:
    """A part with its length in front."""
    return struct.pack(">I", len(part)) + part


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(message)
    return mac.finalize()


def prk(secret: bytes) -> bytes:
    """HKDF-Extract of RFC 5869: an HMAC keyed with the salt."""
    return hmac_sha256(b"session-runtime/v1 master", secret)


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=info).derive(prk(secret))


def key_id(secret: bytes) -> bytes:
    return expand(secret, lp(b"kid"), 4)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """draft-irtf-cfrg-xchacha-03, section 2.2."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def rotate(number: int, by: int) -> int:
        return (number << by | number >> (32 - by)) & 0xFFFFFFFF

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            state[z] = rotate(state[z] ^ state[x], by)

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for d in range(4):
            quarter(d, 4 + (d + 1) % 4, 8 + (d + 2) % 4, 12 + (d + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha20_poly1305(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return cipher.encrypt(bytes(4) + nonce[16:], plain, associated)


def self_test() -> None:
    """The vectors of draft-irtf-cfrg-xchacha-03, sections 2.2.1 and A.3.1."""
    subkey = hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert subkey.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    sealed = xchacha20_poly1305(
        bytes(range(0x80, 0xA0)),
        bytes(range(0x40, 0x58)),
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it.",
        bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
    )
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pseudo_random(label: str, length: int) -> bytes:
    blocks = (hashlib.sha256(f"{label} {n}".encode()).digest() for n in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def binding(purpose: str, scope: dict) -> bytes:
    parts = ("session-runtime/v1", purpose, *scope.values())
    return b"".join(lp(part.encode()) for part in parts)


def credential(secret: bytes, scope: dict, selector: bytes, verifier: bytes) -> dict:
    key = expand(secret, binding("credential", scope), 32)
    body = bytes([VERSION, CREDENTIAL]) + key_id(secret) + selector + verifier
    mac = hmac_sha256(key, body)
    return {
        "selector": selector.hex(),
        "verifier": verifier.hex(),
        "check": mac[16:].hex(),
        "token": b64(body + mac[:16]),
    }


def sealed(secret: bytes, scope: dict, nonce: bytes, plain: bytes) -> dict:
    context = binding("sealed", scope)
    commitment = expand(secret, context + lp(b"commitment"), 16)
    header = bytes([VERSION, SEALED]) + key_id(secret) + commitment + nonce
    padded = plain + b"\x80" + bytes(31 - len(plain) % 32)
    text = xchacha20_poly1305(expand(secret, context, 32), nonce, padded, header)
    return {"nonce": nonce.hex(), "plain": plain.hex(), "token": b64(header + text)}


def signed(secret: bytes, scope: dict, plain: bytes) -> dict:
    context = binding("signed", scope)
    header = bytes([VERSION, SIGNED]) + key_id(secret)
    tag = hmac_sha256(expand(secret, context, 32), context + lp(header) + lp(plain))
    return {"plain": plain.hex(), "token": b64(header + plain + tag)}


def field(secret: bytes, scope: dict, nonce: bytes, place: tuple, plain: bytes) -> dict:
    namespace, selector, name = place
    header = bytes([VERSION, FIELD]) + key_id(secret) + nonce
    context = lp(namespace.encode()) + lp(selector) + lp(name.encode()) + lp(b"1")
    key = expand(secret, binding("field", scope), 32)
    text = xchacha20_poly1305(key, nonce, plain, header + context)
    return {
        "namespace": namespace,
        "selector": selector.hex(),
        "field": name,
        "nonce": nonce.hex(),
        "plain": plain.hex(),
        "blob": (header + text).hex(),
    }


def value(kind: str, content) -> tuple[int, bytes]:
    if kind == "bytes":
        return 0, content.encode()
    if kind == "int":
        return 1, struct.pack(">q", content)
    members = sorted(member.encode() for member in content)
    return 2, struct.pack(">I", len(members)) + b"".join(lp(member) for member in members)


def envelope(facts: dict) -> bytes:
    idle = facts["idle_millis"]
    flags = (idle is not None) | facts["persistent"] << 1
    out = bytes.fromhex(facts["selector"])
    out += struct.pack(
        ">QQQQIQBH",
        facts["created"],
        facts["sealed_at"],
        idle or 0,
        facts["absolute_until"],
        facts["generation"],
        facts["epoch"],
        flags,
        len(facts["fields"]),
    )
    for name, kind, content in facts["fields"]:
        code, data = value(kind, content)
        out += struct.pack(">H", len(name.encode())) + name.encode() + bytes([code]) + lp(data)
    return out


def envelopes() -> list[dict]:
    first = {
        "selector": pseudo_random("envelope", 16).hex(),
        "created": 1_767_225_600_000,
        "sealed_at": 1_767_225_661_500,
        "idle_millis": 1_800_000,
        "absolute_until": 1_767_268_800_000,
        "generation": 3,
        "epoch": 7,
        "persistent": True,
        "fields": [
            ["user", "bytes", '"ada"'],
            ["visits", "int", -5],
            ["tags", "set", ['"a"', '"bb"', '"c"']],
            ["größe", "bytes", ""],
            ["none", "set", []],
        ],
    }
    second = dict(
        first,
        idle_millis=None,
        persistent=False,
        absolute_until=2**64 - 1,
        generation=2**32 - 1,
        fields=[],
    )
    return [dict(facts, encoded=envelope(facts).hex()) for facts in (first, second)]


def cases() -> dict:
    scopes = [
        {"transport": "cookie", "name": "__Host-shop", "type": "shop", "audience": "", "schema": "1"},
        {"transport": "header", "name": "x-shop", "type": "shop.v2", "audience": "https://a.example", "schema": "1"},
        {"transport": "bearer", "name": "größe", "type": "größe", "audience": "b", "schema": ""},
    ]
    secrets = [pseudo_random("key 32", 32), pseudo_random("key 100", 100)]
    plains = [b"", b"x", json.dumps({"user": "ada"}).encode(), pseudo_random("plain", 200)]
    out: dict = {"cases": [], "envelopes": envelopes()}
    for number, (secret, scope) in enumerate((k, s) for k in secrets for s in scopes):

        def random(label: str, length: int) -> bytes:
            return pseudo_random(f"{label} {number}", length)

        selector = random("selector", 16)
        place = ("shop@a", selector, "card")
        out["cases"].append(
            {
                "key": base64.b64encode(secret).decode(),
                "key_id": key_id(secret).hex(),
                "fingerprint": expand(secret, lp(b"fingerprint"), 32).hex(),
                **scope,
                "credential": credential(secret, scope, selector, random("verifier", 16)),
                "sealed": [
                    sealed(secret, scope, random(f"sealed {n}", 24), plain)
                    for n, plain in enumerate(plains)
                ],
                "signed": [signed(secret, scope, plain) for plain in plains],
                "field": [
                    field(secret, scope, random(f"field {n}", 24), place, plain)
                    for n, plain in enumerate(plains)
                ],
            }
        )
    return out


def main() -> int:
    self_test()
    path = pathlib.Path(__file__).with_name("tokens.json")
    text = json.dumps(cases(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        fresh = path.read_text(encoding="utf-8") == text
        print("tokens.json is fresh" if fresh else "tokens.json is not what make.py writes")
        return 0 if fresh else 1
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
