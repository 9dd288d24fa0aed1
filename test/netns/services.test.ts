/**
 * What else reaches a virtual address: datagrams, pings, ARP, ports that are no service, services without servers,
 * strays. And the frames themselves, byte for byte, as captured before and after the director.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture } from '../helpers/capture.ts';
import { ACK, eth, FIN, forwardedTo, payloadOf, RST, SYN, toHex } from '../helpers/frame-builder.ts';
import { frameProblem } from '../helpers/frame-checker.ts';
import {
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  type Program,
  VIP,
  VIP6,
} from '../helpers/lab.ts';

const { client, director, rs1, rs2 } = HOSTS;
const UDP_PORT = 5300;
const NO_SERVER_PORT = 81;
const OWN_PORT = 8080;

const FAMILIES = [
  { family: 'IPv4', vip: VIP, endpoint: VIP, key: 'ipv4' },
  { family: 'IPv6', vip: VIP6, endpoint: `[${VIP6}]`, key: 'ipv6' },
] as const;

const endpointOf = (address: string) => (address.includes(':') ? `[${address}]` : address);

const RULES = FAMILIES.flatMap(({ endpoint, key }) => {
  const servers = (service: string, port: number) =>
    [rs1, rs2].map((server) => `-a ${service} -r ${endpointOf(server[key])}:${port} -g -w 1`);
  const tcp = `-t ${endpoint}:80`;
  const udp = `-u ${endpoint}:${UDP_PORT}`;
  return [
    ...[`-A ${tcp} -s rr`, ...servers(tcp, 80)],
    ...[`-A ${udp} -s rr`, ...servers(udp, UDP_PORT)],
    `-A -t ${endpoint}:${NO_SERVER_PORT} -s rr`,
    `-A -u ${endpoint}:${NO_SERVER_PORT} -s rr`,
  ];
});

describeWithDirector('what reaches a virtual address', ['tcpdump', 'ping', 'arping'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;
    const programs: Program[] = [];

    beforeAll(async () => {
      lab = await create(`services-${datapath}`);
      await lab.startDirector(datapath);
      await lab.configure(...RULES);
      for (const { vip } of FAMILIES) {
        for (const host of ['rs1', 'rs2'] as const)
          programs.push(await lab.program(host, 'udp-server.mjs', host, vip, String(UDP_PORT)));
      }
    });
    afterAll(() => Promise.all(programs.map((program) => program.end())));

    const datagrams = async (address: string, port: number, count: number): Promise<string[]> => {
      const asked = await lab.program(
        'client',
        'udp-client.mjs',
        address,
        String(port),
        String(count),
        'hello',
      );
      return JSON.parse(asked.lines[0]!) as string[];
    };

    const send = async (...frames: Uint8Array[]) => {
      const sender = await lab.program('client', 'send-frames.mjs');
      for (const frame of frames) sender.child.stdin!.write(`${toHex(frame)}\n`);
      await sender.end();
    };

    /** What was sent before a ping that is answered has been dealt with. */
    const afterAnAnswerFrom = (vip: string) => lab.must('client', 'ping', ['-c', '1', '-W', '2', vip]);

    describe.each(FAMILIES)('$family', ({ vip, endpoint, key }) => {
      test('datagrams are answered by both servers in turn, from the virtual address', async () => {
        const answers = await datagrams(vip, UDP_PORT, 4);
        expect(answers).toEqual(['rs2 got hello 0', 'rs1 got hello 1', 'rs2 got hello 2', 'rs1 got hello 3']);
      });

      test('pings are answered by the director', async () => {
        const onServer = await capture(lab, 'rs1', 'out', 'icmp or icmp6');
        const ping = await lab.run('client', 'ping', ['-c', '3', '-i', '0.2', '-W', '2', vip]);
        expect(ping.stdout).toContain('3 received');
        const fromServers = (await onServer.finish()).filter((frame) => isEchoReply(frame));
        expect(fromServers).toEqual([]);
      });

      test("another port of the virtual address is the director's own", async () => {
        const script = `require('node:http').createServer((_, r) => r.end('own')).listen(${OWN_PORT}, '${vip}', () => console.log('ready'))`;
        const server = lab.spawn('director', process.execPath, ['-e', script]);
        await new Promise((resolve) => server.stdout!.once('data', resolve));
        const page = await lab.run('client', 'curl', ['-gsS', '-m', '3', `http://${endpoint}:${OWN_PORT}/`]);
        expect(page.stdout).toBe('own');
        server.kill();
      });

      test("a port that is neither is refused by the director's own stack", async () => {
        const page = await lab.run('client', 'curl', ['-gsS', '-m', '3', `http://${endpoint}:8081/`]);
        expect(page).toMatchObject({ code: 7 });
      });

      test('a service without servers is refused at once, by ICMP port unreachable', async () => {
        const atClient = await capture(lab, 'client', 'in', 'icmp or icmp6 or tcp');
        const startMs = performance.now();
        const page = await lab.run('client', 'curl', [
          '-gsS',
          '-m',
          '3',
          `http://${endpoint}:${NO_SERVER_PORT}/`,
        ]);
        expect(page).toMatchObject({ code: 7 });
        expect(page.stderr).toMatch(/Connection refused|Failed to connect/);
        // The XDP program may answer while the client is still in connect() and owns its socket; tcp_v4_err and
        // tcp_v6_err then take the answer for a soft error, and the one to the next SYN, 1 s later, counts.
        const mayNeedTwo = datapath === 'xdp';
        expect(performance.now() - startMs).toBeLessThan(mayNeedTwo ? 1900 : 900);
        expect(await datagrams(vip, NO_SERVER_PORT, 1)).toEqual(['ECONNREFUSED']);
        const answers = (await atClient.finish()).filter((frame) => isPortUnreachable(frame));
        expect(answers.length).toBeGreaterThanOrEqual(2);
        expect(answers.length).toBeLessThanOrEqual(mayNeedTwo ? 3 : 2);
        expect(answers.map((frame) => frameProblem(frame))).toEqual(answers.map(() => undefined));
      });

      test('a stray segment of no connection is reset', async () => {
        const atClient = await capture(lab, 'client', 'in', `src host ${vip} and tcp`);
        const stray = toDirector(key, client.mac)
          .tcp(40000, 80, ACK, { sequence: 1, acknowledgment: 77 })
          .bytes();
        await send(stray);
        await afterAnAnswerFrom(vip);
        const resets = (await atClient.finish()).filter((frame) => tcpFlagsOf(frame) === RST);
        expect(resets).toHaveLength(1);
        // RFC 9293 §3.10.7.1: the sequence number of the reset is what the stray acknowledged.
        expect(Buffer.from(resets[0]!).readUInt32BE(transportOf(resets[0]!) + 4)).toBe(77);
      });

      test('frames leave as they came, but for MACs, time to live and header checksum', async () => {
        const port = 41000;
        const sent = [
          toDirector(key, client.mac)
            .tcp(port, 80, SYN, { sequence: 1000, options: [2, 4, 5, 180] })
            .bytes(),
          toDirector(key, client.mac)
            .tcp(port, 80, ACK, { sequence: 1001, payload: payloadOf(1) })
            .bytes(),
          toDirector(key, client.mac)
            .tcp(port, 80, ACK, { sequence: 1002, payload: payloadOf(1333) })
            .bytes(),
          toDirector(key, client.mac)
            .tcp(port, 80, FIN | ACK, { sequence: 2335 })
            .bytes(),
        ];
        const filter = `tcp port ${port} and dst host ${vip}`;
        const leaving = await capture(lab, 'client', 'out', filter);
        const arriving = {
          rs1: await capture(lab, 'rs1', 'in', filter),
          rs2: await capture(lab, 'rs2', 'in', filter),
        };
        await send(...sent);
        await afterAnAnswerFrom(vip);
        // The client's kernel knows nothing of this connection, so it answers the server with resets of its own.
        const left = await leaving.finish();
        expect(left.filter((frame) => tcpFlagsOf(frame) !== RST).map(toHex)).toEqual(sent.map(toHex));
        const got = { rs1: await arriving.rs1.finish(), rs2: await arriving.rs2.finish() };
        const [server, frames] = got.rs1.length > 0 ? ([rs1, got.rs1] as const) : ([rs2, got.rs2] as const);
        expect(frames.map(toHex)).toEqual(
          left.map((frame) => toHex(withSource(forwardedTo(server.mac, frame), director.mac))),
        );
        expect(frames.map((frame) => frameProblem(frame))).toEqual(left.map(() => undefined));
        expect(got.rs1.length + got.rs2.length).toBe(left.length);
      });
    });

    test('ARP for the virtual address is answered by the director alone', async () => {
      const arping = await lab.must('client', 'arping', ['-b', '-c', '2', '-I', 'eth0', VIP]);
      const macs = new Set(arping.toLowerCase().match(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g));
      expect(macs).toEqual(new Set([director.mac]));
    });

    test('neighbour discovery for the virtual address is answered by the director alone', async () => {
      const advertisers = async () => {
        const atClient = await capture(lab, 'client', 'in', 'icmp6');
        await lab.must('client', 'ip', ['-6', 'neigh', 'flush', 'dev', 'eth0']);
        await lab.must('client', 'ping', ['-c', '1', '-W', '2', VIP6]);
        const advertised = (await atClient.finish()).filter((frame) => frame[54] === 136);
        return advertised.map((frame) => macOf(frame, 6));
      };
      // The client has no need to ask when the director, which asks for the client, has told it before.
      let macs: string[] = [];
      for (let round = 0; round < 10 && macs.length === 0; round++) macs = await advertisers();
      expect(macs).toEqual([director.mac]);
    });
  });
});

function toDirector(key: 'ipv4' | 'ipv6', from: string) {
  const frame = eth({ from, to: director.mac });
  return key === 'ipv4'
    ? frame.ipv4(client.ipv4, VIP, { ttl: 64, id: 4711 })
    : frame.ipv6(client.ipv6, VIP6, { hopLimit: 64 });
}

const isIpv4 = (frame: Uint8Array) => frame[12] === 0x08;
const transportOf = (frame: Uint8Array) => (isIpv4(frame) ? 34 : 54);
const protocolOf = (frame: Uint8Array) => frame[isIpv4(frame) ? 23 : 20];
const tcpFlagsOf = (frame: Uint8Array) =>
  protocolOf(frame) === 6 ? frame[transportOf(frame) + 13] : undefined;
const isEchoReply = (frame: Uint8Array) => frame[transportOf(frame)] === (isIpv4(frame) ? 0 : 129);

function isPortUnreachable(frame: Uint8Array): boolean {
  const [type, code] = frame.subarray(transportOf(frame));
  return isIpv4(frame)
    ? protocolOf(frame) === 1 && type === 3 && code === 3
    : protocolOf(frame) === 58 && type === 1 && code === 4;
}

const macOf = (frame: Uint8Array, offset: number): string =>
  toHex(frame.subarray(offset, offset + 6)).replace(/..(?=.)/g, '$&:');

function withSource(frame: Uint8Array, mac: string): Uint8Array {
  const copy = frame.slice();
  copy.set(
    mac.split(':').map((byte) => Number.parseInt(byte, 16)),
    6,
  );
  return copy;
}
