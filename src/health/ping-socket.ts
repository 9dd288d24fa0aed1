/**
 * All pings of one IP version over one raw socket, since each such socket receives every echo reply of the host. It
 * is open only while an answer is awaited, so that it keeps no process alive.
 */
import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Socket } from 'raw-socket';
import { loadHostAddon, readNativeStatus } from '../host/native.ts';
import { canonicalIp } from '../wire/address.ts';
import { decodeEchoReply, echoReplyFilter, encodeEchoRequest } from './icmp-echo.ts';
import type { Settle } from './running.ts';

type RawSocketPackage = typeof import('raw-socket');

/** linux/icmp.h: SOL_RAW, ICMP_FILTER; linux/icmpv6.h: SOL_ICMPV6, ICMPV6_FILTER. */
const FILTER_LEVEL = { 4: 255, 6: 58 } as const;
const FILTER_OPTION = 1;
/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_MARK = 36;

const SEQUENCES = 0x10000;

interface Ping {
  /** Canonical. */
  readonly address: string;
  readonly settle: Settle;
}

interface OpenSocket {
  readonly raw: Socket;
  /** Told from other programs' pings, and from the last time a socket was open here. */
  readonly identifier: number;
  /** What is on the socket now. */
  mark: number;
}

export class PingSocket {
  private readonly family: 4 | 6;
  private readonly load: () => RawSocketPackage;
  private readonly pings = new Map<number, Ping>();
  private nextSequence = 0;
  private open: OpenSocket | undefined;

  constructor(family: 4 | 6, load = loadRawSocket) {
    this.family = family;
    this.load = load;
  }

  /** Asks once. Settles at most once, null for an answer; the result makes it forget, and is to be called. */
  ping(address: string, mark: number, settle: Settle): () => void {
    if (this.pings.size === SEQUENCES) throw new Error('too many pings at once');
    this.open ??= this.openSocket();
    while (this.pings.has(this.nextSequence)) this.nextSequence = (this.nextSequence + 1) % SEQUENCES;
    const sequence = this.nextSequence;
    this.nextSequence = (sequence + 1) % SEQUENCES;
    this.pings.set(sequence, { address: canonicalIp(address) ?? address, settle });
    this.send(this.open, sequence, address, mark, settle);
    return () => {
      this.pings.delete(sequence);
      if (this.pings.size === 0) this.close();
    };
  }

  private openSocket(): OpenSocket {
    const raw = createRawSocket(this.load(), this.family);
    keepFromPrograms();
    const filter = echoReplyFilter(this.family);
    raw.setOption(FILTER_LEVEL[this.family], FILTER_OPTION, filter, filter.length);
    const open = { raw, identifier: randomInt(0x10000), mark: 0 };
    raw.on('message', (message, source) => this.receive(open, message, source));
    raw.on('error', (error) => this.fail(error));
    return open;
  }

  private send(open: OpenSocket, sequence: number, address: string, mark: number, settle: Settle): void {
    const request = encodeEchoRequest(this.family, { identifier: open.identifier, sequence });
    const before = () => setMark(open, mark);
    open.raw.send(request, 0, request.length, address, before, (error) => {
      if (error !== null) settle(causeOfPing(error));
    });
  }

  private receive({ identifier }: OpenSocket, message: Buffer, source: string): void {
    const echo = decodeEchoReply(this.family, message);
    if (echo === undefined || echo.identifier !== identifier) return;
    const ping = this.pings.get(echo.sequence);
    if (ping?.address === source) ping.settle(null);
  }

  /** The socket is of no use any more: the next ping opens another. */
  private fail(error: Error): void {
    const failed = [...this.pings.values()];
    this.close();
    for (const { settle } of failed) settle(causeOfPing(error));
  }

  private close(): void {
    const open = this.open;
    this.open = undefined;
    open?.raw.close();
  }
}

/** One socket, so its mark is that of the packet that goes next. */
function setMark(open: OpenSocket, mark: number): void {
  if (open.mark === mark) return;
  const value = Buffer.from(new Uint32Array([mark]).buffer);
  open.raw.setOption(SOL_SOCKET, SO_MARK, value, value.length);
  open.mark = mark;
}

/** The package is optional: npm drops it when it cannot be built. */
function loadRawSocket(): RawSocketPackage {
  try {
    return createRequire(import.meta.url)('raw-socket') as RawSocketPackage;
  } catch (error) {
    const {
      reason = `the package raw-socket does not load: ${(error as Error).message.split('\n')[0]}`,
      fix,
    } = readNativeStatus()?.rawSocket ?? {};
    throw new Error(`ping cannot be sent, as ${reason}; run: ${fix ?? 'npm ci'}`, { cause: error });
  }
}

function createRawSocket({ createSocket, AddressFamily, Protocol }: RawSocketPackage, family: 4 | 6): Socket {
  const { IPv4, IPv6 } = AddressFamily;
  const { ICMP, ICMPv6 } = Protocol;
  try {
    return createSocket(
      family === 4 ? { addressFamily: IPv4, protocol: ICMP } : { addressFamily: IPv6, protocol: ICMPv6 },
    );
  } catch (error) {
    const { message } = error as Error;
    throw new Error(message === NOT_PERMITTED ? 'ping needs CAP_NET_RAW; run as root' : lowerFirst(message));
  }
}

/** raw-socket 1.8.1 opens without SOCK_CLOEXEC. Linux before 5.11 cannot mend that, and works all the same. */
function keepFromPrograms(): void {
  try {
    loadHostAddon().closeOnExec();
  } catch {
    // programs of 'exec' have the socket, too
  }
}

/** strerror(EPERM): of what raw-socket throws, the message is all there is. */
const NOT_PERMITTED = 'Operation not permitted';

/** An output rule of this host's firewall may forbid a ping; of a mark, CAP_NET_RAW suffices since Linux 5.17. */
const causeOfPing = ({ message }: Error): string =>
  message === NOT_PERMITTED ? 'not permitted' : lowerFirst(message);

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
