/** What the views may do besides showing: given to each of them. */
import type { DrainQuestion } from '../state/drain.ts';
import type { ConnectionSearch } from '../state/route.ts';
import type { Samples } from '../state/samples.ts';
import type { Action } from '../state/state.ts';

export interface Ui {
  readonly samples: Samples;
  dispatch(action: Action): void;
  askDrain(question: DrainQuestion): void;
  /** `token`: as typed; null: the one that is kept. */
  confirmDrain(token: string | null): void;
  search(search: ConnectionSearch): void;
}
