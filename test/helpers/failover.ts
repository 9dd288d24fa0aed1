/**
 * A server fails while a client opens a connection every 50 ms, and comes back: what the client saw. For the tests of
 * failing over, and for `npm run bench:failover`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, vi } from 'vitest';
import { type DatapathName, HOSTS, type Lab, labs, type Program, SOON, VIP } from './lab.ts';

/** Milliseconds that the client waits for a page: long enough for two retransmissions of its SYN. */
export const PATIENCE_MS = 3500;
const INTERVAL_MS = 50;
/** Answered after more than this means that a SYN was sent again. */
const LATE_MS = 900;
const BEFORE_MS = 1500;
const DURING_MS = 9000;
const AFTER_MS = 6000;

export interface Attempt {
  readonly startMs: number;
  readonly connectedMs?: number;
  readonly endMs: number;
  readonly server?: string;
  readonly error?: string;
}

type RealServer = 'rs1' | 'rs2';

/** How a server is made to fail, and healed. */
export interface Failure {
  readonly name: string;
  readonly fail: (lab: Lab, host: RealServer) => Promise<unknown>;
  readonly heal: (lab: Lab, host: RealServer) => Promise<unknown>;
}

const firewall = (verdict: string) => ({
  fail: (lab: Lab, host: RealServer): Promise<unknown> =>
    lab.must(host, 'nft', ['-f', '-'], {
      input: `table inet failover { chain in { type filter hook input priority 0; tcp dport 80 ${verdict}; }; }\n`,
    }),
  heal: (lab: Lab, host: RealServer): Promise<unknown> =>
    lab.must(host, 'nft', ['delete', 'table', 'inet', 'failover']),
});

const signal = (name: NodeJS.Signals) => async (lab: Lab, host: RealServer) =>
  process.kill(await lab.webServerPid(host), name);

export const FAILURES: readonly Failure[] = [
  {
    name: 'cable pulled',
    fail: (lab, host) => lab.script('unplug', host),
    heal: (lab, host) => lab.script('plug', host),
  },
  {
    name: 'web server killed',
    fail: signal('SIGKILL'),
    heal: (lab, host) => lab.startWebServer(host),
  },
  { name: 'web server frozen (SIGSTOP)', fail: signal('SIGSTOP'), heal: signal('SIGCONT') },
  {
    // Frozen to its kernel: no answer to ARP either, while the cable is in.
    name: 'whole server frozen',
    fail: (lab, host) =>
      lab.must(host, 'nft', ['-f', '-'], {
        input:
          'table netdev frozen { chain in { type filter hook ingress device eth0 priority 0; policy drop; }; }\n',
      }),
    heal: (lab, host) => lab.must(host, 'nft', ['delete', 'table', 'netdev', 'frozen']),
  },
  {
    name: 'virtual IP taken off lo',
    fail: (lab, host) => lab.must(host, 'ip', ['address', 'del', `${VIP}/32`, 'dev', 'lo']),
    heal: (lab, host) => lab.must(host, 'ip', ['address', 'add', `${VIP}/32`, 'dev', 'lo']),
  },
  { name: 'firewall drops', ...firewall('drop') },
  { name: 'firewall rejects', ...firewall('reject with tcp reset') },
];

/** Inside describe(): a lab whose web service is of a configuration file, and healthy before each test. */
export function failoverLab(datapath: DatapathName, check = ''): { current?: Lab } {
  const { create } = labs();
  const lab: { current?: Lab } = {};
  beforeAll(async () => {
    lab.current = await create(`failover-${datapath}`);
    const file = join(lab.current.folder, 'director.yaml');
    const servers = [HOSTS.rs1, HOSTS.rs2].map(({ ipv4 }) => `{address: ${ipv4}}`).join(', ');
    const service = `{service: 'tcp ${VIP}:80', scheduler: rr, ${check}servers: [${servers}]}`;
    writeFileSync(file, `services: [${service}]\n`);
    await lab.current.startDirector(datapath, '--config', file);
  });
  beforeEach(async () => {
    await vi.waitFor(async () => {
      const { services } = await lab.current!.client.readHealth();
      expect(services[0]!.servers.map(({ state }) => state)).toEqual(['up', 'up']);
    }, SOON);
  });
  return lab;
}

export interface Outcome {
  readonly attempts: number;
  readonly failed: number;
  /** Of those, with a connection from before the failure, which nobody can move. */
  readonly cut: number;
  /** From the failure to the beginning of the last attempt that failed; 0: none did. */
  readonly lastFailedMs: number;
  /** That succeeded after a second or more. */
  readonly late: number;
  /** From healing to the first page of the server that had failed; undefined: there was none. */
  readonly backAfterMs: number | undefined;
}

/** Fails rs1 under a steady client, heals it, and tells what the client saw. */
export async function observe(lab: Lab, failure: Failure, host: RealServer = 'rs1'): Promise<Outcome> {
  const client = await lab.program(
    'client',
    'prober.mjs',
    VIP,
    '80',
    String(INTERVAL_MS),
    String(PATIENCE_MS),
  );
  await pause(BEFORE_MS);
  const failedAtMs = Date.now();
  await failure.fail(lab, host);
  const goneAtMs = Date.now();
  await pause(DURING_MS);
  const healedAtMs = Date.now();
  await failure.heal(lab, host);
  await pause(AFTER_MS);
  await client.end();
  return outcomeOf(attemptsOf(client), { failedAtMs, goneAtMs, healedAtMs }, HOSTS[host].ipv4);
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export const attemptsOf = (client: Program): Attempt[] =>
  client.lines.slice(1).map((line) => JSON.parse(line) as Attempt);

function outcomeOf(
  attempts: readonly Attempt[],
  at: { failedAtMs: number; goneAtMs: number; healedAtMs: number },
  address: string,
): Outcome {
  const failed = attempts.filter(({ server }) => server === undefined);
  const back = attempts.filter(({ server, startMs }) => server === address && startMs >= at.healedAtMs);
  return {
    attempts: attempts.length,
    failed: failed.length,
    cut: failed.filter(({ connectedMs = Number.POSITIVE_INFINITY }) => connectedMs <= at.goneAtMs).length,
    lastFailedMs: Math.max(0, ...failed.map(({ startMs }) => startMs - at.failedAtMs)),
    late: attempts.filter(({ server, startMs, endMs }) => server !== undefined && endMs - startMs >= LATE_MS)
      .length,
    backAfterMs:
      back.length === 0 ? undefined : Math.min(...back.map(({ startMs }) => startMs)) - at.healedAtMs,
  };
}
