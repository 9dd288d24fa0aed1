/**
 * The datapath process's end of the line to the daemon: JSON lines over an inherited socket. Under overload the
 * capture library never returns to the event loop, so the channel can also be polled from within the packet
 * callback: reads and writes are then plain non-blocking system calls.
 */
import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const READ_BYTES = 64 * 1024;
const RETRY_MS = 2;
/** What a read returns at the end. */
const CLOSED = 0;

export class Channel {
  private readonly fd: number;
  private readonly socket: Socket;
  private readonly readBuffer = Buffer.alloc(READ_BYTES);
  private readonly onLine: (line: string) => void;
  private readonly onEnd: () => void;
  private partial: Buffer[] = [];
  private unsent: Buffer[] = [];
  private retry: NodeJS.Timeout | undefined;
  private isOver = false;

  /** `onEnd`: the other side is gone. Nothing is sent or taken in from then on. */
  constructor(fd: number, onLine: (line: string) => void, onEnd: () => void) {
    this.fd = fd;
    this.onLine = onLine;
    this.onEnd = onEnd;
    this.socket = new Socket({ fd, readable: true, writable: true });
    this.socket.on('data', (chunk: Buffer) => this.feed(chunk));
    this.socket.on('end', () => this.end());
    this.socket.on('error', () => this.end());
  }

  /** Takes in what has arrived and puts out what waits, without the event loop, which would tell of the end too. */
  poll(): void {
    while (!this.isOver) {
      const lengthBytes = ifReady(() => readSync(this.fd, this.readBuffer, 0, READ_BYTES, null));
      if (lengthBytes === undefined) break;
      if (lengthBytes === CLOSED) this.end();
      else this.feed(Buffer.from(this.readBuffer.subarray(0, lengthBytes)));
    }
    this.flush();
  }

  send(value: unknown): void {
    if (this.isOver) return;
    this.unsent.push(Buffer.from(`${JSON.stringify(value)}\n`));
    this.flush();
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.retry);
    this.unsent = [];
    this.socket.destroy();
    this.onEnd();
  }

  private flush(): void {
    while (this.unsent.length > 0) {
      const next = this.unsent[0]!;
      const sentBytes = ifReady(() => writeSync(this.fd, next));
      if (sentBytes === CLOSED) {
        this.end();
        return;
      }
      if (sentBytes === undefined) {
        this.retry ??= setTimeout(() => {
          this.retry = undefined;
          this.flush();
        }, RETRY_MS);
        return;
      }
      if (sentBytes === next.length) this.unsent.shift();
      else this.unsent[0] = next.subarray(sentBytes);
    }
  }

  private feed(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = Buffer.concat([...this.partial, chunk.subarray(start, end)]).toString('utf8');
      this.partial = [];
      start = end + 1;
      this.onLine(line);
    }
    if (start < chunk.length) this.partial.push(Buffer.from(chunk.subarray(start)));
  }
}

/** Undefined: the other side is not ready. CLOSED: it is gone. */
function ifReady(call: () => number): number | undefined {
  try {
    return call();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return undefined;
    if (code === 'EPIPE' || code === 'ECONNRESET') return CLOSED;
    throw error;
  }
}
