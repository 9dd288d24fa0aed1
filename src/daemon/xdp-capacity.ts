/** What the XDP datapath's maps hold at most: an edit that would need more is refused before anything changes. */
import { DirectorError } from '../errors.ts';
import { applyEdit, type Configuration, serviceKey } from '../service/configuration.ts';
import type { Edit, MarkRule } from '../service/model.ts';

/** Each source network of a rule is an entry; a rule without sources is one. */
export const MAX_MARK_ENTRIES = 8192;

export interface Capacity {
  readonly services: number;
  readonly servers: number;
}

/** applyEdit() for many edits in a row, without counting all anew for each. */
export class CapacityCheck {
  private readonly capacity: Capacity;
  private servers = 0;

  /** `configuration`: what the edits start from. */
  constructor(capacity: Capacity, { services }: Configuration) {
    this.capacity = capacity;
    for (const service of services.values()) this.servers += service.servers.length;
  }

  /** Throws like applyEdit(), or OUT_OF_RANGE with the limit and the option that raises it; nothing is changed then. */
  apply(configuration: Configuration, edit: Edit): Configuration {
    const { services } = configuration;
    if (edit.op === 'set-marks') checkMarks(edit.rules);
    if (edit.op === 'add-service' && !services.has(serviceKey(edit.service)))
      checkCount(services.size + 1, this.capacity.services, 'virtual services', '--max-services');
    if (edit.op === 'add-server')
      checkCount(this.servers + 1, this.capacity.servers, 'real servers', '--max-servers');
    const before = serversOf(edit, services);
    const next = applyEdit(configuration, edit);
    this.servers = edit.op === 'flush' ? 0 : this.servers + serversOf(edit, next.services) - before;
    return next;
  }
}

/** How many the edit's service has. */
function serversOf(edit: Edit, services: Configuration['services']): number {
  const service = 'service' in edit ? edit.service : undefined;
  return service === undefined ? 0 : (services.get(serviceKey(service))?.servers.length ?? 0);
}

function checkMarks(rules: readonly MarkRule[]): void {
  const entries = rules.reduce((sum, { sources }) => sum + (sources?.length ?? 1), 0);
  if (entries <= MAX_MARK_ENTRIES) return;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `the rules of firewall marks have ${entries} combinations of rule and source; the xdp datapath holds ${MAX_MARK_ENTRIES}`,
  );
}

function checkCount(count: number, limit: number, what: string, option: string): void {
  if (count <= limit) return;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `the xdp datapath was started for at most ${limit} ${what}; start the director with a larger ${option}`,
    { limit, option },
  );
}
