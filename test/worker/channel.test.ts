/** The line to the datapath process: whole messages, however they are cut on the way, with and without an event loop. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./channel-child.ts', import.meta.url));

/** The child and the other end of its descriptor 3. */
class Peer {
  readonly child: ChildProcess;
  private readonly socket: Socket;
  private readonly received: unknown[] = [];
  private text = '';
  private wake: () => void = () => {};

  constructor(mode: 'idle' | 'busy') {
    this.child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, mode], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    this.socket = this.child.stdio[3] as Socket;
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk: string) => this.take(chunk));
    this.socket.on('error', () => {});
  }

  private take(chunk: string): void {
    const lines = (this.text + chunk).split('\n');
    this.text = lines.pop()!;
    this.received.push(...lines.map((line) => JSON.parse(line) as unknown));
    this.wake();
  }

  async next(): Promise<unknown> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.received.shift();
  }

  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  async echo(value: unknown): Promise<unknown> {
    await this.write(`${JSON.stringify({ echo: value })}\n`);
    return ((await this.next()) as { echo: unknown }).echo;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Its exit code, after the line is closed from here. */
  async close(): Promise<number | null> {
    const exited = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    this.socket.destroy();
    return exited;
  }
}

const peers: Peer[] = [];
afterEach(() => {
  for (const { child } of peers.splice(0)) child.kill('SIGKILL');
});

async function start(mode: 'idle' | 'busy'): Promise<Peer> {
  const peer = new Peer(mode);
  peers.push(peer);
  expect(await peer.next()).toEqual({ ready: true });
  return peer;
}

describe.each(['idle', 'busy'] as const)('a process whose event loop is %s', (mode) => {
  test('answers messages of every kind and size', { timeout: 20_000 }, async () => {
    const peer = await start(mode);
    for (const value of [
      null,
      '',
      'ä€𝄞\n"',
      [1, { a: [] }],
      'x'.repeat(65_535),
      'é'.repeat(65_536),
      'y'.repeat(3_000_000),
    ]) {
      const echoed = await peer.echo(value);
      if (JSON.stringify(echoed) !== JSON.stringify(value))
        throw new Error(`${String(value).slice(0, 20)}… came back as another`);
    }
  });

  test('takes messages byte by byte, and many at once', { timeout: 20_000 }, async () => {
    const peer = await start(mode);
    const text = `${JSON.stringify({ echo: 'naïve €' })}\n`;
    for (const byte of Buffer.from(text)) {
      await peer.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await peer.next()).toEqual({ echo: 'naïve €' });
    await peer.write(
      Array.from({ length: 500 }, (_, index) => `${JSON.stringify({ echo: index })}\n`).join(''),
    );
    for (let index = 0; index < 500; index++) expect(await peer.next()).toEqual({ echo: index });
  });

  test('keeps what a slow reader does not take, in order', { timeout: 20_000 }, async () => {
    const peer = await start(mode);
    peer.pause();
    await peer.write(`${JSON.stringify({ repeat: 2000, text: 'z'.repeat(1000) })}\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    peer.resume();
    for (let count = 0; count < 2000; count++)
      expect(((await peer.next()) as { count: number }).count).toBe(count);
    expect(await peer.echo('after')).toBe('after');
  });

  test('ends when the line does', { timeout: 20_000 }, async () => {
    const peer = await start(mode);
    expect(await peer.close()).toBe(0);
  });
});
