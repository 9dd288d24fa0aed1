/**
 * Keeps the datapath process alive: starts it, hands it the state of the moment, starts it again when it ends. The
 * daemon answers throughout; what is asked of a process that is not there is answered from what was known last.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DirectorError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Answers, FromWorker, Request, ToWorker } from '../worker/messages.ts';

/** Ours is dist/daemon/*.js or, under tsx, src/daemon/*.ts; the process is the same kind. */
const WORKER = fileURLToPath(import.meta.url).replace(/daemon\/datapath-process\.(\w+)$/, 'worker/main.$1');
const FIRST_RESTART_MS = 50;
const MAX_RESTART_MS = 1600;
/** A process that lived this long starts the pause from the beginning. */
const STABLE_MS = 10_000;
const ANSWER_WITHIN_MS = 5000;
const STOP_WITHIN_MS = 1000;

/** libpcap says so of every interface without an IPv4 address, such as our own veth pair. */
const PCAP_WARNING = /^Warning: .* no IPv4 address assigned.*\n/gm;

type StartRequest = Extract<Request, { kind: 'start' }>;

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class DatapathProcess {
  private readonly log: Log;
  /** The state of the moment, for a process that begins. */
  private readonly startRequest: () => StartRequest;
  private child: ChildProcess | undefined;
  private isReady = false;
  private restarting: NodeJS.Timeout | undefined;
  private pauseMs = FIRST_RESTART_MS;
  private isStopping = false;
  private lastId = 0;
  private readonly pending = new Map<number, Pending>();
  private restarts = 0;

  constructor(log: Log, startRequest: () => StartRequest) {
    this.log = log;
    this.startRequest = startRequest;
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  get restartCount(): number {
    return this.restarts;
  }

  /** It has its state and answers. */
  get isRunning(): boolean {
    return this.isReady;
  }

  /** Resolves when the process has taken its state; rejects when it ends before. */
  async start(): Promise<void> {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, WORKER], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let lastWords = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text.replaceAll(PCAP_WARNING, '')).slice(-2000);
    });
    child.on('error', (error) => this.log.error({ err: error }, 'the datapath process cannot be started'));
    child.on('exit', (code, signal) =>
      this.onExit(child, startedMs, signal ?? `exit code ${code}`, lastWords.trim()),
    );
    this.readLines(child);
    await this.send(this.startRequest());
    this.isReady = true;
  }

  request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    if (!this.isReady)
      return Promise.reject(new DirectorError('DATAPATH_FAILED', 'the datapath process is restarting'));
    return this.send(request);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    clearTimeout(this.restarting);
    const { child } = this;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(killing);
  }

  private send<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    const id = ++this.lastId;
    const channel = this.child?.stdio[3] as NodeJS.WritableStream | undefined;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(
          new DirectorError('DATAPATH_FAILED', `the datapath process did not answer ${request.kind} in time`),
        );
      }, ANSWER_WITHIN_MS);
      this.pending.set(id, { resolve: resolve as (answer: never) => void, reject, timer });
      channel?.write(`${JSON.stringify({ id, request } satisfies ToWorker)}\n`);
    });
  }

  private readLines(child: ChildProcess): void {
    const channel = child.stdio[3] as NodeJS.ReadableStream;
    let partial = '';
    channel.setEncoding('utf8');
    channel.on('error', () => {});
    channel.on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop()!;
      for (const line of lines) this.receive(JSON.parse(line) as FromWorker);
    });
  }

  private receive(message: FromWorker): void {
    if ('notice' in message) {
      const { level, message: text, fields } = message.notice;
      this.log[level]({ ...fields }, text);
      return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    this.pending.delete(message.id);
    clearTimeout(pending.timer);
    if ('error' in message) pending.reject(new DirectorError('DATAPATH_FAILED', message.error));
    else pending.resolve(message.answer as never);
  }

  private onExit(child: ChildProcess, startedMs: number, how: string, lastWords: string): void {
    if (child !== this.child) return;
    this.child = undefined;
    this.isReady = false;
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(new DirectorError('DATAPATH_FAILED', `the datapath process ended (${how})`));
    }
    this.pending.clear();
    if (this.isStopping) return;
    if (performance.now() - startedMs > STABLE_MS) this.pauseMs = FIRST_RESTART_MS;
    const pauseMs = this.pauseMs;
    this.pauseMs = Math.min(2 * pauseMs, MAX_RESTART_MS);
    this.restarts++;
    const fields = { how, restarts: this.restarts, ...(lastWords === '' ? {} : { lastWords }) };
    this.log.warn(
      fields,
      `the datapath process ended (${how}); starting it again, connections are forgotten`,
    );
    this.restarting = setTimeout(() => this.start().catch(() => {}), pauseMs);
  }
}
