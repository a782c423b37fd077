// The shard of an event: events of one shard are recorded in the order of their entries.

import * as zlib from "node:zlib";

const SHARDS = Number(process.env.LEDGER_SHARDS ?? 8); // the same number as the workers'

/** The stream that an event belongs into. */
export function streamOf({ partitionkey, type, subject, data }) {
  const key = partitionkey ?? (type === "message.sent" ? data.from_sandbox_id : subject);
  return `ledger:events:${crc32(Buffer.from(key, "utf8")) % SHARDS}`;
}

/** CRC-32 as zlib has it; Node.js has `zlib.crc32` since 20.15 and 22.2. */
function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  }
  return ~crc >>> 0;
}
