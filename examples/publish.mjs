// Publishes one event to Flowledger from Node.js, 18 or newer. Nothing but Redis is needed to be a producer.
//
//     npm install
//     REDIS_URL=redis://127.0.0.1:6379/0 node publish.mjs [TYPE SUBJECT [DATA]]
//
//     node publish.mjs task.completed task_0a1b2c3d4e '{"output": {"words": 12}}'

import { randomUUID } from "node:crypto";

import { createClient } from "redis";

import { streamOf } from "./shards.mjs";

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
const stream = streamOf(event);
const entry = await client.xAdd(stream, "*", { event: JSON.stringify(event) });
await client.close();
console.log(`${event.type} of ${event.subject} is entry ${entry} of ${stream}`);
