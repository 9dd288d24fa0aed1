/**
 * Real TCP through the virtual address, between real kernels: pages, a large upload, many connections at once, and
 * the article's LocalNode; with frames as on a wire, and with the large and unfinished frames that kernels on one
 * machine hand to each other (--offloads on).
 */
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATAPATHS, describeWithDirector, HOSTS, type Lab, labs, SOON, VIP, VIP6 } from '../helpers/lab.ts';

const UPLOAD_BYTES = 100 * 1024 * 1024;
const SMALL_UPLOAD_BYTES = 10 * 1024 * 1024;
const HELD = 200;

const FAMILIES = [
  {
    family: 'IPv4',
    vip: VIP,
    endpoint: VIP,
    servers: [HOSTS.rs1.ipv4, HOSTS.rs2.ipv4],
    own: HOSTS.director.ipv4,
    loopback: '127.0.0.1',
  },
  {
    family: 'IPv6',
    vip: VIP6,
    endpoint: `[${VIP6}]`,
    servers: [HOSTS.rs1.ipv6, HOSTS.rs2.ipv6].map((address) => `[${address}]`),
    own: `[${HOSTS.director.ipv6}]`,
    loopback: '[::1]',
  },
] as const;

const WAYS = DATAPATHS.flatMap((datapath) => ['off', 'on'].map((offloads) => [datapath, offloads] as const));

const bothServers = [HOSTS.rs1.ipv4, HOSTS.rs2.ipv4];

const folder = mkdtempSync(join(tmpdir(), 'director-e2e-'));
const upload = { path: join(folder, 'large'), smallPath: join(folder, 'small') };
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function writeUploads() {
  const bytes = randomFillSync(Buffer.allocUnsafe(UPLOAD_BYTES));
  const small = bytes.subarray(0, SMALL_UPLOAD_BYTES);
  writeFileSync(upload.path, bytes);
  writeFileSync(upload.smallPath, small);
  return { large: sha256Of(bytes), small: sha256Of(small) };
}

describeWithDirector('TCP through the virtual address', [], () => {
  let sha256: ReturnType<typeof writeUploads>;
  beforeAll(() => {
    sha256 = writeUploads();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe.each(WAYS)('over %s, with offloads %s', (datapath, offloads) => {
    const { create } = labs();
    let lab: Lab;
    beforeAll(async () => {
      lab = await create(`tcp-${datapath}-${offloads}`, '--offloads', offloads, '--local-node');
      await lab.startDirector(datapath);
    });

    describe.each(FAMILIES)('$family', ({ vip, endpoint, servers, own, loopback }) => {
      const service = `${endpoint}:80`;
      const url = `http://${endpoint}/`;
      const addServer = (address: string) => `-a -t ${service} -r ${address}:80 -g -w 1`;

      describe('two real servers, rr', () => {
        beforeAll(() => lab.configure(`-A -t ${service} -s rr`, ...servers.map(addServer)));

        test('reloads of the page show both servers in turn, the one added last first', async () => {
          const pages = [];
          // Within a second, so that not even the first SYN was lost.
          for (let reload = 0; reload < 6; reload++)
            pages.push(await lab.page(url, '--connect-timeout', '0.9'));
          const [first, second] = bothServers.toReversed();
          expect(pages).toEqual([first, second, first, second, first, second]);
        });

        test('100 MB arrive as they were sent', async () => {
          const answer = await lab.must('client', 'curl', ['-gsS', '-m', '50', '-T', upload.path, url]);
          expect(JSON.parse(answer)).toMatchObject({ bytes: UPLOAD_BYTES, sha256: sha256.large });
        });

        test('200 connections held open are counted, split, and counted as ended when closed', async () => {
          const held = await lab.program('client', 'hold-connections.mjs', vip, '80', String(HELD));
          const half = HELD / 2;
          expect(JSON.parse(held.lines[0]!)).toEqual({ [bothServers[0]!]: half, [bothServers[1]!]: half });
          const counts = async () => {
            const { services } = await lab.client.listServices();
            return services[0]?.servers.map(({ activeConnections }) => activeConnections);
          };
          expect(await counts()).toEqual([half, half]);
          const listing = await lab.ipvsadm('-Ln');
          expect(listing.stdout.match(/Route +1 +100 /g)).toHaveLength(2);
          await held.end();
          await expect.poll(counts, SOON).toEqual([0, 0]);
        });
      });

      describe.each([
        ['the loopback address', loopback],
        ["the director's own address", own],
      ])('LocalNode: the real server is %s', (_name, address) => {
        // Those of the tests before are still there.
        const connections = async () =>
          (await lab.ipvsadm('-Lnc')).stdout
            .split('\n')
            .filter((line) => line.endsWith(` ${address}:80`))
            .join('\n');
        beforeAll(() => lab.configure(`-A -t ${service} -s rr`, addServer(address)));

        test('the page comes from the director itself', async () => {
          expect(await lab.page(url)).toBe(HOSTS.director.ipv4);
        });

        test('the connection is ESTABLISHED while it lasts and ends as both sides close it', async () => {
          const held = await lab.program('client', 'hold-connections.mjs', vip, '80', '3');
          expect(JSON.parse(held.lines[0]!)).toEqual({ [HOSTS.director.ipv4]: 3 });
          expect((await connections()).match(/ESTABLISHED/g)).toHaveLength(3);
          await held.end();
          // The replies are seen here, so it is known that the server has closed, too.
          await expect.poll(connections, SOON).not.toMatch(/ESTABLISHED|FIN_WAIT/);
          expect((await connections()).match(/TIME_WAIT|CLOSE/g)?.length).toBeGreaterThanOrEqual(3);
        });

        test('an upload to the director itself arrives as it was sent', async () => {
          const answer = await lab.must('client', 'curl', ['-gsS', '-m', '50', '-T', upload.smallPath, url]);
          expect(JSON.parse(answer)).toMatchObject({ server: HOSTS.director.ipv4, sha256: sha256.small });
        });
      });
    });
  });
});
