/**
 * Which servers take part: what checks, neighbours, drains and slow starts say of each, put together and laid over the
 * configuration. Nothing here changes what people configured: a server's own weight stays beside the one in force.
 */
import type { CheckResult, CheckTarget } from '../health/check.ts';
import { HealthMonitor, type Patient, type Report, type RunCheck } from '../health/monitor.ts';
import type { HealthPolicy } from '../health/policy.ts';
import { CHECK_MARKS, type CheckRoute, type CheckRules, MAX_CHECK_MARKS } from '../host/check-rules.ts';
import type { Neighbor } from '../host/neighbors.ts';
import type { Log } from '../log.ts';
import {
  type Configuration,
  type ConfiguredServer,
  type ConfiguredService,
  endpointText,
  serviceKey,
} from '../service/configuration.ts';
import type { ServerAddress, ServerOptions, ServiceAddress } from '../service/model.ts';
import { configuredOptions } from './as-configured.ts';

/** By serviceKey(); services that are not there have the default. */
export type Policies = ReadonlyMap<string, HealthPolicy>;

const RAMP_STEP_MS = 1000;
/** After the rules were looked for. */
const LOOK_AGAIN_MS = 1000;
const MS = 1000;

export interface ServerHealthOptions {
  readonly log: Log;
  readonly run: RunCheck;
  readonly rules: CheckRules;
  readonly neighbors: () => readonly Neighbor[];
  /** The policy of a service that has none of its own. */
  readonly defaultPolicy: (service: ServiceAddress) => HealthPolicy;
  /** What is in force is no longer what inForce() said. */
  readonly onChange: () => void;
}

/** What is known of one server of a service. */
export interface ServerState {
  readonly state: 'up' | 'down' | 'unchecked';
  readonly isDrained: boolean;
  /** Why it is down; empty otherwise. */
  readonly cause: string;
  readonly report: Report | undefined;
}

export class ServerHealth {
  private readonly options: ServerHealthOptions;
  private readonly monitor: HealthMonitor;
  private currentPolicies: Policies = new Map();
  private neighbors = new Map<string, Neighbor>();
  private readonly drained = new Set<string>();
  private services: ReadonlyMap<string, ServiceAddress> = new Map();
  /** Servers that start slowly, by key: Date.now() when they came back, and for how long. */
  private readonly slow = new Map<string, { readonly began: number; readonly lengthMs: number }>();
  /** Of servers that a daemon before us left as failed. */
  private readonly adoptedFailed = new Set<string>();
  private readonly marks = new Map<string, number>();
  private readonly freeMarks: number[] = [];
  private routes: readonly CheckRoute[] = [];
  private rulesFailure = '';
  private ramp: NodeJS.Timeout | undefined;
  private repairing = Promise.resolve(false);
  private lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ServerHealthOptions) {
    this.options = options;
    this.monitor = new HealthMonitor({
      run: (...check) => this.runThroughRules(...check),
      onChange: (key, report) => this.onReport(key, report),
    });
  }

  /** What a daemon before us has said of the servers holds until we know better. */
  adopt({ services }: Configuration): void {
    for (const [name, { servers }] of services) {
      for (const { server, options } of servers) {
        const key = keyOf(name, server);
        if (options.failed === true) this.adoptedFailed.add(key);
        if (options.weightInForce === 0) this.drained.add(key);
      }
    }
  }

  get policies(): Policies {
    return this.currentPolicies;
  }

  setPolicies(policies: Policies): void {
    this.currentPolicies = policies;
  }

  setPolicy(service: ServiceAddress, policy: HealthPolicy): void {
    this.currentPolicies = new Map(this.policies).set(serviceKey(service), policy);
  }

  policyOf(service: ServiceAddress, policies = this.policies): HealthPolicy {
    return policies.get(serviceKey(service)) ?? this.options.defaultPolicy(service);
  }

  /** inForce() if these were the policies. */
  inForceWith(policies: Policies, configuration: Configuration): Configuration {
    const before = this.policies;
    this.currentPolicies = policies;
    try {
      return this.inForce(configuration);
    } finally {
      this.currentPolicies = before;
    }
  }

  /** Checks the servers of this configuration, by the ways that neighbours tell of. */
  async follow({ services }: Configuration): Promise<void> {
    this.services = new Map([...services].map(([name, { service }]) => [name, service]));
    this.readNeighbors();
    const patients: Patient[] = [];
    for (const [name, service] of services) patients.push(...this.patientsOf(name, service));
    const keys = new Set<string>();
    for (const [name, { servers }] of services)
      for (const { server } of servers) keys.add(keyOf(name, server));
    this.forgetOthers(keys);
    this.monitor.follow(patients, (key) => !this.adoptedFailed.has(key));
    await this.applyRules();
  }

  /** A neighbour was found, lost, or has another MAC. */
  async followNeighbors(): Promise<void> {
    this.readNeighbors();
    await this.applyRules();
  }

  private readNeighbors(): void {
    this.neighbors = new Map(this.options.neighbors().map((neighbor) => [neighbor.server, neighbor]));
  }

  /** The same with what holds now laid over what is configured, and with sorry servers where they are needed. */
  inForce(configuration: Configuration): Configuration {
    let services: Map<string, ConfiguredService> | undefined;
    for (const [name, service] of configuration.services) {
      const held = this.serviceInForce(service);
      if (held === service) continue;
      services ??= new Map(configuration.services);
      services.set(name, held);
    }
    return services === undefined ? configuration : { ...configuration, services };
  }

  optionsInForce(service: ServiceAddress, server: ServerAddress, options: ServerOptions): ServerOptions {
    const configured = configuredOptions(options);
    const key = keyOf(serviceKey(service), server);
    const weightInForce = this.weightInForce(key, configured.weight);
    return {
      ...configured,
      ...(weightInForce === undefined || weightInForce === configured.weight ? {} : { weightInForce }),
      ...(this.isFailed(key, server) ? { failed: true as const } : {}),
    };
  }

  stateOf(service: ServiceAddress, server: ServerAddress): ServerState {
    const key = keyOf(serviceKey(service), server);
    const report = this.monitor.report(key);
    const isFailed = this.isFailed(key, server);
    const isKnown = isFailed || report?.last !== undefined;
    return {
      state: isFailed ? 'down' : isKnown ? 'up' : 'unchecked',
      isDrained: this.drained.has(key),
      cause: isFailed ? this.causeOf(report, server) : '',
      report,
    };
  }

  /** Whether that is a change. */
  setDrained(service: ServiceAddress, server: ServerAddress, isDrained: boolean): boolean {
    const key = keyOf(serviceKey(service), server);
    if (this.drained.has(key) === isDrained) return false;
    if (isDrained) this.drained.add(key);
    else this.drained.delete(key);
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.ramp);
    this.monitor.close();
    await this.options.rules.remove();
  }

  /** What a daemon before us left that was killed. */
  async removeLeft(): Promise<void> {
    if (await this.options.rules.removeLeft())
      this.options.log.info({}, 'removed the rules of checks that a director left which was killed');
  }

  /** A bad answer through rules that somebody has flushed says nothing: they are put back, and it is asked again. */
  private async runThroughRules(
    ...[options, target, timeoutMs, signal]: Parameters<RunCheck>
  ): Promise<CheckResult> {
    const { run } = this.options;
    const result = await run(options, target, timeoutMs, signal);
    if (result.ok || target.mark === 0 || signal.aborted || !(await this.repair())) return result;
    return run(options, target, timeoutMs, signal);
  }

  /** Of many that fail at once one looks. Resolves to whether the rules had to be put back. */
  private repair(): Promise<boolean> {
    const now = performance.now();
    if (now - this.lookedAtMs < LOOK_AGAIN_MS) return this.repairing;
    this.lookedAtMs = now;
    this.repairing = this.options.rules.repair(this.routes).catch(() => false);
    return this.repairing;
  }

  private isFailed(key: string, server: ServerAddress): boolean {
    const report = this.monitor.report(key);
    return this.neighbors.get(server.address)?.state === 'FAILED' || report?.isUp === false;
  }

  private causeOf(report: Report | undefined, server: ServerAddress): string {
    if (this.neighbors.get(server.address)?.state === 'FAILED')
      return 'it does not answer ARP or neighbour discovery';
    return report?.last?.cause || 'it had failed before this daemon began';
  }

  private serviceInForce(service: ConfiguredService): ConfiguredService {
    let isSame = true;
    const own = service.servers.filter(({ options }) => options.sorry !== true);
    const servers = own.map((configured) => {
      const held = this.serverInForce(service.service, configured);
      if (held !== configured) isSame = false;
      return held;
    });
    const sorry = this.sorryServer(service.service, servers);
    const before = service.servers.find(({ options }) => options.sorry === true);
    if (isSame && sorry === undefined && before === undefined) return service;
    if (isSame && sorry !== undefined && before !== undefined && sameAddress(sorry.server, before.server))
      return service;
    return { ...service, servers: sorry === undefined ? servers : [sorry, ...servers] };
  }

  private serverInForce(service: ServiceAddress, configured: ConfiguredServer): ConfiguredServer {
    const { server, options } = configured;
    const held = this.optionsInForce(service, server, options);
    const isSame = held.failed === options.failed && held.weightInForce === options.weightInForce;
    return isSame ? configured : { server, options: held };
  }

  /** Undefined: none is needed. */
  private sorryServer(
    service: ServiceAddress,
    servers: readonly ConfiguredServer[],
  ): ConfiguredServer | undefined {
    const { sorry } = this.policyOf(service);
    if (sorry === null || servers.some(({ server }) => sameAddress(server, sorry))) return undefined;
    const takesPart = ({ options }: ConfiguredServer) =>
      options.failed !== true && (options.weightInForce ?? options.weight) > 0;
    return servers.some(takesPart) ? undefined : { server: sorry, options: SORRY_OPTIONS };
  }

  private weightInForce(key: string, weight: number): number | undefined {
    if (this.drained.has(key)) return 0;
    const slow = this.slow.get(key);
    if (slow === undefined || weight === 0) return undefined;
    const share = (Date.now() - slow.began) / slow.lengthMs;
    return share >= 1 ? undefined : Math.max(1, Math.floor(weight * share));
  }

  private onReport(key: string, report: Report): void {
    this.adoptedFailed.delete(key);
    const { isUp, last } = report;
    const [name, server] = partsOf(key);
    const fields = {
      service: name,
      server,
      state: isUp ? 'up' : 'down',
      cause: last?.cause,
      durationMs: last?.durationMs,
    };
    if (isUp) {
      this.options.log.info(fields, `real server ${server} of ${name} is up again`);
      this.startSlowly(key);
    } else {
      this.slow.delete(key);
      this.options.log.warn(fields, `real server ${server} of ${name} is down: ${last?.cause}`);
    }
    this.options.onChange();
  }

  private startSlowly(key: string): void {
    const service = this.services.get(partsOf(key)[0]);
    const lengthMs = service === undefined ? 0 : this.policyOf(service).slowStartSec * MS;
    if (lengthMs === 0) return;
    this.slow.set(key, { began: Date.now(), lengthMs });
    this.ramp ??= setInterval(() => this.onRamp(), RAMP_STEP_MS).unref();
  }

  private onRamp(): void {
    for (const [key, { began, lengthMs }] of this.slow)
      if (Date.now() - began >= lengthMs) this.slow.delete(key);
    if (this.slow.size === 0) {
      clearInterval(this.ramp);
      this.ramp = undefined;
    }
    this.options.onChange();
  }

  // Checks --------------------------------------------------------------------------------------------------

  private patientsOf(name: string, { service, servers }: ConfiguredService): Patient[] {
    const { check } = this.policyOf(service);
    if (check === null) return [];
    return servers
      .filter(({ options }) => options.sorry !== true)
      .map(({ server }) => {
        const key = keyOf(name, server);
        return { key, check, target: this.targetOf(key, service, server, check) };
      });
  }

  private targetOf(
    key: string,
    service: ServiceAddress,
    server: ServerAddress,
    { via, port }: { readonly via: 'vip' | 'server'; readonly port?: number },
  ): CheckTarget {
    const virtual = 'fwmark' in service ? null : service;
    const isThroughVip = via === 'vip' && virtual !== null;
    const isLocal = this.neighbors.get(server.address)?.kind === 'local';
    const isRouted = isThroughVip && !isLocal;
    return {
      address: isThroughVip && isLocal ? virtual.address : server.address,
      port: port ?? (server.port || (virtual?.port ?? 0)),
      mark: isRouted ? this.markOf(key) : 0,
      virtual,
      service: serviceKey(service),
    };
  }

  /** 0: all are given away, which makes it a check of the server's own address. */
  private markOf(key: string): number {
    const known = this.marks.get(key);
    if (known !== undefined) return known;
    const number = this.freeMarks.pop() ?? this.marks.size + 1;
    if (number > MAX_CHECK_MARKS) return 0;
    const mark = CHECK_MARKS | number;
    this.marks.set(key, mark);
    return mark;
  }

  private forgetOthers(keys: ReadonlySet<string>): void {
    for (const [key, mark] of this.marks) {
      if (keys.has(key)) continue;
      this.marks.delete(key);
      this.freeMarks.push(mark - CHECK_MARKS);
    }
    for (const set of [this.drained, this.adoptedFailed])
      for (const key of set) if (!keys.has(key)) set.delete(key);
    for (const key of this.slow.keys()) if (!keys.has(key)) this.slow.delete(key);
  }

  /** The rules that lead checks through virtual addresses. */
  private async applyRules(): Promise<void> {
    const routes: CheckRoute[] = [];
    for (const [key, mark] of this.marks) {
      const [name, endpoint] = partsOf(key);
      const server = addressOf(endpoint);
      const { mac } = this.neighbors.get(server) ?? {};
      if (mac != null)
        routes.push({ mark, virtual: addressOf(name.slice(name.indexOf(' ') + 1)), server, mac });
    }
    this.routes = routes;
    try {
      await this.options.rules.apply(routes);
      this.rulesFailure = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.rulesFailure)
        this.options.log.error(
          {},
          `checks through virtual addresses cannot be had: ${message}; use via: server`,
        );
      this.rulesFailure = message;
    }
  }
}

const SORRY_OPTIONS: ServerOptions = {
  forwarding: 'direct-route',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
  sorry: true,
};

const SEPARATOR = ' -> ';
const keyOf = (service: string, server: ServerAddress): string =>
  `${service}${SEPARATOR}${endpointText(server)}`;

/** Of a key: the service's and the server's name. */
const partsOf = (key: string): [service: string, server: string] => {
  const at = key.indexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + SEPARATOR.length)];
};

/** Of `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
const addressOf = (endpoint: string): string =>
  endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');

const sameAddress = (a: ServerAddress, b: ServerAddress): boolean =>
  a.address === b.address && a.port === b.port;
