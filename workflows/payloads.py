"""How messages travel: pydantic JSON, encrypted before it reaches the engine."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

ENCODING = b"binary/encrypted"


class UnableToDecrypt(Exception):
    """A payload whose key is not among the settings' keys, or that was changed on its way."""


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM with the first key; every key given can still be read, so that keys can be rotated."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("give at least one payload key of 32 bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._writes_with = next(iter(keys))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce = os.urandom(12)
        sealed = self._ciphers[self._writes_with].encrypt(nonce, payload.SerializeToString(), None)
        return Payload(
            metadata={"encoding": ENCODING, "key-id": self._writes_with.encode()},
            data=nonce + sealed,
        )

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata["key-id"].decode()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnableToDecrypt(f"payload key {key_id} is not among the keys in GUANJIA_PAYLOAD_KEYS")
        try:
            opened = cipher.decrypt(payload.data[:12], payload.data[12:], None)
        except InvalidTag:
            raise UnableToDecrypt(f"a payload under key {key_id} was changed, or the key is another one") from None
        return Payload.FromString(opened)


def data_converter(keys: Mapping[str, bytes]) -> DataConverter:
    """The one converter of client, worker and replayer; failure texts are encrypted too."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
