/**
 * The web page of a director with 1,000 services and 10,000 servers, none of which answers, so that all that can be down
 * is: in Chromium, how long until it can be used, how soon it answers a key and the wheel, and whether its memory grows.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { withRoomForNeighbors } from './neighbor-room.ts';
import { DIRECTOR, ended, makeNamespaces, removeNamespaces, sleep, startDirector } from './network.ts';
import { type Summary, summarize } from './statistics.ts';

const SERVICES = 1000;
const SERVERS = 10;
const LISTEN = '127.0.0.1:8080';
const ROUNDS = 5;
const KEYS = '10.98.2.11';
const WHEELS = 10;
/** Until most servers were looked for in vain. */
const SETTLE_MS = 20_000;
/** Of the tab, before its memory is measured for the first time, and in between. */
const WARM_MS = 10_000;
const WATCHED_MS = 60_000;

export interface PageResult {
  /** Milliseconds from the call for the page until a row of the table is painted. */
  readonly usable: Summary;
  /** From the key, or the turn of the wheel, until what it does is painted. */
  readonly key: Summary;
  readonly wheel: Summary;
  /** Of the heap, without garbage, MiB. */
  readonly heapBefore: number;
  readonly heapAfter: number;
  readonly nodesBefore: number;
  readonly nodesAfter: number;
}

export const measurePage = (): Promise<PageResult> => withRoomForNeighbors(measure);

async function measure(): Promise<PageResult> {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  process.on('exit', removeNamespaces);
  let browser: Browser | undefined;
  try {
    makeNamespaces();
    execFileSync('ip', [
      '-n',
      DIRECTOR.namespace,
      'address',
      'add',
      '10.97.0.1/16',
      'dev',
      DIRECTOR.interface,
    ]);
    const director = await startDirector(folder, rules(), 'pcap', ['--web', LISTEN]);
    browser = await launch(folder);
    await sleep(SETTLE_MS);
    const usable: number[] = [];
    const key: number[] = [];
    const wheel: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const page = await openPage(browser);
      usable.push(await page.evaluate('window.rowAt'));
      key.push(...(await keys(page)));
      wheel.push(...(await wheels(page)));
      await page.context().close();
    }
    const memory = await measureMemory(await openPage(browser));
    const end = ended(director);
    director.kill('SIGTERM');
    await end;
    return { usable: summarize(usable), key: summarize(key), wheel: summarize(wheel), ...memory };
  } finally {
    await browser?.close();
    removeNamespaces();
    process.off('exit', removeNamespaces);
    rmSync(folder, { recursive: true, force: true });
  }
}

function rules(): string[] {
  const lines: string[] = [];
  for (let n = 0; n < SERVICES; n++) {
    const service = `-t 10.98.${n >> 8}.${n & 255}:80`;
    lines.push(`-A ${service} -s wlc`);
    for (let server = 0; server < SERVERS; server++) {
      const number = 256 + n * SERVERS + server;
      lines.push(`-a ${service} -r 10.97.${number >> 8}.${number & 255}:80 -g`);
    }
  }
  return lines;
}

function launch(folder: string): Promise<Browser> {
  const executablePath = join(folder, 'chromium');
  const inside = `nsenter --net=/run/netns/${DIRECTOR.namespace} chromium`;
  writeFileSync(executablePath, `#!/bin/sh\nexec ${inside} "$@"\n`, { mode: 0o755 });
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** What the page notes of itself: when the first row was painted, and how long each key and turn took until then. */
const NOTE = `
  window.took = [];
  const painted = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
  for (const kind of ['keydown', 'wheel'])
    addEventListener(kind, ({ timeStamp }) => painted((now) => took.push(now - timeStamp)), { capture: true, passive: true });
  const look = () => {
    if (document.querySelector('table.services tbody tr') === null) requestAnimationFrame(look);
    else painted((now) => { window.rowAt = now; });
  };
  look();
`;

async function openPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(NOTE);
  await page.goto(`http://${LISTEN}/`);
  await until(page, 'window.rowAt !== undefined');
  return page;
}

/** The page's policy forbids what waitForFunction() does. */
async function until(page: Page, condition: string): Promise<void> {
  while (!(await page.evaluate(condition))) await sleep(20);
}

async function keys(page: Page): Promise<number[]> {
  await page.getByLabel('Filter').focus();
  return timesOf(page, KEYS.length, (index) => page.keyboard.press(KEYS[index]!));
}

async function wheels(page: Page): Promise<number[]> {
  await page.getByLabel('Filter').fill('');
  await page.mouse.move(600, 400);
  return timesOf(page, WHEELS, (index) => page.mouse.wheel(0, index < WHEELS / 2 ? 300 : -300));
}

async function timesOf(page: Page, count: number, act: (index: number) => Promise<void>): Promise<number[]> {
  await page.evaluate('took.length = 0');
  for (let index = 0; index < count; index++) {
    await act(index);
    await until(page, `took.length > ${index}`);
  }
  return page.evaluate('took');
}

async function measureMemory(page: Page): Promise<Omit<PageResult, 'usable' | 'key' | 'wheel'>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const measure = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)!.value;
    return { heap: of('JSHeapUsedSize') / 2 ** 20, nodes: of('Nodes') };
  };
  await sleep(WARM_MS);
  const before = await measure();
  await sleep(WATCHED_MS);
  const after = await measure();
  return {
    heapBefore: before.heap,
    heapAfter: after.heap,
    nodesBefore: before.nodes,
    nodesAfter: after.nodes,
  };
}
