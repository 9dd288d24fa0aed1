/**
 * By which way each check goes: to the server's own address, or to the virtual one by the server's MAC. The latter is
 * a mark on the socket and a rule for that mark (host/check-rules.ts).
 */
import type { CheckResult, CheckTarget } from '../health/check.ts';
import type { RunCheck } from '../health/monitor.ts';
import { CHECK_MARKS, type CheckRoute, type CheckRules, MAX_CHECK_MARKS } from '../host/check-rules.ts';
import type { Neighbor } from '../host/neighbors.ts';
import type { Log } from '../log.ts';
import { serviceKey } from '../service/configuration.ts';
import type { ServerAddress, ServiceAddress } from '../service/model.ts';
import { serverKey } from './server-key.ts';

/** After the rules were looked for. */
const LOOK_AGAIN_MS = 1000;

export interface CheckWaysOptions {
  readonly log: Log;
  readonly run: RunCheck;
  readonly rules: CheckRules;
  readonly neighborOf: (address: string) => Neighbor | undefined;
}

/** A way through a virtual address. */
interface Way {
  readonly mark: number;
  readonly virtual: string;
  readonly server: string;
}

export class CheckWays {
  private readonly options: CheckWaysOptions;
  /** By serverKey(). */
  private readonly ways = new Map<string, Way>();
  private readonly freeMarks: number[] = [];
  private routes: readonly CheckRoute[] = [];
  private rulesFailure = '';
  private repairing = Promise.resolve(false);
  private lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: CheckWaysOptions) {
    this.options = options;
  }

  targetOf(
    service: ServiceAddress,
    server: ServerAddress,
    { via, port }: { readonly via: 'vip' | 'server'; readonly port?: number },
  ): CheckTarget {
    const virtual = 'fwmark' in service ? null : service;
    const isThroughVip = via === 'vip' && virtual !== null;
    const isLocal = this.options.neighborOf(server.address)?.kind === 'local';
    const name = serviceKey(service);
    return {
      address: isThroughVip && isLocal ? virtual.address : server.address,
      port: port ?? (server.port || (virtual?.port ?? 0)),
      mark: isThroughVip && !isLocal ? this.markOf(serverKey(name, server), virtual.address, server) : 0,
      virtual,
      service: name,
    };
  }

  forgetOthers(keys: ReadonlySet<string>): void {
    for (const [key, { mark }] of this.ways) {
      if (keys.has(key)) continue;
      this.ways.delete(key);
      this.freeMarks.push(mark - CHECK_MARKS);
    }
  }

  /** Makes the host's rules those of the ways and neighbours that are known now. */
  async applyRules(): Promise<void> {
    this.routes = [...this.ways.values()].flatMap((way) => {
      const { mac } = this.options.neighborOf(way.server) ?? {};
      return mac == null ? [] : [{ ...way, mac }];
    });
    try {
      await this.options.rules.apply(this.routes);
      this.rulesFailure = '';
    } catch (error) {
      this.tellOfFailure((error as Error).message);
    }
  }

  /** A bad answer through rules that somebody has flushed says nothing: they are put back, and it is asked again. */
  async run(...[options, target, timeoutMs, signal]: Parameters<RunCheck>): Promise<CheckResult> {
    const { run } = this.options;
    const result = await run(options, target, timeoutMs, signal);
    if (result.ok || target.mark === 0 || signal.aborted || !(await this.repair())) return result;
    return run(options, target, timeoutMs, signal);
  }

  /** 0: all are given away, which makes it a check of the server's own address. */
  private markOf(key: string, virtual: string, server: ServerAddress): number {
    const known = this.ways.get(key);
    if (known !== undefined) return known.mark;
    const number = this.freeMarks.pop() ?? this.ways.size + 1;
    if (number > MAX_CHECK_MARKS) return 0;
    const mark = CHECK_MARKS | number;
    this.ways.set(key, { mark, virtual, server: server.address });
    return mark;
  }

  /** Of many that fail at once one looks. Resolves to whether the rules had to be put back. */
  private repair(): Promise<boolean> {
    const now = performance.now();
    if (now - this.lookedAtMs < LOOK_AGAIN_MS) return this.repairing;
    this.lookedAtMs = now;
    this.repairing = this.options.rules.repair(this.routes).catch(() => false);
    return this.repairing;
  }

  private tellOfFailure(message: string): void {
    const text = `checks through virtual addresses cannot be had: ${message}; use via: server`;
    if (message !== this.rulesFailure) this.options.log.error({}, text);
    this.rulesFailure = message;
  }
}
