// An agent with a mailbox, in Node.js 18 or newer, with nothing but commands of Redis (docs/contract.md, section 8).
//
//     npm install
//     REDIS_URL=redis://127.0.0.1:6379/0 node mailbox.mjs SANDBOX [TO TEXT]
//
//     node mailbox.mjs sb_echo                       # answers requests, prints all that comes, until Ctrl-C
//     node mailbox.mjs sb_other sb_echo "hello"      # sends a request first
//
// MAILBOX_CONSUMER is its name among the processes that share the sandbox's inbox: give each a name of its own, and the
// same one again after a restart; what it had not acknowledged comes again.

import { randomUUID } from "node:crypto";

import { createClient } from "redis";

import { streamOf } from "./shards.mjs";

const [sandbox, to, text] = process.argv.slice(2);
if (!sandbox) {
  console.error("usage: node mailbox.mjs SANDBOX [TO TEXT]");
  process.exit(2);
}
const own = sandbox.replaceAll("%", "%25").replaceAll("/", "%2F"); // begins the ids of its messages, and names its source
const consumer = process.env.MAILBOX_CONSUMER ?? "node";
const group = "mailbox";
const QUIET_SECONDS = 7 * 24 * 60 * 60;
// One script, for it is allowed while Redis has no memory left (`allow-oom`): to acknowledge makes room.
const ACKNOWLEDGE = `#!lua flags=allow-oom
local entry, message, stream, event = unpack(ARGV)
redis.call('XADD', stream, '*', 'event', event)
redis.call('ZADD', KEYS[2], redis.call('TIME')[1] .. '000', message)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -10001)
redis.call('EXPIRE', KEYS[2], ${QUIET_SECONDS})
redis.call('XACK', KEYS[1], 'mailbox', entry)
local deleted = redis.call('XDEL', KEYS[1], entry)
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('EXPIRE', KEYS[1], ${QUIET_SECONDS}) end
return deleted`;
// One script, so that an empty inbox expires even if this agent dies at once.
const MAKE = `#!lua
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], 'mailbox', '0', 'MKSTREAM')
if made.err and not made.err:find('BUSYGROUP') then return made end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('EXPIRE', KEYS[1], ${QUIET_SECONDS}) end
return redis.status_reply('OK')`;
const inbox = `ledger:inbox:${sandbox}`;
const taken = `ledger:taken:${sandbox}`;
const consumers = `ledger:consumers:${sandbox}`;

const client = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0" });
const reader = client.duplicate(); // what waits for messages needs a connection of its own
for (const one of [client, reader]) one.on("error", (error) => console.error(`Redis: ${error.message}`));
await Promise.all([client.connect(), reader.connect()]);

let isClosed = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (isClosed = true));

// 1. The inbox and its group, where they are missing.
await makeInbox();

// 2. A sign of life, every half second: others take over what a dead consumer had in its hands.
await beat();
let beating = Promise.resolve();
const heart = setInterval(() => (beating = beat().catch((error) => console.error(error.message))), 500);

if (to) await send({ to_sandbox_ids: [to], message_type: "request", content: { text } });

// 3. First what this consumer had in its hands when it ended, then what is new.
let after = "0";
while (!isClosed) {
  const from = after ?? ">";
  const waits = after === null ? ["BLOCK", "500"] : [];
  const command = ["XREADGROUP", "GROUP", group, consumer, "COUNT", "10", ...waits, "STREAMS", inbox, from];
  const entries = await read(command);
  for (const [entry, fields] of entries) await take(entry, fields);
  if (after !== null) after = entries.length ? entries.at(-1)[0] : null;
}

clearInterval(heart);
await beating; // a sign of life under way must not come after its end
await client.hDel(consumers, consumer);
await Promise.all([client.close(), reader.close()]);

async function makeInbox() {
  await client.sendCommand(["EVAL", MAKE, "1", inbox]);
}

/** Entries of the inbox; where Redis has lost its data, the inbox is made again. */
async function read(command) {
  try {
    return (await reader.sendCommand(command))?.[0][1] ?? [];
  } catch (error) {
    if (!error.message.startsWith("NOGROUP") && !error.message.startsWith("UNBLOCKED")) throw error;
    await makeInbox();
    return [];
  }
}

/** One entry of the inbox. */
async function take(entry, fields) {
  if (fields === null) return client.sendCommand(["XACK", inbox, group, entry]); // it was deleted meanwhile
  const { event, message_id: id, expires_at: expires } = pairs(fields);
  if (event === undefined) {
    console.error(`entry ${entry} of ${inbox} is no message`);
    return takeOut(entry);
  }
  if (expires !== undefined && Number(expires) <= (await now())) {
    // Too late: into the hands of nobody, and the ledger takes it out.
    return client.sendCommand(["XCLAIM", inbox, group, "expired", "0", entry, "JUSTID"]);
  }
  if ((await client.sendCommand(["ZSCORE", taken, id])) !== null) {
    return takeOut(entry); // a second copy of what was acknowledged
  }
  const message = JSON.parse(event);
  const { from_sandbox_id: from, message_type: type, content } = message.data;
  console.log(JSON.stringify({ id, from, type, content }));
  if (type === "request") await reply(message, { echo: content });
  await acknowledge(entry, id);
}

async function takeOut(entry) {
  await client.multi().addCommand(["XACK", inbox, group, entry]).addCommand(["XDEL", inbox, entry]).exec();
}

/** Takes a message out of the inbox and says that it was delivered. */
async function acknowledge(entry, id) {
  const delivered = newEvent("message.delivered", id, { to_sandbox_id: sandbox });
  const said = [entry, id, streamOf(delivered), JSON.stringify(delivered)];
  await client.sendCommand(["EVAL", ACKNOWLEDGE, "2", inbox, taken, ...said]);
}

async function reply(message, content) {
  await send(
    {
      to_sandbox_ids: [message.data.from_sandbox_id],
      message_type: "response",
      in_reply_to: message.subject,
      thread_id: message.data.thread_id ?? message.subject,
      content,
    },
    message.correlationid,
  );
}

async function send(data, correlationid) {
  const event = newEvent("message.sent", `${own}/msg_${randomUUID()}`, { from_sandbox_id: sandbox, ...data });
  if (data.message_type === "request") event.correlationid = `${consumer}/${event.subject}`;
  if (correlationid) event.correlationid = correlationid;
  await client.sendCommand(["XADD", streamOf(event), "*", "event", JSON.stringify(event)]);
}

function newEvent(type, subject, data) {
  const source = `/sandboxes/${own}`;
  return { specversion: "1.0", id: randomUUID(), source, type, subject, time: new Date().toISOString(), data };
}

async function beat() {
  await client.hSet(consumers, consumer, String(await now()));
  await client.expire(consumers, QUIET_SECONDS);
}

/** Redis's clock, in ms since the epoch. */
async function now() {
  const [seconds, microseconds] = await client.sendCommand(["TIME"]);
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

function pairs(list) {
  const found = {};
  for (let place = 0; place < list.length; place += 2) found[list[place]] = list[place + 1];
  return found;
}
