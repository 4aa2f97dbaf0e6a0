"""Keys of payloads: the first one writes, every one reads, and what has no key or was changed is told."""

import pytest
from temporalio.api.common.v1 import Payload

from workflows.payloads import UnableToDecrypt, data_converter

OLD, NEW = {"2025": b"o" * 32}, {"2026": b"n" * 32}
PHONE = "13800000000"


async def written(keys: dict[str, bytes]) -> list[Payload]:
    return await data_converter(keys).encode([{"phone": PHONE}])


async def test_what_was_written_under_an_old_key_is_read_after_another_took_its_place() -> None:
    old = await written(OLD)
    after = data_converter(NEW | OLD)
    assert await after.decode(old) == [{"phone": PHONE}]
    (new,) = await after.encode([{"phone": PHONE}])
    assert new.metadata["key-id"] == b"2026"
    assert await data_converter(NEW).decode([new]) == [{"phone": PHONE}]


async def test_without_its_key_nothing_is_read_and_the_key_is_named() -> None:
    with pytest.raises(UnableToDecrypt, match="2025"):
        await data_converter(NEW).decode(await written(OLD))


async def test_what_was_changed_on_its_way_is_not_read() -> None:
    (payload,) = await written(OLD)
    payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    with pytest.raises(UnableToDecrypt, match="changed"):
        await data_converter(OLD).decode([payload])


async def test_no_payload_holds_what_it_says_in_plain() -> None:
    (payload,) = await written(OLD)
    assert PHONE.encode() not in payload.SerializeToString()
