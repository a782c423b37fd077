// Publishes one event to Flowledger from Node.js, 18 or newer. Nothing but Redis is needed to be a producer.
//
//     npm install redis          (on Node.js 18: npm install redis@5)
//     REDIS_URL=redis://127.0.0.1:6379/0 node publish.mjs [TYPE SUBJECT [DATA]]
//
//     node publish.mjs task.completed task_0a1b2c3d4e '{"output": {"words": 12}}'

import { randomUUID } from "node:crypto";
import * as zlib from "node:zlib";

import { createClient } from "redis";

const SHARDS = Number(process.env.LEDGER_SHARDS ?? 8); // the same number as the workers'

const [type = "task.started", subject = `task_${randomUUID()}`, data = '{"worker": "node-1"}'] = process.argv.slice(2);

// The id is fixed before the first try: sent again, this is the same event, and changes nothing.
const event = {
  specversion: "1.0",
  id: randomUUID(),
  source: "/examples/node",
  type,
  subject,
  time: new Date().toISOString(),
  data: JSON.parse(data),
};

const client = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0" });
client.on("error", (error) => console.error(`Redis: ${error.message}`));
await client.connect();
const stream = `ledger:events:${shardOf(event)}`;
const entry = await client.xAdd(stream, "*", { event: JSON.stringify(event) });
await client.quit();
console.log(`${event.type} of ${event.subject} is entry ${entry} of ${stream}`);

/** The shard of an event: events of one shard are recorded in the order of their entries. */
function shardOf({ partitionkey, type, subject, data }) {
  const key = partitionkey ?? (type === "message.sent" ? data.from_sandbox_id : subject);
  return crc32(Buffer.from(key, "utf8")) % SHARDS;
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
