/** What a key or an answer makes of the state. Pure: what has to be done outside comes back as effects. */
import { renderEndpoint } from '../../../control/endpoint.ts';
import { COLUMN_IDS } from './columns.ts';
import { rowsInSight } from './frame-size.ts';
import { selectedIn, selectedServer, tableOf } from './rows.ts';
import type { Effect, Event, Key, KeyName, Place, Question, State, Step } from './state.ts';

const QUIT: Effect = { kind: 'quit' };
const ASK: Effect = { kind: 'ask' };

export function step(state: State, event: Event): Step {
  const { state: next, effects } = take(state, event);
  return { state: settled(next), effects };
}

function take(state: State, event: Event): Step {
  switch (event.kind) {
    case 'key':
      return takeKey({ ...state, notice: null }, event.key);
    case 'resize':
      return only({ ...state, size: event.size });
    case 'tick':
      return only({ ...state, nowMs: event.nowMs });
    case 'answer':
      return only({
        ...state,
        overview: event.overview,
        nowMs: event.nowMs,
        answeredMs: event.nowMs,
        failure: null,
      });
    case 'no-answer':
      return only({ ...state, nowMs: event.nowMs, failure: event.reason });
    case 'service-gone':
      if (event.service !== state.service) return only(state);
      return only({
        ...state,
        view: 'services',
        service: null,
        question: null,
        notice: { text: `${event.service} is gone`, isError: true },
      });
    case 'done':
      return { state: { ...state, notice: { text: event.text, isError: event.isError } }, effects: [ASK] };
  }
}

const only = (state: State): Step => ({ state, effects: [] });

function takeKey(state: State, key: Key): Step {
  const name = 'name' in key ? key.name : null;
  const text = 'text' in key ? key.text : '';
  if (name === 'interrupt') return { state, effects: [QUIT] };
  if (state.question !== null) return answerQuestion(state, state.question, text, name);
  if (state.isTypingFilter) return only(typeFilter(state, text, name));
  if (state.isHelp) return only({ ...state, isHelp: false });
  if (name !== null) return takeNamedKey(state, name);
  return takeLetter(state, text);
}

function takeNamedKey(state: State, name: KeyName): Step {
  const page = rowsInSight(state);
  switch (name) {
    case 'up':
      return only(moved(state, -1));
    case 'down':
      return only(moved(state, 1));
    case 'page-up':
      return only(moved(state, -page));
    case 'page-down':
      return only(moved(state, page));
    case 'home':
      return only(moved(state, Number.NEGATIVE_INFINITY));
    case 'end':
      return only(moved(state, Number.POSITIVE_INFINITY));
    case 'enter':
    case 'right':
      return entered(state);
    case 'escape':
    case 'left':
    case 'backspace':
      return only(left(state));
    default:
      return only(state);
  }
}

function takeLetter(state: State, text: string): Step {
  switch (text) {
    case 'q':
      return { state, effects: [QUIT] };
    case 'k':
      return only(moved(state, -1));
    case 'j':
      return only(moved(state, 1));
    case 'g':
      return only(moved(state, Number.NEGATIVE_INFINITY));
    case 'G':
      return only(moved(state, Number.POSITIVE_INFINITY));
    case '?':
    case 'h':
      return only({ ...state, isHelp: true });
    case '/':
      return only({ ...state, isTypingFilter: true });
    case 's':
      return only(sortedByNext(state, 1));
    case 'S':
      return only(sortedByNext(state, -1));
    case 'r':
      return only(
        withSort(state, { ...state.sorts[state.view], isReversed: !state.sorts[state.view].isReversed }),
      );
    case 'v':
      return only({
        ...state,
        view: state.view !== 'frames' ? 'frames' : state.service === null ? 'services' : 'servers',
      });
    case 'd':
    case 'D':
      return only(asked(state, true, text === 'D'));
    case 'u':
    case 'U':
      return only(asked(state, false, text === 'U'));
    default:
      return only(state);
  }
}

// Views ---------------------------------------------------------------------------------------------------------

/** Into the service with the cursor; its servers come with the next answer. */
function entered(state: State): Step {
  if (state.view !== 'services') return only(state);
  const service = selectedIn(state, tableOf(state)) as { readonly key: string } | undefined;
  if (service === undefined) return only(state);
  const places = {
    ...state.places,
    services: { ...state.places.services, key: service.key },
    servers: { key: null, index: 0, offset: 0 },
  };
  const overview = { ...state.overview, servers: [] };
  return {
    state: { ...state, overview, view: 'servers', service: service.key, places, filter: '' },
    effects: [ASK],
  };
}

/** One thing back: the filter first, then the view. */
function left(state: State): State {
  if (state.filter !== '') return { ...state, filter: '' };
  if (state.view === 'frames' && state.service !== null) return { ...state, view: 'servers' };
  return { ...state, view: 'services', service: null };
}

function typeFilter(state: State, text: string, name: KeyName | null): State {
  if (name === 'enter') return { ...state, isTypingFilter: false };
  if (name === 'escape') return { ...state, isTypingFilter: false, filter: '' };
  if (name === 'backspace') return { ...state, filter: state.filter.slice(0, -1) };
  if (name === 'up' || name === 'down') return moved(state, name === 'up' ? -1 : 1);
  return { ...state, filter: state.filter + text };
}

function sortedByNext(state: State, by: 1 | -1): State {
  const ids = COLUMN_IDS[state.view];
  const at = ids.indexOf(state.sorts[state.view].by) + by;
  return withSort(state, { by: ids[(at + ids.length) % ids.length]!, isReversed: false });
}

const withSort = (state: State, sort: State['sorts'][State['view']]): State => ({
  ...state,
  sorts: { ...state.sorts, [state.view]: sort },
});

// Cursor --------------------------------------------------------------------------------------------------------

function moved(state: State, by: number): State {
  const { rows, keyOf } = tableOf(state);
  const index = Math.max(0, Math.min(rows.length - 1, state.places[state.view].index + by));
  const row = rows[index];
  return row === undefined
    ? state
    : withPlace(state, { ...state.places[state.view], index, key: keyOf(row) });
}

const withPlace = (state: State, place: Place): State => ({
  ...state,
  places: { ...state.places, [state.view]: place },
});

/** The cursor stays on its row, wherever that has gone, and in sight. */
function settled(state: State): State {
  const { rows, keyOf } = tableOf(state);
  const { key, index, offset } = state.places[state.view];
  const found = key === null ? -1 : rows.findIndex((row) => keyOf(row) === key);
  const at = found >= 0 ? found : Math.max(0, Math.min(index, rows.length - 1));
  const height = rowsInSight(state);
  const top = Math.max(0, Math.min(Math.max(offset, at - height + 1), at, rows.length - height));
  return withPlace(state, { key, index: at, offset: Math.max(0, top) });
}

// Draining ------------------------------------------------------------------------------------------------------

function asked(state: State, drained: boolean, isEverywhere: boolean): State {
  const row = selectedServer(state);
  const service = state.overview.services.find(({ key }) => key === state.service)?.service;
  if (row === undefined || service === undefined) {
    const text = 'servers are drained in the view of their service: Enter opens it';
    return { ...state, notice: { text, isError: true } };
  }
  return { ...state, question: { drained, server: row.server, service: isEverywhere ? null : service } };
}

function answerQuestion(state: State, question: Question, text: string, name: KeyName | null): Step {
  if (text === 'y' || text === 'Y') {
    const { drained, server, service } = question;
    const at = service === null ? { address: server.address } : server;
    const where = service === null ? 'all services' : state.service;
    return {
      state: { ...state, question: null },
      effects: [
        {
          kind: 'drain',
          request: { server: at, drained, ...(service === null ? {} : { service }) },
          text: `${renderEndpoint(at)} in ${where} ${drained ? 'takes no new connections' : 'takes connections again'}`,
        },
      ],
    };
  }
  if (text === 'n' || text === 'N' || text === 'q' || name === 'escape' || name === 'enter')
    return only({ ...state, question: null, notice: { text: 'nothing was changed', isError: false } });
  return only(state);
}
