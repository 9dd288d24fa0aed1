/** What `director top` knows and shows at one moment. Keys and answers make the next one: step.ts. */
import type { DrainRequest, OverviewReply } from '../../../control/protocol.ts';
import type { ServerAddress, ServiceAddress } from '../../../service/model.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** frames: what became of them, by verdict. */
export type View = 'services' | 'servers' | 'frames';

export interface State {
  readonly size: Size;
  readonly nowMs: number;
  readonly overview: OverviewReply;
  /** When it came. */
  readonly answeredMs: number;
  /** Why there is none since; null: there is. */
  readonly failure: string | null;
  readonly view: View;
  /** serviceKey() of the one whose servers are shown; also asked for while another view lies over it. */
  readonly service: string | null;
  /** Of each view: the row with the cursor, by its key, and the first one that is in sight. */
  readonly places: Readonly<Record<View, Place>>;
  readonly sorts: Readonly<Record<View, Sort>>;
  readonly filter: string;
  readonly isTypingFilter: boolean;
  readonly isHelp: boolean;
  readonly question: Question | null;
  /** What came of the last key, until the next one. */
  readonly notice: { readonly text: string; readonly isError: boolean } | null;
}

export interface Place {
  readonly key: string | null;
  /** Where the row was, for when it is gone. */
  readonly index: number;
  readonly offset: number;
}

export interface Sort {
  /** A column's id. */
  readonly by: string;
  readonly isReversed: boolean;
}

/** To drain a server, or to take it back. */
export interface Question {
  readonly drained: boolean;
  readonly server: ServerAddress;
  /** Null: in all services. */
  readonly service: ServiceAddress | null;
}

export type Event =
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: 'resize'; readonly size: Size }
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** `service`: for which it was asked. */
  | { readonly kind: 'answer'; readonly overview: OverviewReply; readonly nowMs: number }
  | { readonly kind: 'no-answer'; readonly reason: string; readonly nowMs: number }
  | { readonly kind: 'service-gone'; readonly service: string }
  | { readonly kind: 'done'; readonly text: string; readonly isError: boolean };

/** A printable character, or one of these. */
export type Key = { readonly text: string } | { readonly name: KeyName };

export type KeyName =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt';

/** What has to be done outside. `ask`: do not wait for the next interval. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'drain'; readonly request: DrainRequest; readonly text: string };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

const TOP: Place = { key: null, index: 0, offset: 0 };

export const initialState = (overview: OverviewReply, size: Size, nowMs: number): State => ({
  size,
  nowMs,
  overview,
  answeredMs: nowMs,
  failure: null,
  view: 'services',
  service: null,
  places: { services: TOP, servers: TOP, frames: TOP },
  sorts: {
    services: { by: 'connections/s', isReversed: false },
    servers: { by: 'name', isReversed: false },
    frames: { by: 'frames/s', isReversed: false },
  },
  filter: '',
  isTypingFilter: false,
  isHelp: false,
  question: null,
  notice: null,
});
