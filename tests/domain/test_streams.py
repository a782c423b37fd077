"""Which stream an event goes to (contract, section 1)."""

from __future__ import annotations

from typing import Any

import pytest

from flowledger.domain.streams import shard_of, stream
from tests.builders import ABSENT, parsed


def crc32(data: bytes) -> int:
    """CRC-32 bit by bit, as its standard (ITU-T V.42) has it."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xEDB88320 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def test_the_streams_have_the_names_of_the_contract() -> None:
    assert [stream(shard) for shard in (0, 7)] == ["ledger:events:0", "ledger:events:7"]


@pytest.mark.parametrize(
    ("key", "checksum"),
    [("", 0), ("123456789", 0xCBF43926), ("The quick brown fox jumps over the lazy dog", 0x414FA339)],
)
@pytest.mark.parametrize("shards", [1, 2, 7, 8, 1024])
def test_the_shard_is_the_checksum_modulo_the_shards(key: str, checksum: int, shards: int) -> None:
    assert shard_of(key, shards) == checksum % shards


@pytest.mark.parametrize("key", ["é", "\u20ac", "\U0001f600", "exec_01h455vb4pex5vsknk084sn02q"])
def test_the_checksum_is_of_the_keys_utf8(key: str) -> None:
    assert shard_of(key, 1024) == crc32(key.encode("utf-8")) % 1024


@pytest.mark.parametrize("type_", ["execution.started", "node.started", "task.created", "message.delivered"])
def test_the_key_is_the_subject(type_: str) -> None:
    assert parsed(type_, subject="mine").partition_key == "mine"


def test_the_key_of_a_sent_message_is_its_sender() -> None:
    assert parsed("message.sent", subject="msg_1", from_sandbox_id="sb_9").partition_key == "sb_9"


@pytest.mark.parametrize("type_", ["task.created", "message.sent", "message.delivered"])
def test_a_partitionkey_goes_before_all_else(type_: str) -> None:
    assert parsed(type_, attributes={"partitionkey": "mine"}).partition_key == "mine"


@pytest.mark.parametrize("key", [ABSENT, None])
def test_a_partitionkey_of_null_is_none(key: Any) -> None:
    assert parsed("task.created", subject="mine", attributes={"partitionkey": key}).partition_key == "mine"
