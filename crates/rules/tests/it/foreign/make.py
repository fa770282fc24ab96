"""Writes tokens.json: tokens that another implementation signed, with the keys to check them.

    pip install cryptography && python make.py

The private halves are thrown away. Each token is for https://issuer.example, audience api://likeness, holds from
second 1_000_000 to 2_000_000 of 1970 and says who it is by `sub`.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value, size=None):
    return text(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key, kid):
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "use": "sig", "n": number(public.n), "e": number(public.e)}


def ec_jwk(key, kid, curve, size):
    public = key.public_key().public_numbers()
    return {"kty": "EC", "kid": kid, "crv": curve, "x": number(public.x, size), "y": number(public.y, size)}


def raw_signature(key, message, digest, size):
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def token(algorithm, kid, sign):
    header = {"typ": "JWT", "alg": algorithm, "kid": kid}
    claims = {"iss": "https://issuer.example", "aud": "api://likeness", "sub": algorithm, "oid": "oid-1",
              "groups": ["g1", "g2"], "roles": "Face.User", "iat": 1_000_000, "nbf": 1_000_000, "exp": 2_000_000}
    message = ".".join(text(json.dumps(part).encode()) for part in (header, claims))
    return message + "." + text(sign(message.encode()))


big, weak = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 1024)
p256, p384, edwards = (ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
                       ed25519.Ed25519PrivateKey.generate())
tokens = {}
for bits, digest in HASHES.items():
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    tokens["RS" + bits] = token("RS" + bits, "rsa", lambda m: big.sign(m, padding.PKCS1v15(), digest))
    tokens["PS" + bits] = token("PS" + bits, "rsa", lambda m: big.sign(m, pss, digest))
tokens["ES256"] = token("ES256", "p256", lambda m: raw_signature(p256, m, hashes.SHA256(), 32))
tokens["ES384"] = token("ES384", "p384", lambda m: raw_signature(p384, m, hashes.SHA384(), 48))
tokens["EdDSA"] = token("EdDSA", "ed", edwards.sign)
keys = [rsa_jwk(big, "rsa"), ec_jwk(p256, "p256", "P-256", 32), ec_jwk(p384, "p384", "P-384", 48),
        {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "alg": "EdDSA", "x": text(edwards.public_key().public_bytes_raw())}]
weak_token = token("RS256", "weak", lambda m: weak.sign(m, padding.PKCS1v15(), hashes.SHA256()))
out = {"jwks": {"keys": keys}, "tokens": tokens, "weak": {"key": rsa_jwk(weak, "weak"), "token": weak_token}}
pathlib.Path(__file__).with_name("tokens.json").write_text(json.dumps(out, indent=1, sort_keys=True) + "\n")
