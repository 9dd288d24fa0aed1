/**
 * Which servers take part: what checks, neighbours, drains and slow starts say of each, put together and laid over the
 * configuration. Nothing here changes what people configured: a server's own weight stays beside the one in force.
 */
import { HealthMonitor, type Patient, type Report, type RunCheck } from '../health/monitor.ts';
import type { HealthPolicy } from '../health/policy.ts';
import type { CheckRules } from '../host/check-rules.ts';
import type { Neighbor } from '../host/neighbors.ts';
import type { Log } from '../log.ts';
import {
  type Configuration,
  type ConfiguredServer,
  type ConfiguredService,
  serviceKey,
} from '../service/configuration.ts';
import type { ServerAddress, ServerOptions, ServiceAddress } from '../service/model.ts';
import { configuredOptions } from './as-configured.ts';
import { CheckWays } from './check-ways.ts';
import type { KeptPolicies } from './kept-policies.ts';
import { partsOf, serverKey } from './server-key.ts';
import { SlowStart } from './slow-start.ts';

/** By serviceKey(); services that are not there have the default. */
export type Policies = ReadonlyMap<string, HealthPolicy>;

const MS = 1000;

export interface ServerHealthOptions {
  readonly log: Log;
  readonly run: RunCheck;
  readonly rules: CheckRules;
  readonly neighborOf: (address: string) => Neighbor | undefined;
  readonly kept: KeptPolicies;
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
  private readonly drained = new Set<string>();
  private services: ReadonlyMap<string, ServiceAddress> = new Map();
  /** Of servers that a daemon before us left as failed. */
  private readonly adoptedFailed = new Set<string>();
  private readonly ways: CheckWays;
  private readonly slowStart: SlowStart;

  constructor(options: ServerHealthOptions) {
    this.options = options;
    this.slowStart = new SlowStart(options.onChange);
    this.ways = new CheckWays(options);
    this.monitor = new HealthMonitor({
      run: (...check) => this.ways.run(...check),
      onChange: (key, report) => this.onReport(key, report),
    });
  }

  /** What a daemon before us has said of the servers holds until we know better. */
  adopt({ services }: Configuration): void {
    this.currentPolicies = this.options.kept.read() ?? this.currentPolicies;
    for (const [name, { servers }] of services) {
      for (const { server, options } of servers) {
        const key = serverKey(name, server);
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
    this.options.kept.write(policies);
  }

  setPolicy(service: ServiceAddress, policy: HealthPolicy): void {
    this.setPolicies(new Map(this.policies).set(serviceKey(service), policy));
  }

  policyOf(service: ServiceAddress, policies = this.policies): HealthPolicy {
    return policies.get(serviceKey(service)) ?? this.options.defaultPolicy(service);
  }

  /** Checks the servers of this configuration, by the ways that neighbours tell of. */
  async follow({ services }: Configuration): Promise<void> {
    this.services = new Map([...services].map(([name, { service }]) => [name, service]));
    const patients: Patient[] = [];
    for (const [name, service] of services) patients.push(...this.patientsOf(name, service));
    const keys = new Set<string>();
    for (const [name, { servers }] of services)
      for (const { server } of servers) keys.add(serverKey(name, server));
    this.forgetOthers(keys);
    this.monitor.follow(patients, (key) => !this.adoptedFailed.has(key));
    await this.ways.applyRules();
  }

  /** A neighbour was found, lost, or has another MAC. */
  followWays(): Promise<void> {
    return this.ways.applyRules();
  }

  /** The same with what holds now laid over what is configured, and with sorry servers where they are needed. */
  inForce(configuration: Configuration, policies = this.policies): Configuration {
    let services: Map<string, ConfiguredService> | undefined;
    for (const [name, service] of configuration.services) {
      const held = this.serviceInForce(name, service, policies);
      if (held === service) continue;
      services ??= new Map(configuration.services);
      services.set(name, held);
    }
    return services === undefined ? configuration : { ...configuration, services };
  }

  optionsInForce(service: ServiceAddress, server: ServerAddress, options: ServerOptions): ServerOptions {
    return { ...configuredOptions(options), ...this.heldOf(serviceKey(service), server, options.weight) };
  }

  /** What is laid over the options of a server of this service, of this weight. */
  private heldOf(
    name: string,
    server: ServerAddress,
    weight: number,
  ): Pick<ServerOptions, 'weightInForce' | 'failed'> {
    const key = serverKey(name, server);
    const weightInForce = this.weightInForce(key, weight);
    return {
      ...(weightInForce === undefined || weightInForce === weight ? {} : { weightInForce }),
      ...(this.isFailed(key, server) ? { failed: true as const } : {}),
    };
  }

  stateOf(service: ServiceAddress, server: ServerAddress): ServerState {
    const key = serverKey(serviceKey(service), server);
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
    const key = serverKey(serviceKey(service), server);
    if (this.drained.has(key) === isDrained) return false;
    if (isDrained) this.drained.add(key);
    else this.drained.delete(key);
    return true;
  }

  async close(keepForwarding: boolean): Promise<void> {
    this.slowStart.close();
    this.monitor.close();
    if (!keepForwarding) this.options.kept.remove();
    await this.options.rules.remove();
  }

  /** What a daemon before us left that was killed. */
  async removeLeft(): Promise<void> {
    if (await this.options.rules.removeLeft())
      this.options.log.info({}, 'removed the rules of checks that a director left which was killed');
  }

  private isFailed(key: string, server: ServerAddress): boolean {
    const report = this.monitor.report(key);
    return this.isGone(server) || report?.isUp === false;
  }

  private isGone({ address }: ServerAddress): boolean {
    return this.options.neighborOf(address)?.state === 'FAILED';
  }

  private causeOf(report: Report | undefined, server: ServerAddress): string {
    if (this.isGone(server)) return 'it does not answer ARP or neighbour discovery';
    return report?.last?.cause || 'it had failed before this daemon began';
  }

  private serviceInForce(name: string, service: ConfiguredService, policies: Policies): ConfiguredService {
    let isSame = true;
    const own = service.servers.filter(({ options }) => options.sorry !== true);
    const servers = own.map((configured) => {
      const held = this.serverInForce(name, configured);
      if (held !== configured) isSame = false;
      return held;
    });
    const sorry = this.sorryServer(this.policyOf(service.service, policies), servers);
    const before = service.servers.find(({ options }) => options.sorry === true);
    if (isSame && sorry === undefined && before === undefined) return service;
    if (isSame && sorry !== undefined && before !== undefined && sameAddress(sorry.server, before.server))
      return service;
    return { ...service, servers: sorry === undefined ? servers : [sorry, ...servers] };
  }

  private serverInForce(name: string, configured: ConfiguredServer): ConfiguredServer {
    const { server, options } = configured;
    const held = this.heldOf(name, server, options.weight);
    const isSame = held.failed === options.failed && held.weightInForce === options.weightInForce;
    return isSame ? configured : { server, options: { ...configuredOptions(options), ...held } };
  }

  /** Undefined: none is needed. */
  private sorryServer(
    { sorry }: HealthPolicy,
    servers: readonly ConfiguredServer[],
  ): ConfiguredServer | undefined {
    if (sorry === null || servers.some(({ server }) => sameAddress(server, sorry))) return undefined;
    const takesPart = ({ options }: ConfiguredServer) =>
      options.failed !== true && (options.weightInForce ?? options.weight) > 0;
    return servers.some(takesPart) ? undefined : { server: sorry, options: SORRY_OPTIONS };
  }

  private weightInForce(key: string, weight: number): number | undefined {
    if (this.drained.has(key)) return 0;
    return this.slowStart.weightOf(key, weight);
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
      this.slowStart.end(key);
      this.options.log.warn(fields, `real server ${server} of ${name} is down: ${last?.cause}`);
    }
    this.options.onChange();
  }

  private startSlowly(key: string): void {
    const service = this.services.get(partsOf(key)[0]);
    if (service !== undefined) this.slowStart.begin(key, this.policyOf(service).slowStartSec * MS);
  }

  private patientsOf(name: string, { service, servers }: ConfiguredService): Patient[] {
    const { check } = this.policyOf(service);
    if (check === null) return [];
    return servers
      .filter(({ options }) => options.sorry !== true)
      .map(({ server }) => ({
        key: serverKey(name, server),
        check,
        target: this.ways.targetOf(service, server, check),
      }));
  }

  private forgetOthers(keys: ReadonlySet<string>): void {
    for (const set of [this.drained, this.adoptedFailed])
      for (const key of set) if (!keys.has(key)) set.delete(key);
    this.ways.forgetOthers(keys);
    this.slowStart.forgetOthers(keys);
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

const sameAddress = (a: ServerAddress, b: ServerAddress): boolean =>
  a.address === b.address && a.port === b.port;
