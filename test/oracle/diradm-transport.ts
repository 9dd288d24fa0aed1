/**
 * Real directors for recordings of ipvsadm: on a host as recorded, the built daemon with its control socket, and the
 * built command started once for each recorded line. Needs root and `npm run build`.
 */
import type { ChildProcess } from 'node:child_process';
import { getServers } from 'node:dns';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type DirectorClient } from '../../src/control/client.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { connect, createNamespace, type Namespace } from '../helpers/netns.ts';
import { type CliCaseResult, type CliRecording, runCliRecording, type Transport } from './cli-runner.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const DIRECTOR = join(CHECKOUT, 'dist/cli/director/main.js');
const DIRADM = join(CHECKOUT, 'dist/cli/diradm/main.js');
const STARTS_WITHIN_MS = 20_000;
/** Starting the command is most of the work; the recordings' cases are shared out to so many directors. */
const DIRECTORS = 2;

/** The recorded host: its own addresses, the virtual ones, a gateway, and real servers .11 to .40. */
const GATEWAY_MAC = '02:00:00:00:02:00';
const HOST_SETUP = [
  'sysctl -qw net.ipv6.conf.d0.accept_dad=0 net.ipv6.conf.d0.router_solicitations=0',
  'ip link set d0 address 02:00:00:00:01:00 up',
  'ip addr add 10.10.0.1/24 dev d0; ip addr add 10.10.0.100/32 dev d0; ip addr add 10.10.0.101/32 dev d0',
  'ip addr add fd00:10::1/64 dev d0 nodad; ip addr add fd00:10::100/128 dev d0 nodad',
  `ip neigh add 10.10.0.254 lladdr ${GATEWAY_MAC} dev d0 nud permanent; ip route add default via 10.10.0.254`,
  `ip neigh add fd00:10::fe lladdr ${GATEWAY_MAC} dev d0 nud permanent; ip -6 route add default via fd00:10::fe`,
  'for n in $(seq 11 40); do',
  '  mac=02:00:00:00:00:$(printf %02x $n)',
  '  echo neigh add 10.10.0.$n lladdr $mac dev d0 nud permanent',
  '  echo neigh add fd00:10::$(printf %x $n) lladdr $mac dev d0 nud permanent',
  'done | ip -batch -',
].join('\n');

/** The recorded host asked no name server: without this, names that /etc/hosts lacks would be waited for. */
const noNameServers = (): string =>
  getServers()
    .filter((address) => !/^(127\.|::1|\[)/.test(address))
    .map((address) => `ip route add unreachable ${address}`)
    .join('\n');

export class RealDirector {
  private readonly host: Namespace;
  private readonly lan: Namespace;
  private readonly folder: string;
  private readonly client: DirectorClient;
  private readonly daemon: ChildProcess;

  private constructor(host: Namespace, lan: Namespace) {
    this.host = host;
    this.lan = lan;
    this.folder = mkdtempSync(join(tmpdir(), 'director-oracle-'));
    this.client = createClient({ socketPath: this.socketPath });
    const args = [DIRECTOR, '--socket', this.socketPath, 'run', '--interface', 'd0', '--datapath', 'pcap'];
    this.daemon = host.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  static async start(): Promise<RealDirector> {
    const host = await createNamespace('oracle');
    const lan = await createNamespace('oracle-lan');
    await connect(host, 'd0', lan, 'c0');
    await lan.sh(`ip link set c0 address ${GATEWAY_MAC} up`);
    await host.sh(`${HOST_SETUP}\n${noNameServers()}`);
    const director = new RealDirector(host, lan);
    await director.untilItAnswers().catch(async (error) => {
      await director.stop();
      throw error;
    });
    return director;
  }

  /** Empties the director; what is typed then is carried out by the real command. */
  async createTransport(): Promise<Transport> {
    await this.reset();
    const env = { DIRECTOR_SOCKET: this.socketPath, DIRADM_NAME: 'ipvsadm', LANG: 'C.UTF-8' };
    return async ({ args, stdin = '' }) => {
      const { code, stdout, stderr } = await this.host.run(process.execPath, [DIRADM, ...args], {
        env,
        input: stdin,
      });
      return { stdout, stderr, exit: code };
    };
  }

  async stop(): Promise<void> {
    this.client.close();
    if (this.daemon.exitCode === null) {
      const exited = new Promise((resolve) => this.daemon.once('exit', resolve));
      this.daemon.kill('SIGTERM');
      await exited;
    }
    await this.host.destroy();
    await this.lan.destroy();
    rmSync(this.folder, { recursive: true });
  }

  private get socketPath(): string {
    return join(this.folder, 'director.sock');
  }

  private async untilItAnswers(): Promise<void> {
    for (const startMs = performance.now(); ; await sleep(20)) {
      const status = await this.client.readStatus().catch((error: Error) => error);
      if (!(status instanceof Error)) return;
      const isHopeless = this.daemon.exitCode !== null || performance.now() - startMs > STARTS_WITHIN_MS;
      if (isHopeless) throw status;
    }
  }

  private async reset(): Promise<void> {
    const { syncDaemons } = await this.client.listServices();
    const edits: Edit[] = [
      { op: 'flush' },
      { op: 'set-timeouts', timeouts: EMPTY_CONFIGURATION.timeouts },
      ...syncDaemons.map(({ role }) => ({ op: 'stop-sync-daemon', role }) as const),
    ];
    const refused = (await this.client.applyEdits(edits)).filter((error) => error !== null);
    if (refused.length > 0) throw new Error(`the director could not be emptied: ${JSON.stringify(refused)}`);
  }
}

/** As runCliRecording(), by real directors. */
export async function runCliRecordingByDiradm(recording: CliRecording): Promise<CliCaseResult[]> {
  const directors = await Promise.all(Array.from({ length: DIRECTORS }, () => RealDirector.start()));
  const results = new Map<number, CliCaseResult>();
  const waiting = [...recording.cases.entries()];
  const work = async (director: RealDirector) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, each] = next;
      const [result] = await runCliRecording({ cases: [each] }, () => director.createTransport());
      results.set(index, result!);
    }
  };
  try {
    await Promise.all(directors.map(work));
  } finally {
    await Promise.all(directors.map((director) => director.stop()));
  }
  return recording.cases.map((_, index) => results.get(index)!);
}
