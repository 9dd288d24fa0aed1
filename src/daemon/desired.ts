/** All that people configure, of one moment or of one file. */
import type { Configuration } from '../service/configuration.ts';
import type { Policies } from './server-health.ts';

export interface Desired {
  /** As configured: without what the daemon says of servers. */
  readonly configuration: Configuration;
  readonly policies: Policies;
}
