/**
 * The daemon's one object that knows everybody: takes edits in, makes host and datapath follow, answers the control
 * socket. Edits are carried out one request after the other.
 */
import type { CaptureReply, DirectorApi } from '../control/api.ts';
import type {
  CaptureRequest,
  ConnectionFilter,
  ConnectionsReply,
  DrainReply,
  EditsReply,
  EndedReply,
  EndpointFilter,
  ErrorReply,
  ExplainReply,
  ExplainRequest,
  HealthReply,
  MarksReply,
  PlanReply,
  PlanRequest,
  ServicesReply,
  SettingsReply,
  StatusReply,
  SummaryReply,
} from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { explain } from '../explain/explain.ts';
import { frameOf } from '../explain/packet-frame.ts';
import type { RunCheck } from '../health/monitor.ts';
import type { ServiceCheck } from '../health/service-check.ts';
import { CheckRules } from '../host/check-rules.ts';
import type { RouteSocket } from '../host/netlink.ts';
import type { History } from '../observe/history.ts';
import {
  type applyEdit,
  type Configuration,
  draftOf,
  EMPTY_CONFIGURATION,
  findServers,
  findService,
} from '../service/configuration.ts';
import { editsBetween } from '../service/difference.ts';
import type { Edit, ServiceAddress } from '../service/model.ts';
import { readTextFile } from '../text-file.ts';
import { parseMac } from '../wire/address.ts';
import { configurationOf } from '../worker/configuration-message.ts';
import type { NextHop, Request, StartAnswer } from '../worker/messages.ts';
import { asConfigured } from './as-configured.ts';
import { Captures } from './captures.ts';
import { Counters } from './counters.ts';
import { Datapath, type DatapathOptions } from './datapath.ts';
import { defaultPolicyOf, requirePort } from './default-policy.ts';
import type { Desired } from './desired.ts';
import { Events } from './events.ts';
import { guardedMarks, guardedPorts } from './guarded-ports.ts';
import { createApply } from './host-edits.ts';
import { KeptPolicies } from './kept-policies.ts';
import { liveKnowledge } from './live-knowledge.ts';
import { changesBetween, type Intent } from './plan.ts';
import { Plans } from './plans.ts';
import { parseRules } from './rules-file.ts';
import { ServerHealth } from './server-health.ts';
import { ServerWatch } from './server-watch.ts';
import { Shown } from './shown.ts';
import { warningsOf } from './warnings.ts';

/** Between two looks at what checks and neighbours say, which of ten thousand servers take that long. */
const MAX_HEALTH_REST_MS = 250;

export interface DirectorOptions extends DatapathOptions {
  readonly routes: RouteSocket;
  /** One of them, or none. */
  readonly rulesPath: string | undefined;
  readonly configPath: string | undefined;
  /** Of services without a configuration file. */
  readonly defaultCheck: 'tcp' | 'off';
  readonly runCheck: RunCheck;
  readonly history: History;
  readonly metricsServers: number;
  readonly onEnd: (end: End) => void;
}

/** How the daemon is to end. */
export interface End {
  readonly why: string;
  readonly keepForwarding: boolean;
  /** And is to be there again, as it is installed now. */
  readonly beginsAnew?: boolean;
}

export class Director implements DirectorApi {
  private readonly options: DirectorOptions;
  private readonly servers: ServerWatch;
  private readonly serverHealth: ServerHealth;
  private readonly datapath: Datapath;
  private readonly counters: Counters;
  private readonly shown: Shown;
  private readonly events: Events;
  private readonly captures: Captures;
  private readonly plans = new Plans();
  /** False: what is taken over is not known yet. */
  private hasConfiguration = false;
  private adopted = false;
  private isClosing = false;
  private isHealthDue = false;
  private healthRestsUntilMs = 0;
  private areNeighborsDue = false;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private editing: Promise<unknown> = Promise.resolve();

  constructor(options: DirectorOptions) {
    this.options = options;
    this.events = new Events(options);
    this.servers = new ServerWatch({
      ...options,
      interface: options.host.name,
      otherInterfaces: () => this.datapath.kind === 'xdp',
      onChange: (nextHop) => this.onNextHop(nextHop),
    });
    this.serverHealth = new ServerHealth({
      log: options.log,
      run: options.runCheck,
      rules: new CheckRules(options.host.name),
      kept: new KeptPolicies(options.socketPath, options.host.name),
      neighborOf: (address) => this.servers.get(address),
      defaultPolicy: (service) => defaultPolicyOf(service, options.defaultCheck),
      onChange: () => this.followHealth(),
    });
    this.datapath = new Datapath(options, {
      configuration: () => (this.hasConfiguration ? this.configuration : null),
      snapshot: () => ({ nextHops: this.servers.nextHops(), host: options.host.facts }),
      onStarted: (answer) => this.onDatapathStarted(answer),
      afterStart: () => this.afterStart(),
      onCaptured: (source, piece, begins) => this.captures.take(source, piece, begins),
    });
    this.captures = new Captures({
      interface: options.host.name,
      sources: () => this.datapath.sources,
      ask: (wishes) => this.datapath.request({ kind: 'capture', wishes }),
    });
    this.counters = new Counters(this.datapath);
    const { servers, serverHealth, datapath, counters } = this;
    const configuration = () => this.configuration;
    this.shown = new Shown({ ...options, servers, serverHealth, datapath, counters, configuration });
  }

  /** Something was found that had gone on forwarding without its director. */
  get hasAdopted(): boolean {
    return this.adopted || this.datapath.hasFoundProcess;
  }

  async start(): Promise<void> {
    await this.datapath.start();
    this.hasConfiguration = true;
    if (this.adopted) await this.tellOfAdoption();
    await this.datapath.removeLeftovers();
    await this.readFile();
    // One that was found stands until then: services may be known only from the file.
    await this.options.host.setGuarded(guardedPorts(this.configuration), guardedMarks(this.configuration));
    await this.serverHealth.removeLeft();
    this.shown.start();
  }

  /** Those who look on are let go. */
  endStreams(): void {
    this.shown.close();
  }

  async close(keepForwarding: boolean): Promise<void> {
    this.isClosing = true;
    this.shown.close();
    await this.serverHealth.close(keepForwarding);
    this.servers.close();
    await this.datapath.stop(keepForwarding);
  }

  /** The interface changed. */
  async followHost(): Promise<void> {
    if (!this.datapath.isRunning) return;
    await this.datapath.request(this.hostRequest()).catch((error: Error) => {
      this.options.log.warn(
        { err: error },
        `the datapath did not take a change of the interface: ${error.message}`,
      );
    });
  }

  edit(edits: readonly Edit[]): Promise<EditsReply> {
    return this.oneAtATime(() => this.carryOut(edits));
  }

  services = (): Promise<ServicesReply> => this.shown.services();
  status = (): Promise<StatusReply> => this.shown.status();
  summary = (): Promise<SummaryReply> => this.shown.summary();
  health = (): HealthReply => this.shown.health();
  settings = (): SettingsReply => this.shown.settings();
  marks = (): MarksReply => this.shown.marks();
  overview: DirectorApi['overview'] = (service) => this.shown.overview(service);
  history: DirectorApi['history'] = (after, limit) => this.shown.history(after, limit);
  metrics = (): Promise<string> => this.shown.metrics();
  watch: DirectorApi['watch'] = (service, wake) => this.shown.watch(service, wake);

  connections(cursor: number, limit: number, filter: ConnectionFilter): Promise<ConnectionsReply> {
    return this.datapath.request({ kind: 'list-connections', cursor, limit, filter });
  }

  endConnections(filter: ConnectionFilter): Promise<EndedReply> {
    return this.datapath.request({ kind: 'end-connections', filter });
  }

  setCheck(service: ServiceAddress, check: ServiceCheck | null): Promise<void> {
    return this.oneAtATime(async () => {
      findService(this.configuration, service);
      requirePort(service, check);
      this.serverHealth.setPolicy(service, { ...this.serverHealth.policyOf(service), check });
      await this.serverHealth.follow(this.configuration);
      this.followHealth();
      this.events.checked(service, check);
    });
  }

  drain(wanted: EndpointFilter, only: ServiceAddress | undefined, isDrained: boolean): Promise<DrainReply> {
    return this.oneAtATime(async () => {
      const servers = findServers(this.configuration, wanted, only);
      for (const { service, server } of servers)
        if (this.serverHealth.setDrained(service, server, isDrained))
          this.events.drained(service, server, isDrained);
      await this.takeHealthOver();
      return { servers };
    });
  }

  /** Of a moment without edits under way: what the datapath has is what is configured. */
  explain(request: ExplainRequest): Promise<ExplainReply> {
    const { host } = this.options;
    const frame =
      'frame' in request
        ? new Uint8Array(Buffer.from(request.frame, 'hex'))
        : frameOf(request, parseMac(host.facts.mac)!);
    return this.oneAtATime(async () => {
      const excerpt = await this.datapath.request({
        kind: 'excerpt',
        frame: Buffer.from(frame).toString('hex'),
      });
      const kind = this.datapath.kind ?? 'pcap';
      const neighbors = this.servers.list();
      const { addresses } = host.facts;
      const knowledge = liveKnowledge(kind, host.name, addresses, neighbors, this.serverHealth);
      return explain(excerpt, frame, knowledge);
    });
  }

  plan(file: PlanRequest): Promise<PlanReply> {
    return this.oneAtATime(async () => {
      const present = this.present();
      const desired = await this.desiredBy(file);
      this.rehearse(desired);
      const token = this.plans.keep(present, { name: file.name, desired });
      return { token, ...changesBetween(this.intentOf(present), this.intentOf(desired)) };
    });
  }

  apply(token: string): Promise<void> {
    return this.oneAtATime(async () => {
      const { name, desired } = this.plans.take(token, this.present());
      const edits = await this.makeSo(desired);
      this.events.applied(name, edits);
    });
  }

  async reload(): Promise<void> {
    try {
      await this.readFile();
    } catch (error) {
      this.shown.noteReload(false);
      this.events.reloadRefused(error as Error);
      throw error;
    }
  }

  private readFile(): Promise<void> {
    const { rulesPath, configPath } = this.options;
    const path = configPath ?? rulesPath;
    if (path === undefined) return Promise.resolve();
    const [format, code] =
      configPath === undefined ? (['rules', 'RULES_FILE'] as const) : (['yaml', 'CONFIG_FILE'] as const);
    return this.oneAtATime(async () => {
      const desired = await this.desiredBy({ name: path, format, text: readTextFile(path, code) });
      const edits = await this.makeSo(desired);
      this.shown.noteReload(true);
      this.events.read(path, edits);
    });
  }

  stop(keepForwarding: boolean): void {
    this.options.onEnd({ why: 'a request to stop', keepForwarding });
  }

  restart(): void {
    this.options.onEnd({ why: 'a request to restart', keepForwarding: true, beginsAnew: true });
  }

  capture(request: CaptureRequest): Promise<CaptureReply> {
    return this.captures.begin(request);
  }

  endCapture(id: number): boolean {
    return this.captures.end(id);
  }

  /** Their files end, with what they have. */
  finishCaptures(): void {
    this.captures.finishAll();
  }

  private oneAtATime<T>(act: () => Promise<T>): Promise<T> {
    const result = this.editing.then(act);
    this.editing = result.catch(() => {});
    return result;
  }

  private async carryOut(edits: readonly Edit[]): Promise<EditsReply> {
    const before = this.configuration;
    const apply = this.applyFrom(before);
    const accepted: Edit[] = [];
    let draft = draftOf(before);
    const results = edits.map((given): ErrorReply['error'] | null => {
      const edit = this.withHealth(given);
      try {
        draft = apply(draft, edit);
        accepted.push(edit);
        return null;
      } catch (error) {
        if (!(error instanceof DirectorError)) throw error;
        return { code: error.code, message: error.message };
      }
    });
    if (accepted.length > 0) {
      this.configuration = draft;
      this.events.edited(accepted);
    }
    await this.follow(before, accepted);
    return { results };
  }

  private applyFrom(before: Configuration): typeof applyEdit {
    return createApply({ routes: this.options.routes, capacity: this.datapath.capacity }, before);
  }

  /** What people have configured so far. */
  private present(): Desired {
    return { configuration: asConfigured(this.configuration), policies: this.serverHealth.policies };
  }

  /** What a file asks for. Of that which a rules file cannot say, what there is. */
  private async desiredBy({ name, format, text }: PlanRequest): Promise<Desired> {
    const apply = this.applyFrom(EMPTY_CONFIGURATION);
    if (format === 'rules') {
      const { configuration, policies } = this.present();
      return { configuration: await parseRules(text, name, configuration, apply), policies };
    }
    // Loaded for those who have such a file: it takes a tenth of a second.
    const { parseConfig } = await import('./config-file.ts');
    return parseConfig(text, name, apply);
  }

  private intentOf({ configuration, policies }: Desired): Intent {
    return { configuration, policyOf: (service) => this.serverHealth.policyOf(service, policies) };
  }

  /** What would be in force, and the edits that lead there. Throws the first refusal. */
  private rehearse({ configuration, policies }: Desired): { edits: readonly Edit[]; after: Configuration } {
    const edits = editsBetween(this.configuration, this.serverHealth.inForce(configuration, policies));
    const apply = this.applyFrom(this.configuration);
    const after = edits.reduce((draft, edit) => apply(draft, edit), draftOf(this.configuration));
    return { edits, after };
  }

  /** Whole or, when something is refused, not at all. How many edits it took. */
  private async makeSo(desired: Desired): Promise<number> {
    const before = this.configuration;
    const { edits, after } = this.rehearse(desired);
    this.serverHealth.setPolicies(desired.policies);
    if (edits.length > 0) this.configuration = after;
    await this.follow(before, edits);
    if (edits.length === 0) await this.serverHealth.follow(this.configuration);
    this.followHealth();
    return edits.length;
  }

  /** What is in force of a server goes on, whatever people configure. */
  private withHealth(edit: Edit): Edit {
    if (edit.op !== 'add-server' && edit.op !== 'edit-server') return edit;
    return { ...edit, options: this.serverHealth.optionsInForce(edit.service, edit.server, edit.options) };
  }

  /**
   * Servers went down or came up. What comes before its turn is seen to then, in one go; and it rests for as long as it
   * took, so that thousands that fail one after the other leave time for whoever asks.
   */
  private followHealth(): void {
    if (this.isHealthDue) return;
    this.isHealthDue = true;
    const restMs = this.healthRestsUntilMs - performance.now();
    if (restMs > 0) setTimeout(() => this.beginTakingHealthOver(), restMs).unref();
    else this.beginTakingHealthOver();
  }

  private beginTakingHealthOver(): void {
    this.oneAtATime(async () => {
      this.isHealthDue = false;
      const begunMs = performance.now();
      await this.takeHealthOver();
      const endedMs = performance.now();
      this.healthRestsUntilMs = endedMs + Math.min(endedMs - begunMs, MAX_HEALTH_REST_MS);
    }).catch((error: Error) =>
      this.options.log.error({ err: error }, `what checks found is not in force: ${error.message}`),
    );
  }

  private async takeHealthOver(): Promise<void> {
    const before = this.configuration;
    const wanted = this.serverHealth.inForce(before);
    if (wanted === before || this.isClosing) return;
    this.configuration = wanted;
    await this.follow(before, editsBetween(before, wanted));
  }

  /** The guard stands before the datapath forwards, and until it no longer does. */
  private async follow(before: Configuration, accepted: readonly Edit[]): Promise<void> {
    if (accepted.length === 0) return;
    const { host, log } = this.options;
    this.events.turned(before, this.configuration, (...of) => this.serverHealth.stateOf(...of).cause);
    await host.setGuarded(guardedPorts(before, this.configuration), guardedMarks(this.configuration));
    await this.servers.follow(this.configuration);
    await this.datapath.publish(before, accepted).catch((error: Error) => {
      log.error({}, `the datapath has not confirmed an edit: ${error.message}`);
    });
    await host.setGuarded(guardedPorts(this.configuration), guardedMarks(this.configuration));
    await this.serverHealth.follow(this.configuration);
    this.events.warn(warningsOf(this.configuration, this.servers.list(), this.options.workers));
  }

  private onDatapathStarted({ adopted }: StartAnswer): void {
    if (this.hasConfiguration || adopted === null) return;
    this.configuration = configurationOf(adopted);
    this.hasConfiguration = this.adopted = true;
    this.serverHealth.adopt(this.configuration);
  }

  private afterStart(): Request[] {
    const { wishes } = this.captures;
    return [
      { kind: 'next-hops', nextHops: this.servers.nextHops() },
      this.hostRequest(),
      ...(wishes.length > 0 ? [{ kind: 'capture' as const, wishes }] : []),
    ];
  }

  private hostRequest(): Extract<Request, { kind: 'host' }> {
    const { host } = this.options;
    return { kind: 'host', host: host.facts, interfaceIndex: host.state?.index ?? 0 };
  }

  private async tellOfAdoption(): Promise<void> {
    await this.servers.follow(this.configuration);
    await this.serverHealth.follow(this.configuration);
    const services = this.configuration.services.size;
    const connections = (await this.counters.read())?.connections.live ?? 0;
    const what = this.datapath.kind === 'xdp' ? 'program' : 'datapath process';
    this.events.tookOver(what, services, connections);
  }

  private onNextHop(nextHop: NextHop): void {
    this.followNeighbors();
    if (!this.datapath.isRunning) return;
    this.datapath.request({ kind: 'next-hops', nextHops: [nextHop] }).catch(() => {});
  }

  /** A thousand new servers are a thousand next hops: what came together is looked at once. */
  private followNeighbors(): void {
    if (this.areNeighborsDue) return;
    this.areNeighborsDue = true;
    setImmediate(() => {
      this.areNeighborsDue = false;
      if (this.isClosing) return;
      void this.serverHealth.followWays().then(() => this.followHealth());
    });
  }
}
