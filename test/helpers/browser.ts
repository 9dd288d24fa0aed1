/** Debian's Chromium for tests of the web page, without a screen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';
import { describeWithTools, type Namespace } from './netns.ts';

export const CHROMIUM = 'chromium';
/** As root it has no sandbox; the rest keeps it from asking the network for anything. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** describe() for tests that need Chromium. */
export const describeWithChromium = (name: string, body: () => void): void =>
  describeWithTools(name, [CHROMIUM], body);

/** Inside describe(): a browser that goes with it, in this namespace if one is given. */
export function browsers(): { launch(namespace?: Namespace): Promise<Browser> } {
  const folder = mkdtempSync(join(tmpdir(), 'director-browser-'));
  const mine: Browser[] = [];
  afterAll(async () => {
    for (const browser of mine.splice(0)) await browser.close();
    rmSync(folder, { recursive: true });
  });
  return {
    async launch(namespace) {
      const executablePath = join(folder, 'chromium');
      const [command, args] = namespace?.commandLine(CHROMIUM) ?? [CHROMIUM, []];
      const line = [command, ...args].join(' ');
      writeFileSync(executablePath, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
      const browser = await chromium.launch({ executablePath, args: FLAGS });
      mine.push(browser);
      return browser;
    },
  };
}

export interface WatchedPage {
  readonly page: Page;
  /** What a script threw, and errors and warnings of the console; refusals of the policy are among them. */
  readonly complaints: string[];
}

export async function openPage(context: BrowserContext, url: string): Promise<WatchedPage> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}
