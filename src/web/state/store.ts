/** Holds the state. Whoever subscribes is told after each change. */
import { type Action, reduce, type State } from './state.ts';

export interface Store {
  readonly state: State;
  dispatch(action: Action): void;
  subscribe(listener: () => void): void;
}

export function createStore(first: State): Store {
  let state = first;
  const listeners: (() => void)[] = [];
  return {
    get state() {
      return state;
    },
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.push(listener);
    },
  };
}
