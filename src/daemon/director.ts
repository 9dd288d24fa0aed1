/** The daemon's one object that knows everybody: puts them together, begins and ends them, answers the control socket. */
import type { CaptureReply, DirectorApi } from '../control/api.ts';
import type {
  CaptureRequest,
  ConnectionFilter,
  ConnectionsReply,
  EndedReply,
  ExplainReply,
  ExplainRequest,
  HealthReply,
  MarksReply,
  ServicesReply,
  SettingsReply,
  StatusReply,
  SummaryReply,
} from '../control/protocol.ts';
import { explain } from '../explain/explain.ts';
import { frameOf } from '../explain/packet-frame.ts';
import type { RunCheck } from '../health/monitor.ts';
import { CheckRules } from '../host/check-rules.ts';
import type { RouteSocket } from '../host/netlink.ts';
import type { History } from '../observe/history.ts';
import type { Configuration } from '../service/configuration.ts';
import { parseMac } from '../wire/address.ts';
import { configurationOf } from '../worker/configuration-message.ts';
import type { NextHop, Request, StartAnswer } from '../worker/messages.ts';
import { Captures } from './captures.ts';
import { Changes } from './changes.ts';
import { Counters } from './counters.ts';
import { Datapath, type DatapathOptions } from './datapath.ts';
import { defaultPolicyOf } from './default-policy.ts';
import { Events } from './events.ts';
import { guardedMarks, guardedPorts } from './guarded-ports.ts';
import { KeptPolicies } from './kept-policies.ts';
import { liveKnowledge } from './live-knowledge.ts';
import { ServerHealth } from './server-health.ts';
import { ServerWatch } from './server-watch.ts';
import { Shown } from './shown.ts';

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
  private readonly changes: Changes;
  /** False: what is taken over is not known yet. */
  private hasConfiguration = false;
  private adopted = false;
  private isClosing = false;
  private areNeighborsDue = false;

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
      onChange: () => this.changes.followHealth(),
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
    const { servers, serverHealth, datapath, counters, events } = this;
    const configuration = () => this.configuration;
    this.shown = new Shown({ ...options, servers, serverHealth, datapath, counters, configuration });
    const noteReload = (isSuccess: boolean) => this.shown.noteReload(isSuccess);
    this.changes = new Changes({ ...options, servers, serverHealth, datapath, events, noteReload });
  }

  private get configuration(): Configuration {
    return this.changes.configuration;
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
    await this.changes.readFile();
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
    this.changes.close();
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

  edit: DirectorApi['edit'] = (edits) => this.changes.edit(edits);
  setCheck: DirectorApi['setCheck'] = (service, check) => this.changes.setCheck(service, check);
  drain: DirectorApi['drain'] = (wanted, only, isDrained) => this.changes.drain(wanted, only, isDrained);
  plan: DirectorApi['plan'] = (file) => this.changes.plan(file);
  apply: DirectorApi['apply'] = (token) => this.changes.apply(token);
  reload = (): Promise<void> => this.changes.reload();

  /** Of a moment without edits under way: what the datapath has is what is configured. */
  explain(request: ExplainRequest): Promise<ExplainReply> {
    const { host } = this.options;
    const frame =
      'frame' in request
        ? new Uint8Array(Buffer.from(request.frame, 'hex'))
        : frameOf(request, parseMac(host.facts.mac)!);
    return this.changes.oneAtATime(async () => {
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

  private onDatapathStarted({ adopted }: StartAnswer): void {
    if (this.hasConfiguration || adopted === null) return;
    this.changes.adopt(configurationOf(adopted));
    this.hasConfiguration = this.adopted = true;
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
      void this.serverHealth.followWays().then(() => this.changes.followHealth());
    });
  }
}
