/** What the director shows of itself: replies made of what is configured, counted, checked and noted. Changes nothing. */
import { setImmediate as pause } from 'node:timers/promises';
import { Beat } from '../beat.ts';
import type { Watch } from '../control/api.ts';
import { listServices } from '../control/listing.ts';
import type {
  HealthReply,
  HistoryReply,
  MarksReply,
  OverviewReply,
  ServicesReply,
  SettingsReply,
  StatusReply,
  SummaryReply,
} from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { readNeighborLimits } from '../host/neighbor-limit.ts';
import { Feed } from '../observe/feed.ts';
import type { History } from '../observe/history.ts';
import { serverOverviews, serviceOverview, sumOfRates } from '../observe/overview.ts';
import type { Reload } from '../observe/scrape.ts';
import { pick } from '../observe/summary.ts';
import { dropsOf, VerdictMinute } from '../observe/verdict-minute.ts';
import type { Configuration } from '../service/configuration.ts';
import { SETTING_NAMES, SETTINGS } from '../service/settings.ts';
import type { CountersReport } from '../worker/messages.ts';
import type { Counters } from './counters.ts';
import type { Datapath } from './datapath.ts';
import { listHealth, listServiceHealth } from './health-listing.ts';
import type { HostInterface } from './host-interface.ts';
import type { ServerHealth } from './server-health.ts';
import type { ServerWatch } from './server-watch.ts';
import { listNeighbor, listState, summarizeService } from './status-listing.ts';
import { warningsOf } from './warnings.ts';

const SAMPLE_INTERVAL_MS = 1000;
/** While no frame comes and nobody looks. */
const QUIET_INTERVAL_MS = 5000;
/** Per second of less than this says little. */
const MIN_SAMPLE_INTERVAL_MS = 500;
/** In an overview, which is asked for each second. */
const MAX_WARNINGS = 100;

export interface ShownOptions {
  readonly host: HostInterface;
  readonly datapath: Datapath;
  readonly counters: Counters;
  readonly servers: ServerWatch;
  readonly serverHealth: ServerHealth;
  readonly history: History;
  readonly configuration: () => Configuration;
  /** Processes of the datapath. */
  readonly workers: number;
  /** So many servers have metrics of their own; if there are more, none has. */
  readonly metricsServers: number;
}

export class Shown {
  private readonly options: ShownOptions;
  private readonly counters: Counters;
  private readonly feed: Feed;
  private readonly minute = new VerdictMinute();
  private readonly startedMs = performance.now();
  private reload: Reload | undefined;
  private scraping: Promise<string> | undefined;
  private sampling: Beat | undefined;
  private isSampling = false;
  private notedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ShownOptions) {
    this.options = options;
    this.counters = options.counters;
    this.feed = new Feed({ history: options.history, overview: (service) => this.overviewWith(service) });
  }

  /** From now on frames are sampled, and those who watch are told. */
  start(): void {
    this.sampling = new Beat(SAMPLE_INTERVAL_MS, () => void this.sample());
    void this.sample();
  }

  close(): void {
    this.sampling?.end();
    this.feed.close();
  }

  async services(): Promise<ServicesReply> {
    const counters = await this.counters.readWhole();
    const { timeouts, syncDaemons } = this.configuration;
    const services = listServices(this.configuration, counters?.services ?? {});
    return { connectionTableSize: this.options.datapath.tableSize, timeouts, syncDaemons, services };
  }

  async status(): Promise<StatusReply> {
    const { servers } = this.options;
    const counters = await this.counters.read();
    return {
      ...listState(this.options, counters, this.uptimeSec),
      verdicts: counters?.verdicts ?? {},
      neighbors: servers.list().map((neighbor) => listNeighbor(neighbor, servers)),
      warnings: this.warnings(),
    };
  }

  /** Listings are made of what is shown alone. */
  async summary(): Promise<SummaryReply> {
    const { servers, serverHealth } = this.options;
    const counters = await this.counters.readWhole();
    this.note(counters);
    const { services } = this.configuration;
    const picked = pick({
      services: [...services.values()],
      neighbors: servers.list(),
      warnings: this.warnings(),
    });
    const frames = this.minute.list();
    return {
      ...listState(this.options, counters, this.uptimeSec),
      rates: sumOfRates([...services.keys()].flatMap((key) => counters?.services[key] ?? [])),
      frames,
      drops: dropsOf(frames),
      services: picked.services.map((each) => summarizeService(each, counters, serverHealth)),
      neighbors: picked.neighbors.map((neighbor) => listNeighbor(neighbor, servers)),
      warnings: picked.warnings,
      more: picked.more,
    };
  }

  health(): HealthReply {
    return listHealth(this.configuration, this.options.serverHealth);
  }

  settings(): SettingsReply {
    const { settings } = this.configuration;
    return {
      settings: SETTING_NAMES.map((name) => ({
        name,
        value: settings[name],
        default: SETTINGS[name].default,
        meaning: SETTINGS[name].meaning,
      })),
    };
  }

  marks(): MarksReply {
    return { rules: this.configuration.marks };
  }

  history(after: number | undefined, limit: number): HistoryReply {
    return { entries: this.options.history.list(after, limit) };
  }

  async overview(service: string | undefined): Promise<OverviewReply> {
    this.requireService(service);
    return this.overviewWith(service);
  }

  watch(service: string | undefined, wake: () => void): Watch {
    this.requireService(service);
    if (this.sampling !== undefined) this.sampling.periodMs = SAMPLE_INTERVAL_MS;
    return this.feed.watch(service, wake);
  }

  /** Those who ask at the same time get the same. */
  metrics(): Promise<string> {
    this.scraping ??= this.scrape().finally(() => {
      this.scraping = undefined;
    });
    return this.scraping;
  }

  /** The file was read again. */
  noteReload(isSuccess: boolean): void {
    const succeededMs = isSuccess ? Date.now() : (this.reload?.succeededMs ?? 0);
    this.reload = { isSuccess, succeededMs };
  }

  warnings(): string[] {
    const { host, servers, workers } = this.options;
    const trouble = { stuckOffloads: host.stuckOffloads, limits: readNeighborLimits() };
    return warningsOf(this.configuration, servers.list(), workers, trouble);
  }

  private get configuration(): Configuration {
    return this.options.configuration();
  }

  private get uptimeSec(): number {
    return Math.floor((performance.now() - this.startedMs) / 1000);
  }

  private requireService(key: string | undefined): void {
    if (key === undefined || this.configuration.services.has(key)) return;
    throw new DirectorError(
      'SERVICE_NOT_FOUND',
      `there is no virtual service ${JSON.stringify(key)}; its key is as /v1/overview has it, such as "tcp 10.0.0.100:80"`,
    );
  }

  /** A datapath that answers late is not asked twice. */
  private async sample(): Promise<void> {
    if (this.isSampling) return;
    this.isSampling = true;
    const isWatched = this.feed.watcherCount > 0;
    const counters = await (isWatched ? this.counters.recentWhole() : this.counters.read());
    this.note(counters);
    await this.feed.tellAll();
    this.isSampling = false;
  }

  /** What was counted until now. */
  private note(counters: CountersReport | undefined): void {
    if (counters === undefined || this.sampling === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.notedMs < MIN_SAMPLE_INTERVAL_MS) return;
    this.notedMs = nowMs;
    const isMoving = this.minute.add(counters.verdicts, nowMs);
    const isLively = isMoving || this.feed.watcherCount > 0;
    this.sampling.periodMs = isLively ? SAMPLE_INTERVAL_MS : QUIET_INTERVAL_MS;
  }

  /** The code is loaded when somebody asks for it. Between the parts, which take a while of many servers, others are answered. */
  private async scrape(): Promise<string> {
    const { renderMetrics } = await import('../observe/exposition.ts');
    const { services } = await this.services();
    await pause();
    const status = await this.status();
    await pause();
    const health = this.health();
    await pause();
    const { reload } = this;
    return renderMetrics({ status, services, health, reload, maxServers: this.options.metricsServers });
  }

  /** One that was watched and is no longer there has no servers. */
  private async overviewWith(key: string | undefined): Promise<OverviewReply> {
    const { host, datapath, serverHealth } = this.options;
    const counters = await this.counters.recentWhole();
    this.note(counters);
    const { name, mode, state, restarts } = datapath.describe();
    const listings = listServices(this.configuration, counters?.services ?? {});
    const services = listings.map(serviceOverview);
    const index = services.findIndex((service) => service.key === key);
    const configured = key === undefined ? undefined : this.configuration.services.get(key);
    const verdicts = this.minute.list();
    return {
      timeMs: Date.now(),
      uptimeSec: this.uptimeSec,
      interface: { name: host.name, up: host.state?.up ?? false },
      datapath: { name, mode, state, restarts },
      connections: counters?.connections ?? { live: 0, capacity: datapath.tableSize },
      rates: sumOfRates(services),
      verdicts,
      drops: dropsOf(verdicts),
      services,
      servers:
        configured === undefined
          ? []
          : serverOverviews(listings[index]!, listServiceHealth(configured, serverHealth)),
      warnings: firstOf(this.warnings()),
    };
  }
}

function firstOf(warnings: readonly string[]): readonly string[] {
  const more = warnings.length - MAX_WARNINGS;
  return more <= 0 ? warnings : [...warnings.slice(0, MAX_WARNINGS), `and ${more} warnings more`];
}
