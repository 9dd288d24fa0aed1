/** What the datapath process is to the daemon, whichever datapath it drives: main.ts hands requests on to one of these. */

import type { CaptureWish } from '../capture/wish.ts';
import type { CaptureLine } from './capture-line.ts';
import type { CountersReport, HostFacts, Notice, StartAnswer } from './messages.ts';
import type { DatapathSession } from './session.ts';

export interface WorkerDatapath {
  readonly session: DatapathSession;
  readonly started: StartAnswer;
  /** Before each request: what is asked and changed holds for now. */
  tick(): void;
  /** After edits, and when a real server turns out to be this host. */
  afterChanges(): void;
  setHost(host: HostFacts, interfaceIndex: number): void;
  readCounters(withServices: boolean): CountersReport;
  /** All that is captured from now on. Throws CAPTURE_UNAVAILABLE, and forwards all the same. */
  followCaptures(wishes: readonly CaptureWish[], line: CaptureLine): void;
  /** Takes away what would outlive the process. */
  remove(): void;
  /** The daemon is gone. True: it goes on in this process; false: not, or it does so without one. */
  goOnAlone(): boolean;
  /** Lets go of what it holds; what would outlive the process does. */
  close(): void;
}

/** What a datapath asks of the process around it. */
export interface WorkerLine {
  notice(notice: Notice): void;
  /** For one under whose load the event loop does not run: takes in what the daemon has sent. */
  poll(): void;
}
