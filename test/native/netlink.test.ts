import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lab, type Line, sh, type Talker, whyNoNamespaces } from './netns.ts';

const missing = whyNoNamespaces();

describe.skipIf(missing !== undefined)(
  `following the kernel over netlink${missing ? ` (${missing})` : ''}`,
  () => {
    let lab: Lab;
    let director: Talker;

    beforeAll(async () => {
      lab = new Lab('n');
      // A second interface, with a network of its own and a gateway on it.
      lab.ip('link add e0 type veth peer name e1');
      lab.ip('addr add 198.19.0.1/24 dev e0');
      lab.ip('link set e0 up');
      lab.ip('link set e1 up');
      lab.ip('route add 203.0.113.0/24 via 198.18.0.2');
      await settled();
      director = lab.run('host-child.ts');
      await director.line('ready', (line) => line.ready === true);
    });

    afterAll(async () => {
      const code = await director?.end();
      lab?.remove();
      expect(code).toBe(0);
    });

    /** IPv6 link-local addresses are checked for duplicates for a second; until then nothing is sent from them. */
    async function settled(): Promise<void> {
      while (sh(`ip -n ${lab.director} -6 addr; ip -n ${lab.server} -6 addr`).includes('tentative')) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }

    const serverMac = () => /link\/ether (\S+)/.exec(lab.serverIp('link show s0'))![1]!;

    /** Does `act`; the first line after it that `wanted` takes, and how long that took. */
    async function upon(
      what: string,
      act: () => void,
      wanted: (line: Line) => boolean,
    ): Promise<{ line: Line; tookMs: number }> {
      const from = director.lines.length;
      const startedAtMs = performance.now();
      act();
      const line = await director.line(what, wanted, from);
      return { line, tookMs: line.atMs - startedAtMs };
    }

    async function get(address: string): Promise<unknown> {
      const from = director.lines.length;
      director.say({ get: address });
      return (await director.line(`get ${address}`, (line) => line.got === address, from)).neighbor;
    }

    const ofServer = (address: string, mac: string | null) => (line: Line) =>
      line.server === address && line.kind === 'neighbor' && line.mac === mac;

    for (const address of ['198.18.0.2', '2001:db8::2']) {
      test(`${address} is resolved within a second of being watched`, async () => {
        const { line, tookMs } = await upon(
          'resolved',
          () => director.say({ watch: address }),
          ofServer(address, serverMac()),
        );
        expect(line.state).toBe('REACHABLE');
        expect(tookMs).toBeLessThan(1000);
      });

      test(`a new MAC of ${address}, of which the server says nothing, is followed within a second`, async () => {
        const mac = address.includes(':') ? '02:00:00:00:66:66' : '02:00:00:00:44:44';
        const { tookMs } = await upon(
          'new MAC',
          () => lab.serverIp(`link set s0 address ${mac}`),
          ofServer(address, mac),
        );
        expect(tookMs).toBeLessThan(1000);
      });
    }

    test('our own asking is not reported, and a flushed table is filled again without a gap', async () => {
      const from = director.lines.length;
      lab.ip('neigh flush dev d0');
      await new Promise((resolve) => setTimeout(resolve, 2500));
      expect(director.lines.slice(from).filter((line) => line.server === '198.18.0.2')).toEqual([]);
      expect(await get('198.18.0.2')).toMatchObject({ mac: serverMac(), state: 'REACHABLE' });
    });

    test('a server that vanishes is FAILED and has no MAC, and is found again', async () => {
      const address = '198.18.0.2';
      const gone = await upon(
        'FAILED',
        () => lab.serverIp(`addr del ${address}/24 dev s0`),
        ofServer(address, null),
      );
      expect(gone.line.state).toBe('FAILED');
      expect(gone.tookMs).toBeLessThan(5000);
      const back = await upon(
        'back',
        () => lab.serverIp(`addr add ${address}/24 dev s0`),
        ofServer(address, serverMac()),
      );
      expect(back.tookMs).toBeLessThan(6000);
    });

    test('an address that nobody has is FAILED', async () => {
      const { line } = await upon(
        'FAILED',
        () => director.say({ watch: '198.18.0.99' }),
        ofServer('198.18.0.99', null),
      );
      expect(line.state).toBe('FAILED');
    });

    test("an administrator's permanent entry is taken over and left alone", async () => {
      const address = '198.18.0.50';
      lab.ip(`neigh add ${address} lladdr 02:00:00:00:00:50 dev d0 nud permanent`);
      await upon('permanent', () => director.say({ watch: address }), ofServer(address, '02:00:00:00:00:50'));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(lab.ip('neigh show dev d0')).toContain(`${address} lladdr 02:00:00:00:00:50 PERMANENT`);
    });

    describe('says of which kind a server is', () => {
      const rows: [string, string, string][] = [
        ['127.0.0.1', 'local', 'this host'],
        ['198.18.0.1', 'local', 'this host'],
        ['2001:db8::1', 'local', 'this host'],
        [
          '198.19.0.7',
          'unreachable',
          'the route to 198.19.0.7 leaves by e0; direct routing needs the server on the same segment as d0, or the xdp datapath',
        ],
        [
          '203.0.113.9',
          'unreachable',
          'the route to 203.0.113.9 goes through the gateway 198.18.0.2; direct routing needs the server on the same segment as d0',
        ],
        [
          '192.0.2.9',
          'unreachable',
          'there is no route to 192.0.2.9; direct routing needs the server on the same segment as d0',
        ],
        [
          '198.18.0.255',
          'unreachable',
          'the route to 198.18.0.255 is of type broadcast; direct routing needs the server on the same segment as d0',
        ],
      ];
      test.each(rows)('%s is %s', async (server, kind, state) => {
        const { line } = await upon(
          'kind',
          () => director.say({ watch: server }),
          (heard) => heard.server === server,
        );
        expect(line).toMatchObject({ server, kind, mac: null, state });
      });

      test('which changes when the host takes the address, and when it gives it back', async () => {
        const of = (kind: string) => (line: Line) => line.server === '198.18.0.99' && line.kind === kind;
        const taken = await upon('local', () => lab.ip('addr add 198.18.0.99/32 dev lo'), of('local'));
        const given = await upon('neighbor', () => lab.ip('addr del 198.18.0.99/32 dev lo'), of('neighbor'));
        expect(taken.tookMs).toBeLessThan(1000);
        expect(given.tookMs).toBeLessThan(1000);
      });

      test('an unwatched server is forgotten', async () => {
        director.say({ unwatch: '198.18.0.99' });
        expect(await get('198.18.0.99')).toBe(null);
      });
    });

    test('what the kernel had to drop is read anew', async () => {
      lab.ip('link add gone0 type veth peer name gone1');
      const folder = mkdtempSync(join(tmpdir(), 'netlink-'));
      const unblock = join(folder, 'unblock');
      const { line } = await upon(
        'blocked',
        () => director.say({ blockUntil: unblock }),
        (heard) => heard.blocked === true,
      );
      // 4 MiB of receive buffer, overrun by link messages while the child does not read.
      const batch = Array.from({ length: 6000 }, (_, i) => `link set d0 mtu ${1400 + (i % 2)}`);
      batch.push('link del gone0', 'link set d0 mtu 1337');
      sh(`ip -n ${lab.director} -force -batch - <<'EOF'\n${batch.join('\n')}\nEOF`);
      writeFileSync(unblock, '');
      const lastMtu = (heard: Line) =>
        heard.interface === 'mtu' && (heard.state as { mtu: number }).mtu === 1337;
      await director.line('the last MTU', lastMtu, director.lines.indexOf(line));
      rmSync(folder, { recursive: true });
      const { line: told } = await upon(
        'overruns',
        () => director.say({ asked: true }),
        (l) => l.overruns !== undefined,
      );
      expect(told.overruns).toBeGreaterThan(0);
      expect(told.links).not.toContain('gone0');
      expect(told.links).not.toContain('gone1');
    });

    test('offloads are turned off, and only those on again that were on', async () => {
      sh(`ip netns exec ${lab.director} ethtool -K d0 gro on tso on gso off`);
      const { line } = await upon(
        'offloads',
        () => director.say({ offloads: true }),
        (heard) => heard.switchedOff !== undefined,
      );
      expect(line.switchedOff).toEqual(['generic-receive-offload', 'tcp-segmentation-offload']);
      expect(line.meanwhile).not.toContain('generic-receive-offload');
      expect(line.restored).toEqual(line.before);
    });

    describe('follows the interface', () => {
      const interfaceIs = (what: string) => (line: Line) => line.interface === what;

      test('down and up; its servers are unreachable meanwhile', async () => {
        const from = director.lines.length;
        await upon('down', () => lab.ip('link set d0 down'), interfaceIs('down'));
        await director.line(
          'unreachable',
          (line) => line.server === '198.18.0.2' && line.state === 'd0 is down',
          from,
        );
        await upon('up', () => lab.ip('link set d0 up'), interfaceIs('up'));
        await director.line('resolved again', ofServer('198.18.0.2', serverMac()), from);
      });

      test('loss of carrier', async () => {
        await upon('down', () => lab.serverIp('link set s0 down'), interfaceIs('down'));
        expect(await get('198.18.0.2')).toBeDefined();
        await upon('up', () => lab.serverIp('link set s0 up'), interfaceIs('up'));
      });

      test('another MAC, another MTU', async () => {
        const mac = await upon(
          'mac',
          () => lab.ip('link set d0 address 02:00:00:00:00:0d'),
          interfaceIs('mac'),
        );
        expect(mac.line.state).toMatchObject({ mac: '02:00:00:00:00:0d' });
        const mtu = await upon('mtu', () => lab.ip('link set d0 mtu 1300'), interfaceIs('mtu'));
        expect(mtu.line.state).toMatchObject({ mtu: 1300 });
      });

      test('deleted and made again, with another index', async () => {
        const before = director.lines.findLast(
          (line) => (line.state as { index?: number } | null)?.index !== undefined,
        );
        await upon('deleted', () => lab.ip('link del d0'), interfaceIs('deleted'));
        const { line } = await upon('created', () => lab.makeWire(), interfaceIs('created'));
        expect((line.state as { index: number }).index).not.toBe((before!.state as { index: number }).index);
        await director.line(
          'resolved on the new one',
          ofServer('198.18.0.2', serverMac()),
          director.lines.indexOf(line),
        );
      });
    });
  },
);
