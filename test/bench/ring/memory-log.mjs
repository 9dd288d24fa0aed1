// Loaded into every Node.js process of a director (NODE_OPTIONS --import): what memory it has, after a garbage
// collection, as a line of JSON every five seconds, in a file of its own in the folder MEMORY_LOG.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const INTERVAL_MS = 5000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const file = join(process.env.MEMORY_LOG, `${process.pid}.jsonl`);
const role = process.argv[1]?.includes('/worker/') ? 'worker' : 'daemon';

setInterval(() => {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  appendFileSync(file, `${JSON.stringify({ role, rss, heapUsed, external })}\n`);
}, INTERVAL_MS).unref();
