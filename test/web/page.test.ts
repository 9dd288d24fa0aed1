/**
 * The built page in Debian's Chromium, against a daemon that tests play. The real one: test/netns/web.test.ts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { browsers, describeWithChromium, openPage, type WatchedPage } from '../helpers/browser.ts';
import { FakeDaemon, type FakeService, fakeServer } from '../helpers/fake-daemon.ts';
import { must } from '../helpers/netns.ts';

const TOKEN = 'of-this-test-alone';
const WEB = 'tcp 10.0.0.1:80';
const SERVICE_PAGE = `#/service/${encodeURIComponent(WEB)}`;
const SOON_MS = 20_000;
const NARROW = { viewport: { width: 390, height: 844 } };

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const service = (port: number, servers: FakeService['servers'], scheduler = 'wlc'): FakeService => ({
  service: { protocol: 'tcp', address: '10.0.0.1', port },
  scheduler,
  servers,
});

describeWithChromium('the page', () => {
  const { launch } = browsers();
  const folder = mkdtempSync(join(tmpdir(), 'director-page-'));
  let browser: Browser;
  let daemon: FakeDaemon;
  let web: FakeService;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    // In a process of its own, as NODE_ENV of a test run would bring in lit's code for developers.
    const root = join(import.meta.dirname, '../..');
    const vite = [join(root, 'node_modules/vite/bin/vite.js'), 'build', join(root, 'src/web')];
    const env = { NODE_ENV: 'production' };
    await must(process.execPath, [...vite, '--outDir', folder, '--logLevel', 'warn'], { env });
    browser = await launch();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    daemon = new FakeDaemon({ folder, token: TOKEN });
    web = service(80, [fakeServer('10.0.0.11', 30), fakeServer('10.0.0.12', 12)]);
    daemon.services = [web, service(443, [fakeServer('10.0.0.11', 5)], 'rr'), service(9000, [])];
    await daemon.start();
  });
  afterEach(async () => {
    await page.context().close();
    await daemon.stop();
  });

  const open = async (hash = '', options: BrowserContextOptions = {}): Promise<void> => {
    watched = await openPage(await browser.newContext(options), daemon.url + hash);
    page = watched.page;
    page.setDefaultTimeout(SOON_MS);
  };
  const seen = (locator: Locator): Promise<void> => locator.waitFor({ state: 'visible', timeout: SOON_MS });
  const row = (text: string): Locator => page.locator('tbody tr', { hasText: text });
  const serviceNames = (): Promise<string[]> => page.locator('table.services tbody th').allInnerTexts();
  const becomes = (read: () => Promise<unknown>, wanted: unknown): Promise<void> =>
    vi.waitFor(async () => expect(await read()).toEqual(wanted), { timeout: SOON_MS, interval: 50 });

  test('shows the director, its services and what they do, and nothing complains', async () => {
    daemon.warnings = ['something is not as it should be'];
    await open();
    await seen(page.getByText('live', { exact: true }));
    expect(await page.getByRole('banner').textContent()).toMatch(
      /eth0[\s\S]*up[\s\S]*xdp \(native\)[\s\S]*running/,
    );
    expect(await row(WEB).getByRole('cell').allInnerTexts()).toEqual(
      ['up', 'wlc', '2 / 2', '168', '378', '42', '462', '60.1 kB/s'].map((text) =>
        expect.stringContaining(text),
      ),
    );
    expect(await row('10.0.0.1:9000').textContent()).toContain('no servers');
    expect(await page.getByRole('region', { name: 'Warnings' }).textContent()).toContain(
      'not as it should be',
    );
    await seen(page.getByRole('img', { name: /^Connections, last 10 minutes: now 47 \/s/ }));
    await page.goto(`${daemon.url}#/drops`);
    await seen(row('DropNoNeighbor').getByText('412'));
    expect(await page.getByText('415 since start, 12 in the last minute').count()).toBe(1);
    expect(watched.complaints).toEqual([]);
  });

  test('sorts by a column, both ways, and tells which', async () => {
    await open();
    await becomes(serviceNames, [WEB, 'tcp 10.0.0.1:443', 'tcp 10.0.0.1:9000']);
    await page.getByRole('button', { name: 'Conn/s' }).click();
    await becomes(serviceNames, [WEB, 'tcp 10.0.0.1:443', 'tcp 10.0.0.1:9000']);
    const heading = page.getByRole('columnheader', { name: 'Conn/s' });
    await becomes(() => heading.getAttribute('aria-sort'), 'descending');
    await page.getByRole('button', { name: 'Conn/s' }).press('Enter');
    await becomes(serviceNames, ['tcp 10.0.0.1:9000', 'tcp 10.0.0.1:443', WEB]);
    await becomes(() => heading.getAttribute('aria-sort'), 'ascending');
  });

  test('filters, and shows a thousand services page by page', async () => {
    daemon.services = Array.from({ length: 1000 }, (_, index) =>
      service(index + 1, [fakeServer('10.0.0.11', 1)]),
    );
    await open();
    await seen(page.getByText('1–50 of 1,000'));
    expect(await page.locator('table.services tbody tr').count()).toBe(50);
    await page.getByRole('button', { name: /Next/ }).click();
    await seen(page.getByText('51–100 of 1,000'));
    await page.getByLabel('Filter').fill(':777');
    await becomes(serviceNames, ['tcp 10.0.0.1:777']);
    expect(await page.locator('#services-title').textContent()).toContain('1 of 1,000');
  });

  test('shows a failover live, in words, in the history and aloud', async () => {
    await open(SERVICE_PAGE);
    await seen(row('10.0.0.12').getByText('up', { exact: true }));
    daemon.setServerState(web, web.servers[1]!, 'down', 'connection refused');
    await seen(row('10.0.0.12:80').first().getByText('down', { exact: true }));
    expect(await row('10.0.0.12:80').first().textContent()).toContain('connection refused');
    await seen(page.locator('table.history').getByText('10.0.0.12 is down: connection refused'));
    expect(await page.getByRole('status').allInnerTexts()).toContain('10.0.0.12 is down: connection refused');
    daemon.setServerState(web, web.servers[1]!, 'up');
    await seen(page.locator('table.servers').getByText('up', { exact: true }).nth(1));
    await page.getByRole('link', { name: 'History' }).click();
    await becomes(() => page.locator('table.history tbody tr').count(), 2);
    expect(watched.complaints).toEqual([]);
  });

  const drainButton = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const answer = async (token?: string): Promise<void> => {
    const dialog = page.getByRole('dialog');
    if (token !== undefined) await dialog.getByLabel('Token').fill(token);
    await dialog.getByRole('button', { name: /^(Drain|Undrain)$/ }).click();
  };

  test('drains with the token, which it asks for once, and refuses without', async () => {
    await open(SERVICE_PAGE);
    await drainButton('Drain 10.0.0.11:80').click();
    await answer('wrong');
    await seen(page.getByRole('dialog').getByText('Not done: this is not the token'));
    expect(daemon.drains).toEqual([]);
    await answer(TOKEN);
    await seen(row('10.0.0.11:80').first().getByText('drained', { exact: true }));
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(daemon.drains).toEqual([
      { service: web.service, server: { address: '10.0.0.11', port: 80 }, drained: true },
    ]);
    await drainButton('Undrain 10.0.0.11:80').click();
    expect(await page.getByRole('dialog').getByLabel('Token').count()).toBe(0);
    await answer();
    await seen(row('10.0.0.11:80').first().getByText('up', { exact: true }));
  });

  test('is used by the keyboard: the dialog closes by Escape and gives the focus back', async () => {
    await open(SERVICE_PAGE);
    const button = drainButton('Drain 10.0.0.11:80');
    await button.focus();
    await page.keyboard.press('Space');
    await seen(page.getByRole('dialog', { name: 'Drain 10.0.0.11:80?' }));
    await page.keyboard.press('Escape');
    await becomes(() => page.getByRole('dialog').count(), 0);
    await becomes(() => page.locator(':focus').textContent(), await button.textContent());
    // The page hears of the end of the dialog a moment after it is gone.
    await becomes(() => page.locator('#drain-dialog > *').count(), 0);
    await button.press('Enter');
    await seen(page.getByRole('dialog'));
    expect(daemon.drains).toEqual([]);
  });

  test('goes through views by links, and back', async () => {
    await open();
    await page.getByRole('link', { name: WEB }).click();
    await seen(page.getByRole('heading', { name: WEB }));
    await page.goBack();
    await seen(page.locator('table.services'));
    await page.goForward();
    await seen(page.locator('table.servers'));
  });

  test('says that a service is not there, and shows it when it is', async () => {
    daemon.services = [];
    await open(SERVICE_PAGE);
    await seen(page.getByText('There is no such service now.'));
    await seen(page.getByText('live', { exact: true }));
    daemon.services = [web];
    await seen(row('10.0.0.12'));
  });

  test('outlives the daemon: says since when it is stale, then goes on, with the history of both', async () => {
    await open('#/history');
    await seen(page.getByText('live', { exact: true }));
    daemon.happen({ kind: 'warning', service: null, server: null, message: 'of the first daemon' });
    await seen(row('of the first daemon'));
    await pause(1500); // uptime is in whole seconds
    await daemon.stop();
    await seen(page.getByText(/stale since \d\d:\d\d:\d\d/));
    await daemon.start();
    daemon.happen({ kind: 'warning', service: null, server: null, message: 'of the second daemon' });
    await seen(page.getByText('live', { exact: true }));
    await seen(row('of the second daemon'));
    expect(await row('of the first daemon').count()).toBe(1);
  });

  test('searches connections, page by page', async () => {
    daemon.connections = Array.from({ length: 600 }, (_, index) => ({
      protocol: 'tcp' as const,
      state: 'ESTABLISHED',
      expiresSec: 899,
      client: { address: '10.9.0.1', port: 10_000 + index },
      virtual: { address: '10.0.0.1', port: 80 },
      server: { address: `10.0.0.${11 + (index % 4)}`, port: 80 },
    }));
    await open('#/connections');
    await page.getByLabel('Server').fill('10.0.0.12:80');
    await page.getByRole('button', { name: 'Search' }).click();
    await seen(page.getByText(/^1–50 of /));
    await page.getByRole('link', { name: /Next/ }).click();
    await page.getByRole('link', { name: /Next/ }).click();
    await seen(page.getByText('101–150 of 150'));
    expect(await row('10.9.0.1:10401').textContent()).toContain('14:59');
    await page.goBack();
    await seen(page.getByText(/^51–100 of /));
    expect(watched.complaints).toEqual([]);
  });

  /** By what shows that it has come. */
  const VIEWS = [
    ['#/', '#services-title'],
    [SERVICE_PAGE, '#servers-title'],
    ['#/drops', '#drops-title'],
    ['#/history', '#history-title'],
    ['#/connections?client=', '#connections-title'],
  ] as const;
  const goTo = async (hash: string, title: string): Promise<void> => {
    await page.evaluate(`location.hash = '${hash}'`);
    await seen(page.locator(title));
  };

  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  /** Rules that are broken, with where. */
  const faults = async (): Promise<string[]> => {
    const { violations } = (await page.evaluate('axe.run()')) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  };

  test.each(['light', 'dark'] as const)(
    'is accessible by the rules of axe in %s colours',
    async (colorScheme) => {
      daemon.warnings = ['something is not as it should be'];
      web.servers[0]!.drained = true;
      daemon.setServerState(web, web.servers[1]!, 'down', 'connection refused');
      await open('', { colorScheme });
      await seen(page.getByText('live', { exact: true }));
      await page.evaluate(axe);
      for (const [hash, title] of VIEWS) {
        await goTo(hash, title);
        expect(await faults(), hash).toEqual([]);
      }
      await goTo(...VIEWS[1]);
      await drainButton('Undrain 10.0.0.11:80').click();
      await answer('wrong');
      await seen(page.getByText('Not done: this is not the token'));
      expect(await faults(), 'dialog').toEqual([]);
      await page.keyboard.press('Escape');
      await daemon.stop();
      await seen(page.getByText(/stale since/));
      expect(await faults(), 'stale').toEqual([]);
      await daemon.start();
    },
  );

  test('fits a narrow screen', async () => {
    daemon.setServerState(web, web.servers[1]!, 'down', 'connection refused');
    await open('', NARROW);
    await seen(page.getByText('live', { exact: true }));
    for (const [hash, title] of VIEWS) {
      await goTo(hash, title);
      expect(await page.evaluate('document.documentElement.scrollWidth'), hash).toBe(NARROW.viewport.width);
    }
  });
});
