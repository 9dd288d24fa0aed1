/** Runs one recorded traffic case against a datapath and finds the first event that differs. */

import type { MarkRule } from '../../src/service/model.ts';
import type { SettingName } from '../../src/service/settings.ts';
import type { CliOutcome, Transport } from './cli-runner.ts';
import { type HostAnswer, HostModel, resetFrame } from './host-model.ts';
import { type BackendFactory, MemoryDirector } from './memory-director.ts';
import { createMemoryTransport } from './memory-transport.ts';
import { createPathBackend } from './path-backend.ts';
import type {
  CaseResult,
  CommandEvent,
  Difference,
  FrameEvent,
  Output,
  RecordedConnection,
  TrafficCase,
  TrafficEvent,
  TrafficRecording,
} from './recording.ts';

/** The recorded kernel ran slowly: this much of its time may have passed within a case without a `waitSec`. */
const MAX_UNRECORDED_SEC = 25;
/** Of the recorded director; recordings do not name it. */
const RECORDED_ADDRESS6 = 'fd00:10::1';
/** Steps in which the runner lets that time pass where a list shows that it did. */
const UNRECORDED_STEP_SEC = 0.5;

export async function runTrafficCase(
  recording: TrafficRecording,
  recorded: TrafficCase,
  createBackend: BackendFactory = createPathBackend,
): Promise<CaseResult> {
  const run = new TrafficRun(recording, createBackend);
  try {
    for (const [index, event] of recorded.events.entries()) {
      const difference = await run.event(event);
      if (difference !== undefined)
        return { name: recorded.name, difference: { event: index, ...difference } };
    }
    return { name: recorded.name, difference: undefined };
  } finally {
    run.close();
  }
}

type Found = Omit<Difference, 'event'> | undefined;

class TrafficRun {
  private readonly director: MemoryDirector;
  private readonly host: HostModel;
  private readonly transport: Transport;
  private readonly recording: TrafficRecording;
  private readonly marks: MarkRule[] = [];
  private unrecordedSec = 0;
  private readonly sentFragments = new Map<string, string[]>();

  constructor(recording: TrafficRecording, createBackend: BackendFactory) {
    this.recording = recording;
    const own = [
      recording.directorAddress.replace(/\/.*/, ''),
      recording.vip,
      recording.vip2,
      recording.vip6,
    ];
    const servers = Object.entries({ ...recording.realServers, ...recording.realServers6 });
    this.host = new HostModel(recording.directorMac, [...own, RECORDED_ADDRESS6]);
    const options = {
      mac: recording.directorMac,
      addresses: own,
      nextHops: [
        ...servers.map(([address, mac]) => ({ address, kind: 'neighbor' as const, mac, interface: null })),
        ...['127.0.0.1', ...own].map((address) => ({
          address,
          kind: 'local' as const,
          mac: null,
          interface: null,
        })),
      ],
    };
    this.director = new MemoryDirector(options, createBackend);
    this.transport = createMemoryTransport(this.director);
  }

  close(): void {
    this.director.backend.close();
  }

  async event(event: TrafficEvent): Promise<Found> {
    if ('command' in event) return this.command(event);
    if ('sysctl' in event) return this.sysctl(event.sysctl, Number(event.value));
    if ('mark' in event) return this.mark(event.mark);
    if ('waitSec' in event) return void this.director.advance(event.waitSec);
    if ('frame' in event) return this.frame(event);
    if ('list' in event) return this.list(event.list);
    return this.connections(event.connections);
  }

  private async command({ command, exit, stdout = '', stderr = '' }: CommandEvent): Promise<Found> {
    const got = await this.ipvsadm(command);
    const what = `$ ipvsadm ${command}`;
    if (got.exit !== exit)
      return {
        what,
        expected: `exit ${exit}`,
        got: `exit ${got.exit}: ${got.stderr}`,
        why: 'scripts look at it',
      };
    if (got.stderr !== stderr) return { what, expected: stderr, got: got.stderr, why: 'the message differs' };
    if (got.stdout !== stdout) return { what, expected: stdout, got: got.stdout, why: 'the text differs' };
    return undefined;
  }

  private sysctl(name: string, value: number): Found {
    if (name === 'net.ipv4.icmp_ratelimit') {
      this.director.backend.limitsClients = value !== 0;
      return undefined;
    }
    const setting = name.replace(/^net\.ipv4\.vs\./, '');
    if (!this.director.has(setting)) {
      return {
        what: `sysctl ${name}=${value}`,
        expected: 'a setting of this name',
        got: 'none',
        why: 'not built yet',
      };
    }
    this.director.set(setting as SettingName, value);
    return undefined;
  }

  private mark(rule: MarkRule): Found {
    this.marks.push(rule);
    this.director.setMarks(this.marks);
    return undefined;
  }

  private frame({ frame, note = '', out }: FrameEvent): Found {
    const bytes = Uint8Array.from(Buffer.from(frame, 'hex'));
    const handled = this.director.handle(bytes);
    const got: Output[] = handled.sent.map((sent) => this.describe(sent));
    for (const each of handled.delivered) {
      const answer = this.host.answer(each);
      if (answer === undefined || !this.mayAnswer(answer, bytes)) continue;
      got.push({ reply: answer.kind });
      if (answer.kind === 'tcp-rst') this.director.handle(resetFrame(each));
    }
    const visible = got.filter((output) => 'to' in output || this.canBeAnswered(bytes));
    const datagram = fragmentedDatagram(bytes);
    if (handled.verdict === 'DropReplyLimit' && out.length > 0) return undefined;
    if (datagram !== undefined) return this.fragment(datagram, note, out, visible);
    const [expectedText, gotText] = [renderOutputs(out), renderOutputs(visible)];
    if (expectedText === gotText) return undefined;
    return {
      what: `frame ${note}`,
      expected: expectedText,
      got: `${gotText} (${handled.verdict})`,
      why: WHY_FRAME,
    };
  }

  /** Errors are limited for each client, those of the host and of IPVS together. */
  private mayAnswer({ kind }: HostAnswer, frame: Uint8Array): boolean {
    return !/^icmp-(3|11|12)\//.test(kind) || this.director.backend.takeReply(frame);
  }

  /** IPVS puts datagrams together and cuts them again; we pass fragments on. What counts is where all of them go. */
  private fragment(
    datagram: string,
    note: string,
    out: readonly Output[],
    visible: readonly Output[],
  ): Found {
    const servers = (outputs: readonly Output[]) =>
      outputs.map((output) => ('to' in output ? output.to : output.reply));
    const sent = [...(this.sentFragments.get(datagram) ?? []), ...servers(visible)];
    this.sentFragments.set(datagram, sent);
    const [expected, got] = [servers(out).join(', '), sent.join(', ')];
    if (out.length === 0 || expected === got) return undefined;
    return { what: `frame ${note}`, expected, got, why: 'the fragments of a datagram must go to one server' };
  }

  private async list(expected: string): Promise<Found> {
    const difference = await this.listOnce(expected);
    if (difference === undefined) return undefined;
    return this.afterUnrecordedTime(() => this.listOnce(expected), difference);
  }

  private async listOnce(expected: string): Promise<Found> {
    const { stdout } = await this.ipvsadm('-L -n');
    if (stdout === expected) return undefined;
    return { what: 'ipvsadm -L -n', expected, got: stdout, why: 'connections are counted differently' };
  }

  private async connections(expected: readonly RecordedConnection[]): Promise<Found> {
    const difference = await this.connectionsOnce(expected);
    if (difference === undefined) return undefined;
    return this.afterUnrecordedTime(() => this.connectionsOnce(expected), difference);
  }

  private async connectionsOnce(expected: readonly RecordedConnection[]): Promise<Found> {
    const { stdout } = await this.ipvsadm('-L -n -c');
    const got = parseConnections(stdout);
    const [expectedKeys, gotKeys] = [expected, got].map((rows) => rows.map(connectionKey).sort().join('\n'));
    const what = 'ipvsadm -L -n -c';
    if (expectedKeys !== gotKeys) {
      return {
        what,
        expected: expectedKeys!,
        got: gotKeys!,
        why: 'another connection, server or state is remembered',
      };
    }
    const left = new Map(got.map((row) => [connectionKey(row), row.expireSec]));
    for (const row of expected) {
      const sec = left.get(connectionKey(row))!;
      // Time that we let pass late may have passed before this connection's last packet.
      if (row.expireSec <= sec + this.unrecordedSec && row.expireSec >= sec - MAX_UNRECORDED_SEC) continue;
      const [expectedSec, gotSec] = [`${row.expireSec} s left`, `${sec} s left`];
      return {
        what: `${what}: ${connectionKey(row)}`,
        expected: expectedSec,
        got: gotSec,
        why: 'another timeout',
      };
    }
    return undefined;
  }

  /** The kernel's clock ran while it was recorded; ours stands until a list shows that something expired. */
  private async afterUnrecordedTime(check: () => Promise<Found>, first: Found): Promise<Found> {
    const kept = this.director.backend.now;
    while (this.unrecordedSec < MAX_UNRECORDED_SEC) {
      this.director.advance(UNRECORDED_STEP_SEC);
      this.unrecordedSec += UNRECORDED_STEP_SEC;
      if ((await check()) === undefined) return undefined;
    }
    this.director.backend.now = kept;
    return first;
  }

  private ipvsadm(line: string): Promise<CliOutcome> {
    return this.transport({ args: line.split(/\s+/).filter(Boolean) });
  }

  private describe(sent: Uint8Array): Output {
    const frame = Buffer.from(sent).toString('hex');
    const mac = frame.slice(0, 12).replace(/..(?=.)/g, '$&:');
    const isIpv4 = frame.slice(24, 28) === '0800';
    const servers = (isIpv4 ? this.recording.realServers : this.recording.realServers6) ?? {};
    const server = Object.entries(servers).find(([, serverMac]) => serverMac === mac);
    if (server !== undefined) return { to: server[0], frame };
    return { reply: isIpv4 ? `icmp-${sent[34]}/${sent[35]}` : `icmp6-${sent[54]}/${sent[55]}` };
  }

  /** The recorded director could not resolve clients on its own segment: answers to them were never sent. */
  private canBeAnswered(frame: Uint8Array): boolean {
    if (frame[12] !== 0x08 || frame[13] !== 0x00) return true;
    const [address = '', prefix = '32'] = this.recording.directorAddress.split('/');
    const own = address.split('.').map(Number);
    const bits = Number(prefix);
    return own.some((byte, index) => {
      const mask = 0xff & ~(0xff >> Math.max(0, Math.min(8, bits - 8 * index)));
      return (byte & mask) !== (frame[26 + index]! & mask);
    });
  }
}

const WHY_FRAME = 'a client would notice: another server, another frame, or no answer';

/** Names the datagram that an untagged frame is a fragment of; undefined: it is none. */
function fragmentedDatagram(frame: Uint8Array): string | undefined {
  const hex = (start: number, end: number) => Buffer.from(frame.subarray(start, end)).toString('hex');
  const word = (at: number) => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  if (word(12) === 0x86dd) return frame[20] === 44 && word(56) > 0 ? hex(58, 62) + hex(22, 54) : undefined;
  return word(12) === 0x0800 && (word(20) & 0x3fff) !== 0 ? hex(18, 20) + hex(26, 34) : undefined;
}

const renderOutputs = (outputs: readonly Output[]): string =>
  outputs.map((output) => ('to' in output ? `${output.to} ${output.frame}` : output.reply)).join(', ') ||
  'nothing';

const connectionKey = ({ pro, state, source, virtual, destination }: RecordedConnection): string =>
  [pro, state, source, virtual, destination].join(' ');

function parseConnections(text: string): RecordedConnection[] {
  return text
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => {
      const [pro = '', expire = '', state = '', source = '', virtual = '', destination = ''] =
        line.split(/\s+/);
      const [minutes, seconds] = expire.split(':').map(Number);
      return { pro, state, source, virtual, destination, expireSec: minutes! * 60 + seconds! };
    });
}
