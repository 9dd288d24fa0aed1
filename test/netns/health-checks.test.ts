/** Health checks over a cable: ping, marks, ICMP errors, and what they need of the kernel. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CheckOptions, CheckResult, CheckTarget } from '../../src/health/check.ts';
import { connect, describeWithRoot, type Namespace, namespaces } from '../helpers/netns.ts';

const PROGRAM = join(import.meta.dirname, 'programs/run-checks.ts');
const SERVER = { 4: '198.18.0.2', 6: '2001:db8::2' } as const;
/** On the cable, and nobody's. */
const NOBODY = { 4: '198.18.0.77', 6: '2001:db8::77' } as const;
/** Behind the server, which has no way to it and says so. */
const UNREACHABLE = { 4: '203.0.113.1', 6: '2001:db8:1::1' } as const;
const MARK = 0xd1e7;
const WITHOUT_CAPABILITIES = ['--bounding-set', '-all', '--inh-caps', '-all'];

interface Job {
  readonly options: CheckOptions;
  readonly target: CheckTarget;
  readonly timeoutMs: number;
}

interface Report {
  readonly results: readonly CheckResult[];
  /** Raw sockets in the namespace. */
  readonly during: number;
  readonly after: number;
}

const job = (
  options: CheckOptions,
  address: string,
  more: Partial<CheckTarget> = {},
  timeoutMs = 10_000,
): Job => ({
  options,
  target: { address, port: 7, mark: 0, virtual: null, service: '', ...more },
  timeoutMs,
});
const PING = { kind: 'ping' } as const;

describeWithRoot('health checks in a namespace', ['nft', 'setpriv'], () => {
  const host = namespaces();
  let director: Namespace;

  beforeAll(async () => {
    director = await host.create('director');
    const server = await host.create('server');
    await connect(director, 'd0', server, 's0');
    await director.sh(`
      ip addr add 198.18.0.1/24 dev d0
      ip addr add 2001:db8::1/64 dev d0 nodad
      ip link set d0 up`);
    await server.sh(`
      ip addr add ${SERVER[4]}/24 dev s0
      ip addr add ${SERVER[6]}/64 dev s0 nodad
      ip link set s0 up
      sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip route add unreachable 203.0.113.0/24
      ip -6 route add unreachable 2001:db8:1::/64`);
    await director.sh(`
      ip route add 203.0.113.0/24 via ${SERVER[4]}
      ip -6 route add 2001:db8:1::/64 via ${SERVER[6]}`);
  });

  /** In a process of its own, which has to end by itself. */
  async function runChecks(jobs: readonly Job[], wrapper: readonly string[] = []): Promise<Report> {
    const program = [process.execPath, '--import', 'tsx', PROGRAM, JSON.stringify(jobs)];
    const [command, ...args] = [...wrapper, ...program];
    return JSON.parse(await director.must(command!, args)) as Report;
  }
  const causes = async (jobs: readonly Job[], wrapper?: readonly string[]) =>
    (await runChecks(jobs, wrapper)).results.map(({ cause }) => cause);

  describe.each([4, 6] as const)('over IPv%i', (family) => {
    test('a ping is answered, by a host that is there', async () => {
      const jobs = [job(PING, SERVER[family]), job(PING, NOBODY[family], {}, 500)];
      expect(await causes(jobs)).toEqual(['', 'no answer within 0.5 s']);
    });

    test('many pings share one socket, which is closed after them', async () => {
      const { results, during, after } = await runChecks(
        Array.from({ length: 300 }, () => job(PING, SERVER[family])),
      );
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      expect([during, after]).toEqual([1, 0]);
    });

    test('a datagram to where no way leads fails, also when silence is good', async () => {
      expect(await causes([job({ kind: 'udp' }, UNREACHABLE[family])])).toEqual([
        family === 4 ? 'host unreachable' : 'network unreachable', // the words of the server's kernel
      ]);
    });

    test('a datagram to a port that nobody listens on fails', async () => {
      expect(await causes([job({ kind: 'udp' }, SERVER[family])])).toEqual(['port unreachable']);
    });

    test('a datagram to a host that is switched off fails once the kernel gives up looking for it', async () => {
      expect(await causes([job({ kind: 'udp' }, NOBODY[family], {}, 20_000)])).toEqual(['host unreachable']);
    });

    test('the first packet of each kind of check carries the mark', async () => {
      const ip = family === 4 ? 'ip' : 'ip6';
      const icmp = family === 4 ? 'icmp' : 'icmpv6';
      await director.must('nft', ['-f', '-'], {
        input: `table ${ip} marks {
          counter of_tcp { }
          counter of_udp { }
          counter of_ping { }
          counter of_unmarked { }
          chain out {
            type filter hook output priority 0
            tcp flags & (syn|ack) == syn meta mark ${MARK} counter name of_tcp
            meta l4proto udp meta mark ${MARK} counter name of_udp
            ${icmp} type echo-request meta mark ${MARK} counter name of_ping
            ${icmp} type echo-request meta mark 0 counter name of_unmarked
          }
        }`,
      });
      const kinds: CheckOptions[] = [
        PING,
        { kind: 'tcp' },
        { kind: 'http' },
        { kind: 'https', verify: false },
        { kind: 'tls', verify: false },
        { kind: 'udp' },
        { kind: 'dns', name: 'example', type: 'A' },
      ];
      const marked = kinds.map((kind) => job(kind, SERVER[family], { mark: MARK }));
      await runChecks([...marked, job(PING, SERVER[family]), ...marked]);
      const rows = await director.json<{ nftables: { counter?: { name: string; packets: number } }[] }>(
        'nft',
        ['--json', 'list', 'counters', 'table', ip, 'marks'],
      );
      const counters = rows.nftables.flatMap(({ counter }) =>
        counter ? [[counter.name, counter.packets]] : [],
      );
      expect(Object.fromEntries(counters)).toEqual({ of_tcp: 8, of_udp: 4, of_ping: 2, of_unmarked: 1 });
    });
  });

  test('without capabilities a check says which one it needs', async () => {
    const jobs = [
      job(PING, SERVER[4]),
      job(PING, SERVER[6]),
      job({ kind: 'tcp' }, SERVER[4], { mark: MARK }),
      job({ kind: 'udp' }, SERVER[6], { mark: MARK }),
    ];
    expect(await causes(jobs, ['setpriv', ...WITHOUT_CAPABILITIES])).toEqual([
      'ping needs CAP_NET_RAW; run as root',
      'ping needs CAP_NET_RAW; run as root',
      'a mark on packets needs CAP_NET_ADMIN; run as root',
      'a mark on packets needs CAP_NET_ADMIN; run as root',
    ]);
  });

  test('a program of a check does not get the sockets of other checks', async () => {
    const script = 'ls -l /proc/self/fd | grep -v " [012] -> " | grep socket; [ $? = 1 ]';
    const exec = job({ kind: 'exec', program: '/bin/sh', args: ['-c', script] }, SERVER[4]);
    const waiting = [
      job(PING, NOBODY[4], {}, 2000),
      job(PING, NOBODY[6], {}, 2000),
      job({ kind: 'tcp' }, NOBODY[4], { mark: MARK }, 2000),
    ];
    const { results } = await runChecks([...waiting, exec]);
    expect(results.at(-1)!.cause).toBe('');
  });
});
