/** `director top`: what is on the screen, by states and keys; at several sizes; drawn by ink. */
import { EventEmitter } from 'node:events';
import { render } from 'ink';
import { createElement } from 'react';
import { describe, expect, test } from 'vitest';
import { frameOf, frameText } from '../../../../src/cli/director/top/frame.ts';
import { Frame } from '../../../../src/cli/director/top/screen.ts';
import {
  type Effect,
  type Event,
  initialState,
  type KeyName,
  type Size,
  type State,
} from '../../../../src/cli/director/top/state.ts';
import { step } from '../../../../src/cli/director/top/step.ts';
import type { OverviewReply } from '../../../../src/control/protocol.ts';
import { overview, server, service } from './fake-overview.ts';

const SIZES: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 40, rows: 15 },
  { columns: 200, rows: 50 },
];
const [NORMAL, SMALL, LARGE] = SIZES as [Size, Size, Size];
const NOW_MS = 1_700_000_000_000;
const SERVERS = [
  server(1),
  server(2, { drained: true, weightInForce: 0 }),
  server(3, { state: 'down', cause: 'connection refused', weightInForce: 0 }),
];
const thousand = overview({ services: Array.from({ length: 1000 }, (_, index) => service(index + 1)) });

/** A top that is used: keys as they are typed, answers as they come. */
function top(reply: OverviewReply = overview(), size: Size = NORMAL) {
  let state: State = initialState(reply, size, NOW_MS);
  const effects: Effect[] = [];
  const take = (event: Event): void => {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects);
  };
  return {
    effects,
    take,
    type: (text: string) => [...text].forEach((each) => void take({ kind: 'key', key: { text: each } })),
    press: (...names: KeyName[]) => names.forEach((name) => void take({ kind: 'key', key: { name } })),
    answer: (changes: Partial<OverviewReply>) =>
      take({ kind: 'answer', overview: { ...state.overview, ...changes }, nowMs: NOW_MS + 1000 }),
    text: () => frameText(frameOf(state)),
    lines: () => frameText(frameOf(state)).split('\n'),
    /** The first cell of each row, and of the one with the cursor. */
    rows: () =>
      frameText(frameOf(state))
        .split('\n')
        .flatMap((line) => /^[> ] (tcp \S+|10\.1\S+|Drop\w+|Forward)/.exec(line)?.[1] ?? []),
    cursor: () => /^> (tcp \S+|\S+)/m.exec(frameText(frameOf(state)))?.[1],
    state: () => state,
  };
}

/** In the view of the servers of the first service. */
function topOfServers(size?: Size) {
  const used = top(overview(), size);
  used.press('enter');
  used.answer({ servers: SERVERS });
  return used;
}

describe('a frame', () => {
  test('at 80x24', () => {
    expect(`\n${top().text()}\n`).toMatchInlineSnapshot(`
      "
      director  eth0 up  xdp (native) running  for 2 h
      1234 conn/s  12.3k pkt/s  1.52M byte/s  1,234 of 1,048,576 connections
      2 drops/s, 120 in a minute  DropNoNeighbor 120
      Services  3  by connections/s
        SERVICE                    HEALTH       CONN/S  ACTIVE   PKT/S  BYTE/S   INACT
      > tcp 10.0.0.3:80            ok                3      21      30    3702       9
        tcp 10.0.0.2:80            ok                2      14      20    2468       6
        tcp 10.0.0.1:80            ok                1       7      10    1234       3













      tcp 10.0.0.3:80  wlc, 3 servers, 0 down, 0 drained
      q quit  ? help  Enter servers  / filter  s sort  r reverse  v frames
      "
    `);
  });

  test('of servers at 80x24', () => {
    const used = topOfServers();
    used.press('end');
    expect(`\n${used.text()}\n`).toMatchInlineSnapshot(`
      "
      director  eth0 up  xdp (native) running  for 2 h
      1234 conn/s  12.3k pkt/s  1.52M byte/s  1,234 of 1,048,576 connections
      2 drops/s, 120 in a minute  DropNoNeighbor 120
      Servers of tcp 10.0.0.3:80  3  by name
        SERVER               STATE      CONN/S  ACTIVE   PKT/S  BYTE/S   INACT  WEIGHT
        10.1.0.1:80          up              1       2      10    1234       1       1
        10.1.0.2:80          drained         2       4      20    2468       2     0/1
      > 10.1.0.3:80          down            3       6      30    3702       3     0/1













      10.1.0.3:80  down for 75 s: connection refused, weight 0 of 1
      q quit  ? help  d drain  u undrain  Esc back  / filter  s sort  v frames
      "
    `);
  });

  test('of servers at 40x15', () => {
    expect(`\n${topOfServers(SMALL).text()}\n`).toMatchInlineSnapshot(`
      "
      director  eth0 up  xdp (native) running…
      1234 conn/s  12.3k pkt/s  1.52M byte/s
      2 drops/s, 120 in a minute  DropNoNeigh…
      Servers of tcp 10.0.0.3:80  3  by name
        SERVER               STATE      CONN/S
      > 10.1.0.1:80          up              1
        10.1.0.2:80          drained         2
        10.1.0.3:80          down            3




      10.1.0.1:80  up for 75 s, weight 1, che…
      q quit  ? help  d drain  u undrain  Esc…
      "
    `);
  });

  const states = (size: Size): [string, State][] => {
    const away = top(thousand, size);
    away.take({
      kind: 'no-answer',
      reason: `no director answers on ${'x'.repeat(200)}`,
      nowMs: NOW_MS + 9000,
    });
    const help = top(thousand, size);
    help.type('?');
    const asks = topOfServers(size);
    asks.type('d');
    const frames = top(overview({ warnings: ['w'.repeat(300)] }), size);
    frames.type('v/Forw');
    return [
      ['1,000 services', top(thousand, size).state()],
      ['no services', top(overview({ services: [] }), size).state()],
      ['no answer', away.state()],
      ['help', help.state()],
      ['servers, with a question', asks.state()],
      ['frames, a long warning, a filter', frames.state()],
    ];
  };

  test.each([...SIZES, { columns: 20, rows: 6 }, { columns: 1, rows: 1 }])(
    'fits into $columns x $rows',
    (size) => {
      for (const [name, state] of states(size)) {
        const lines = frameText(frameOf(state)).split('\n');
        expect(lines.length, name).toBe(Math.max(1, size.rows - 1));
        for (const line of lines) expect(line.length, `${name}: ${line}`).toBeLessThanOrEqual(size.columns);
      }
    },
  );

  test('has more columns where there is room, and the last check of each server', () => {
    expect(top(overview(), SMALL).text()).not.toContain('BYTE/S');
    expect(top(overview(), LARGE).text()).toContain('SCHED');
    expect(topOfServers(LARGE).text()).toContain('connection refused, for 75 s');
  });

  test('names the states in words, for eyes and terminals without colours', () => {
    const used = topOfServers();
    for (const word of ['up', 'drained', 'down']) expect(used.text()).toContain(` ${word} `);
    const all = overview({
      services: [
        service(1, { down: 3 }),
        service(2, { down: 1 }),
        service(3, { drained: 1 }),
        service(4, { servers: 0 }),
      ],
    });
    for (const word of ['all down', '1 down', '1 drained', 'no servers'])
      expect(top(all).text()).toContain(word);
  });
});

describe('the cursor', () => {
  test('goes through a long list, which scrolls', () => {
    const used = top(thousand);
    used.press('end');
    expect(used.cursor()).toBe('tcp 10.0.0.1:80');
    expect(used.text()).toContain('985-1000 of 1000');
    used.press('page-up');
    expect(used.cursor()).toBe('tcp 10.0.0.17:80');
    used.press('home');
    expect(used.cursor()).toBe('tcp 10.0.3.232:80');
    used.type('jjk');
    expect(used.cursor()).toBe('tcp 10.0.3.231:80');
  });

  test('stays on its service when the order changes, and near its place when that goes', () => {
    const used = top();
    used.press('down');
    expect(used.cursor()).toBe('tcp 10.0.0.2:80');
    used.answer({ services: [service(1), service(2, { rates: service(9).rates }), service(3)] });
    expect(used.rows()[0]).toBe('tcp 10.0.0.2:80');
    expect(used.cursor()).toBe('tcp 10.0.0.2:80');
    used.answer({ services: [service(1), service(3)] });
    expect(used.cursor()).toBe('tcp 10.0.0.3:80');
  });

  test('is in sight after the terminal got smaller', () => {
    const used = top(thousand, LARGE);
    used.press('page-down');
    const at = used.cursor();
    used.take({ kind: 'resize', size: SMALL });
    expect(used.cursor()).toBe(at);
  });
});

describe('keys', () => {
  test('s and r sort', () => {
    const used = top();
    expect(used.rows()).toEqual(['tcp 10.0.0.3:80', 'tcp 10.0.0.2:80', 'tcp 10.0.0.1:80']);
    used.type('r');
    expect(used.rows()[0]).toBe('tcp 10.0.0.1:80');
    expect(used.text()).toContain('by connections/s, reversed');
    used.type('s');
    expect(used.text()).toContain('by active');
    used.type('SSS');
    expect(used.text()).toContain('by name');
    expect(used.rows()[0]).toBe('tcp 10.0.0.1:80');
  });

  test('/ filters while it is typed; Enter keeps, Esc takes it away', () => {
    const used = top(thousand);
    used.type('/0.2');
    used.type('00');
    expect(used.text()).toContain('filter: 0.200_');
    expect(used.rows()).toEqual(['tcp 10.0.0.200:80']);
    used.press('backspace', 'enter');
    expect(used.text()).toContain('with "0.20"');
    used.type('q');
    expect(used.effects).toEqual([{ kind: 'quit' }]);
    used.press('escape');
    expect(used.text()).toContain('of 1000');
    used.type('/nothing');
    expect(used.text()).toContain('none of 1000 matches "nothing"');
  });

  test('v shows drops by reason, and Esc goes back to where one was', () => {
    const used = topOfServers();
    used.type('v');
    expect(used.rows()).toEqual(['Forward', 'DropNoNeighbor']);
    used.press('escape');
    expect(used.text()).toContain('Servers of tcp 10.0.0.3:80');
    used.press('escape');
    expect(used.text()).toContain('Services  3');
  });

  test('Enter asks for the servers at once', () => {
    const used = top();
    used.press('enter');
    expect(used.effects).toEqual([{ kind: 'ask' }]);
    expect(used.state().service).toBe('tcp 10.0.0.3:80');
  });

  test('q and Ctrl-C quit', () => {
    const used = top();
    used.type('q');
    used.type('/');
    used.press('interrupt');
    expect(used.effects).toEqual([{ kind: 'quit' }, { kind: 'quit' }]);
  });
});

describe('draining', () => {
  test('asks, and is done after y only', () => {
    const used = topOfServers();
    used.effects.length = 0;
    used.type('d');
    expect(used.text()).toContain('Drain 10.1.0.1:80 of tcp 10.0.0.3:80: no new connections? [y/n]');
    used.type('x');
    expect(used.effects).toEqual([]);
    used.type('n');
    expect(used.text()).toContain('nothing was changed');
    used.type('dy');
    expect(used.effects).toEqual([
      {
        kind: 'drain',
        request: {
          server: { address: '10.1.0.1', port: 80 },
          service: { protocol: 'tcp', address: '10.0.0.3', port: 80 },
          drained: true,
        },
        text: '10.1.0.1:80 in tcp 10.0.0.3:80 takes no new connections',
      },
    ]);
    used.take({ kind: 'done', text: 'it is not so', isError: true });
    expect(used.text()).toContain('it is not so');
  });

  test('D and U mean the address in all services', () => {
    const used = topOfServers();
    used.effects.length = 0;
    used.press('down');
    used.type('UY');
    expect(used.effects).toMatchObject([{ request: { server: { address: '10.1.0.2' }, drained: false } }]);
    expect(used.effects[0]).not.toHaveProperty('request.service');
    expect(used.effects[0]).not.toHaveProperty('request.server.port');
  });

  test('is of servers: among services the key says so', () => {
    const used = top();
    used.type('d');
    expect(used.text()).toContain('Enter opens it');
    expect(used.effects).toEqual([]);
  });
});

describe('a daemon', () => {
  test('that is away is said to be, until it answers again', () => {
    const used = topOfServers();
    used.take({ kind: 'no-answer', reason: 'nothing listens there', nowMs: NOW_MS + 16_000 });
    expect(used.text()).toMatch(/no answer since \d\d:\d\d:\d\d, 15 s ago: nothing listens there/);
    expect(used.rows()).toHaveLength(3);
    used.answer({ servers: SERVERS });
    expect(used.text()).not.toContain('no answer');
  });

  test('that has the service no more leads back to the services', () => {
    const used = topOfServers();
    used.take({ kind: 'service-gone', service: 'tcp 10.0.0.3:80' });
    expect(used.text()).toContain('tcp 10.0.0.3:80 is gone');
    expect(used.text()).toContain('Services  3');
  });
});

describe('ink', () => {
  function drawn(state: State, hasColors: boolean): string {
    let output = '';
    const stdout = Object.assign(new EventEmitter(), {
      ...state.size,
      write: (text: string) => {
        output ||= text; // where CI is set it writes an empty line at its end
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
    const ink = render(createElement(Frame, { state, hasColors }), {
      stdout,
      debug: true,
      patchConsole: false,
    });
    ink.unmount();
    return output;
  }

  test.each(SIZES)('draws $columns x $rows as the frame has it', (size) => {
    const state = top(thousand, size).state();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences
    const plain = drawn(state, false).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
    expect(
      plain
        .split('\n')
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd(),
    ).toBe(frameText(frameOf(state)).trimEnd());
  });
});
