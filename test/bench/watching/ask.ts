/**
 * ask.js SOCKET DIST settle        waits until the kernel has looked for every real server; prints: live CONNECTIONS
 * ask.js SOCKET DIST each-second   has the stream open and asks once a second, until SIGTERM, for what people and
 *     Prometheus ask for; prints for each: asked WHAT MILLISECONDS
 */
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { StatusReply } from '../../../src/control/protocol.ts';

const SETTLED_WITHIN_SEC = 120;
const [socketPath, dist, mode] = process.argv.slice(2) as [string, string, string];

if (mode === 'settle') await settle();
else await askEachSecond();

async function settle(): Promise<void> {
  for (let seconds = 0; seconds < SETTLED_WITHIN_SEC; seconds++) {
    const { neighbors, connections } = JSON.parse(await get('/v1/status')) as StatusReply;
    const open = neighbors.filter(({ mac, state }) => mac === null && state !== 'FAILED').length;
    if (open === 0) {
      const failed = neighbors.filter(({ state }) => state === 'FAILED').length;
      console.log(`settled ${connections.live} connections ${neighbors.length} servers ${failed} failed`);
      return;
    }
    await sleep(1000);
  }
  console.error('the kernel has not looked for every server in time');
  process.exitCode = 1;
}

async function askEachSecond(): Promise<void> {
  let isOver = false;
  process.on('SIGTERM', () => {
    isOver = true;
  });
  const stream = request({ socketPath, path: '/v1/stream' }, (incoming) => incoming.resume()).end();
  stream.on('error', () => {});
  const status = [join(dist, 'cli/director/main.js'), '--socket', socketPath, 'status'];
  while (!isOver) {
    const startMs = performance.now();
    await timed('command', () => promisify(execFile)(process.execPath, status));
    await timed('status', () => get('/v1/status'));
    await timed('scrape', () => get('/metrics'));
    await sleep(Math.max(0, startMs + 1000 - performance.now()));
  }
  stream.destroy();
}

async function timed(what: string, act: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await act();
  console.log(`asked ${what} ${(performance.now() - startMs).toFixed(1)}`);
}

function get(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path }, async (incoming) => {
      let text = '';
      for await (const piece of incoming.setEncoding('utf8')) text += piece;
      if (incoming.statusCode === 200) resolve(text);
      else reject(new Error(`${path}: ${text}`));
    });
    outgoing.on('error', reject).end();
  });
}
