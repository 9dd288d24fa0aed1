/** One run of the traffic: a path with one choice of schedulers, and what is taken down of it. */

import type { CapturedFrame } from '../capture-file/captured-frame.ts';
import { renderEndpoint } from '../control/endpoint.ts';
import type { Verdict } from '../datapath/verdict.ts';
import type { ServiceAddress } from '../service/model.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { BalanceHistory } from './balance-history.ts';
import { imbalanceOf } from './imbalance.ts';
import { type OfflineOptions, OfflinePath } from './offline-path.ts';
import type { RunReport, ServiceHistory, ServiceReport } from './report.ts';

export interface RunOptions extends OfflineOptions {
  /** Null: as configured. */
  readonly scheduler: string | null;
  readonly keepsHistory: boolean;
}

export class Run {
  readonly offline: OfflinePath;
  private readonly scheduler: string | null;
  private readonly services: readonly VirtualService[];
  private readonly history: BalanceHistory | undefined;

  constructor(options: RunOptions) {
    this.offline = new OfflinePath({ ...options, onSecond: (elapsedMs) => this.takeDown(elapsedMs) });
    this.scheduler = options.scheduler;
    this.services = [...this.offline.path.services.services];
    const servers = this.services.flatMap((service) => configuredOrder(service));
    if (options.keepsHistory) this.history = new BalanceHistory(servers);
  }

  handle(frame: CapturedFrame, elapsedMs: number): Verdict {
    this.offline.advance(elapsedMs);
    this.takeDown(elapsedMs);
    return this.offline.handle(frame, elapsedMs);
  }

  private takeDown(elapsedMs: number): void {
    if (this.history?.isDue(elapsedMs) === true) this.history.takeDown(elapsedMs);
  }

  report(): RunReport {
    const history = this.history?.finish();
    let first = 0;
    const services = this.services.map((service) => {
      const report = serviceReport(service);
      const of = history?.servers.slice(first, first + report.servers.length);
      first += report.servers.length;
      return of === undefined ? report : { ...report, history: historyOf(history!.timesMs, of) };
    });
    const { verdicts } = this.offline.session.readCounters();
    return { scheduler: this.scheduler, verdicts, sentFrames: this.offline.sentFrames, services };
  }
}

function historyOf(
  timesMs: readonly number[],
  servers: ReturnType<BalanceHistory['finish']>['servers'],
): ServiceHistory {
  const isRemembered = servers.some(({ open }) => open.some((count) => count > 0));
  const counts = isRemembered ? 'open' : 'given';
  return { timesMs, counts, servers: servers.map((server) => server[counts]) };
}

/** The path lists the one that was added last first. */
const configuredOrder = ({ listed }: VirtualService) => listed.toReversed();

function serviceReport(service: VirtualService): ServiceReport {
  const { address, options, traffic } = service;
  const servers = configuredOrder(service).map((server) => ({
    server: server.address.address,
    weight: server.weight,
    connections: server.traffic.connections,
    packets: server.traffic.inPackets,
    bytes: server.traffic.inBytes,
  }));
  return {
    service: serviceName(address),
    scheduler: options.scheduler,
    connections: traffic.connections,
    packets: traffic.inPackets,
    bytes: traffic.inBytes,
    imbalance: imbalanceOf(servers) ?? null,
    servers,
  };
}

const serviceName = (service: ServiceAddress): string =>
  'fwmark' in service
    ? `mark ${service.fwmark}${service.family === 6 ? ' IPv6' : ''}`
    : `${service.protocol} ${renderEndpoint(service)}`;
