/** What one command line asks for, after all of ipvsadm's checks: the value between parse.ts and run.ts. */
import type { Edit, ServiceAddress } from '../../service/model.ts';

/** Which columns a list of services has; ipvsadm's first match in this order: stats, rate, thresholds, … */
export type ListView = 'plain' | 'stats' | 'rate' | 'thresholds' | 'persistent-conn' | 'tun-info';

export interface ListServices {
  readonly kind: 'list-services';
  readonly view: ListView;
  /** One service only, without the version line. */
  readonly service?: ServiceAddress;
  readonly numeric: boolean;
  readonly exact: boolean;
  readonly sorted: boolean;
}

export type Command =
  | { readonly kind: 'edit'; readonly edit: Edit }
  | ListServices
  /** `engineColumns`: with the two columns that persistence engines fill. */
  | { readonly kind: 'list-connections'; readonly numeric: boolean; readonly engineColumns: boolean }
  | { readonly kind: 'list-timeouts' }
  | { readonly kind: 'list-sync-daemons' }
  | { readonly kind: 'save'; readonly numeric: boolean }
  | { readonly kind: 'restore' }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };
