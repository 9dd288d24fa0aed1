/** The page of a real director at work, in a browser on the director's host. What needs no director: test/web. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test, vi } from 'vitest';
import { browsers, CHROMIUM, openPage, type WatchedPage } from '../helpers/browser.ts';
import {
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';

const DATAPATH = DATAPATHS.at(-1)!;
const LISTEN = '127.0.0.1:8080';
const TOKEN = 'a-token-of-this-test-alone';
const SERVICE = `tcp ${VIP}:80`;
const [RS1, RS2] = [`${HOSTS.rs1.ipv4}:80`, `${HOSTS.rs2.ipv4}:80`];

describeWithDirector('the web page', [CHROMIUM], () => {
  const { create } = labs();
  const { launch } = browsers();
  let lab: Lab;
  let director: RunningDirector;
  let watched: WatchedPage;
  let page: Page;
  let options: string[];

  beforeAll(async () => {
    lab = await create('web');
    const config = join(lab.folder, 'director.yaml');
    const servers = [HOSTS.rs1, HOSTS.rs2].map(({ ipv4 }) => `{address: ${ipv4}}`).join(', ');
    writeFileSync(config, `services: [{service: '${SERVICE}', scheduler: rr, servers: [${servers}]}]\n`);
    const token = join(lab.folder, 'token');
    writeFileSync(token, `${TOKEN}\n`, { mode: 0o600 });
    options = ['--config', config, '--web', LISTEN, '--web-token-file', token];
    director = await lab.startDirector(DATAPATH, ...options);
    const browser = await launch(lab.namespace('director'));
    watched = await openPage(await browser.newContext(), `http://${LISTEN}/`);
    page = watched.page;
    page.setDefaultTimeout(SOON.timeout);
  });

  const seen = (locator: Locator): Promise<void> => locator.waitFor({ state: 'visible' });
  const serverRow = (server: string): Locator => page.locator('table.servers tbody tr', { hasText: server });
  const stateOf = (server: string, word: string): Promise<void> =>
    seen(serverRow(server).getByText(word, { exact: true }));
  const drainedServers = async () => {
    const { services } = await lab.client.readHealth();
    return services[0]!.servers.filter(({ drained }) => drained).map(({ server }) => server.address);
  };

  test('shows the service, and what a client fetches through it, and nothing complains', async () => {
    const row = page.locator('table.services tbody tr', { hasText: SERVICE });
    await seen(row.getByText('2 / 2'));
    for (let round = 0; round < 10; round++) await lab.page(`http://${VIP}/`);
    await page.getByRole('link', { name: SERVICE }).click();
    await seen(page.getByText(/^10 connections, /));
    await stateOf(RS1, 'up');
    await seen(page.getByRole('img', { name: /^Packets, last 10 minutes: now .* highest [1-9]/ }));
    expect(watched.complaints).toEqual([]);
  });

  test('shows a server fail and come back, as it happens', async () => {
    process.kill(await lab.webServerPid('rs1'), 'SIGKILL');
    await stateOf(RS1, 'down');
    await stateOf(RS2, 'up');
    await seen(
      page
        .locator('table.history')
        .getByText(/is down/)
        .first(),
    );
    await lab.startWebServer('rs1');
    await stateOf(RS1, 'up');
    await seen(
      page
        .locator('table.history')
        .getByText(/is up again/)
        .first(),
    );
  });

  test('drains with the token, and is refused without', async () => {
    await page.getByRole('button', { name: `Drain ${RS2}`, exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Token').fill('another-word');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await seen(dialog.getByText(/Not done: this is not the token/));
    expect(await drainedServers()).toEqual([]);
    await dialog.getByLabel('Token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await stateOf(RS2, 'drained');
    expect(await drainedServers()).toEqual([HOSTS.rs2.ipv4]);
    for (let round = 0; round < 4; round++) expect(await lab.page(`http://${VIP}/`)).toBe(HOSTS.rs1.ipv4);
    await page.getByRole('button', { name: `Undrain ${RS2}`, exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Undrain' }).click();
    await stateOf(RS2, 'up');
    expect(await drainedServers()).toEqual([]);
  });

  test('finds connections of a client', async () => {
    await page.getByRole('link', { name: 'Connections' }).click();
    await page.getByLabel('Client').fill(HOSTS.client.ipv4);
    await page.getByLabel('Server').fill(RS1);
    await page.getByRole('button', { name: 'Search' }).click();
    await seen(page.locator('table.connections tbody tr', { hasText: RS1 }).first());
    await page.getByLabel('Client').fill('nonsense');
    await page.getByRole('button', { name: 'Search' }).click();
    await seen(page.getByText(/Not done: .*client/));
  });

  test('outlives the daemon, and goes on with the next one', async () => {
    await page.getByRole('link', { name: 'Services', exact: true }).click();
    await director.stop('SIGKILL');
    await seen(page.getByText(/stale since/));
    director = await lab.startDirector(DATAPATH, ...options);
    await seen(page.getByText('live', { exact: true }));
    await vi.waitFor(() => expect(director.messages().join('\n')).not.toMatch(/error/i), SOON);
    expect(await director.stop()).toBe(0);
  });
});
