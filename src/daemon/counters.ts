/** What the datapath counts, as often as it is needed: what several look at in the same moment is read once. */
import type { CountersReport } from '../worker/messages.ts';
import { unpackServices } from '../worker/packed-counters.ts';
import type { Datapath } from './datapath.ts';

const FRESH_MS = 500;

export class Counters {
  private readonly datapath: Datapath;
  private last: CountersReport | undefined;
  private whole: { readonly atMs: number; readonly report: Promise<CountersReport | undefined> } | undefined;

  constructor(datapath: Datapath) {
    this.datapath = datapath;
  }

  /** Of frames and connections; services as they were read last. When the datapath does not answer, all as it was. */
  read(): Promise<CountersReport | undefined> {
    return this.ask(false);
  }

  /** With those of services. */
  readWhole(): Promise<CountersReport | undefined> {
    const report = this.ask(true);
    this.whole = { atMs: performance.now(), report };
    return report;
  }

  /** The same, or what was read a moment ago. */
  recentWhole(): Promise<CountersReport | undefined> {
    const { whole } = this;
    return whole !== undefined && performance.now() - whole.atMs < FRESH_MS ? whole.report : this.readWhole();
  }

  private async ask(services: boolean): Promise<CountersReport | undefined> {
    if (!this.datapath.isRunning) return this.last;
    try {
      const report = await this.datapath.request({ kind: 'read-counters', services });
      const counted = services ? unpackServices(report.services) : (this.last?.services ?? {});
      this.last = { ...report, services: counted };
    } catch {
      // what was known stands
    }
    return this.last;
  }
}
