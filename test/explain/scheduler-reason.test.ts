/** Why a server was chosen, in the terms of each scheduler, and that it is the one which the path then takes. */
import { expect, test } from 'vitest';
import { explain } from '../../src/explain/explain.ts';
import { KNOWS_A_FILE } from '../../src/explain/knowledge.ts';
import { schedulers } from '../../src/schedule/registry.ts';
import type { ServiceOptions } from '../../src/service/model.ts';
import { addServer, addService, editServer, serviceAddress } from '../helpers/edits.ts';
import { ACK, eth, FIN, SYN } from '../helpers/frame-builder.ts';
import { VIP } from '../helpers/sample-frames.ts';
import { MAC_OF, TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';
const C = '10.0.0.13:80';

const syn = (client = '192.0.2.9', port = 4000) => eth().ipv4(client, VIP).tcp(port, 80, SYN).bytes();

/** A weighs 1, B 3, C 2; added in this order, so that C comes first. */
function directorWith(scheduler: string, options: Partial<ServiceOptions> = {}): TestDirector {
  return new TestDirector([
    addService(WEB, { scheduler, ...options }),
    addServer(WEB, A, { weight: 1 }),
    addServer(WEB, B, { weight: 3 }),
    addServer(WEB, C, { weight: 2 }),
  ]);
}

function setLoad(director: TestDirector, loads: Readonly<Record<string, readonly [number, number]>>): void {
  for (const server of director.path.services.get(serviceAddress(WEB))!.servers) {
    const [active, inactive] = loads[`${server.address.address}:80`] ?? [0, 0];
    Object.assign(server, { activeConnections: active, inactiveConnections: inactive });
  }
}

/** What is said of step 4, and what is compared. The path does the same. */
function explained(director: TestDirector, frame = syn()) {
  const { verdict, server, steps, candidates } = explain(director.session.excerptFor(frame), frame, {
    ...KNOWS_A_FILE,
    datapath: 'pcap',
  });
  const handled = director.handle(frame);
  expect(handled.verdict).toBe(verdict);
  const mac = Buffer.from(handled.sent[0]!.subarray(0, 6)).toString('hex');
  if (server !== null) expect(mac).toBe(MAC_OF[server.address]!.replaceAll(':', ''));
  const { text = '', details = [] } = steps.find(({ step }) => step === 'schedule') ?? {};
  return {
    why: text,
    rule: details.at(-1),
    compared: candidates.map(({ server: { address }, value }) => `${address.at(-1)}: ${value}`),
  };
}

test('rr: whose turn it was, and whose it is', () => {
  const director = directorWith('rr');
  expect(explained(director).why).toBe('nobody had a turn yet; the next that is available is 10.0.0.13:80');
  director.edit(editServer(WEB, B, { weight: 0 }));
  expect(explained(director, syn('192.0.2.10')).why).toBe(
    '10.0.0.13:80 had the last turn; the next that is available is 10.0.0.11:80',
  );
});

test('wrr: the current weight, and how it falls', () => {
  const director = directorWith('wrr');
  expect(explained(director, syn('192.0.2.1')).why).toBe(
    'a pass begins, the current weight is 1: the next is 10.0.0.13:80',
  );
  director.handle(syn('192.0.2.2'));
  director.handle(syn('192.0.2.3'));
  const { why, rule } = explained(director);
  expect(why).toBe(
    '10.0.0.11:80 had the last turn, the current weight goes from 1 to 3: the next is 10.0.0.12:80',
  );
  expect(rule).toContain('each pass takes those whose weight is at least the current weight');
});

test('lc: load without weight', () => {
  const director = directorWith('lc');
  setLoad(director, { [A]: [1, 0], [B]: [0, 9], [C]: [2, 3] });
  expect(explained(director)).toMatchObject({
    why: '10.0.0.12:80 has the lowest load',
    compared: ['3: 517', '2: 9', '1: 257'],
  });
});

test('wlc: load for weight', () => {
  const director = directorWith('wlc');
  setLoad(director, { [A]: [1, 0], [B]: [2, 1], [C]: [2, 0] });
  expect(explained(director)).toMatchObject({
    why: '10.0.0.12:80 has the lowest load for its weight',
    compared: ['3: 514/2 = 257', '2: 515/3 = 171.667', '1: 257/1 = 257'],
  });
});

test('wlc: equal ones, and one that is alone', () => {
  expect(explained(directorWith('wlc')).why).toBe(
    '10.0.0.13:80 has the lowest load for its weight; of several that are equal the one added last',
  );
  const director = directorWith('wlc');
  director.edit(editServer(WEB, B, { weight: 0 }), editServer(WEB, C, { weight: 2, failed: true }));
  expect(explained(director)).toMatchObject({
    why: '10.0.0.11:80 is the only one that is available',
    compared: ['2: -', '1: 0/1 = 0', '3: null'],
  });
});

test('sed: active connections and the new one', () => {
  const director = directorWith('sed');
  setLoad(director, { [A]: [0, 0], [B]: [1, 0], [C]: [2, 0] });
  expect(explained(director)).toMatchObject({
    why: '10.0.0.12:80 has the lowest expected delay',
    compared: ['3: 3/2 = 1.5', '2: 2/3 = 0.667', '1: 1/1 = 1'],
  });
});

test('nq: who is idle, else as sed', () => {
  const director = directorWith('nq');
  setLoad(director, { [A]: [0, 5], [B]: [1, 0], [C]: [2, 0] });
  expect(explained(director).why).toBe('10.0.0.11:80 is the first that has no active connection');
  setLoad(director, { [A]: [1, 0], [B]: [1, 0], [C]: [2, 0] });
  expect(explained(director, syn('192.0.2.10')).why).toBe('10.0.0.12:80 has the lowest expected delay');
});

test('fo: weight', () => {
  expect(explained(directorWith('fo'))).toMatchObject({
    why: '10.0.0.12:80 has the highest weight',
    compared: ['3: 2', '2: 3', '1: 1'],
  });
});

test('ovf: weight, of those that are not full', () => {
  const director = directorWith('ovf');
  setLoad(director, { [B]: [4, 0] });
  expect(explained(director)).toMatchObject({
    why: '10.0.0.13:80 has the highest weight of those that are not full',
    compared: ['3: 2', '2: -', '1: 1'],
  });
});

test('sh: the slot of the client, and what its fallback does', () => {
  const { why } = explained(directorWith('sh'));
  const owner = /^the client's address names slot \d+, which is that of (\S+)$/.exec(why)?.[1];
  expect(owner, why).toBeDefined();
  const director = directorWith('sh', { schedulerFlags: 8 | 16 });
  setLoad(director, {});
  for (const server of [A, B, C]) director.edit(editServer(WEB, server, { weight: server === A ? 1 : 0 }));
  const fallen = Array.from(
    { length: 20 },
    (_, port) => explained(director, syn('192.0.2.9', 5000 + port)).why,
  );
  expect(
    fallen.some((each) =>
      /address and port name slot \d+, which is that of \S+, which takes no new connection; by the fallback flag the search went on to 10\.0\.0\.11:80$/.test(
        each,
      ),
    ),
  ).toBe(true);
});

test('mh: the slot of the client', () => {
  expect(explained(directorWith('mh')).why).toMatch(
    /^the client's address names slot \d+, which is that of 10\.0\.0\.1\d:80$/,
  );
});

test('dh: the number of the virtual address', () => {
  expect(explained(directorWith('dh')).why).toMatch(
    /^the address falls on number \d+, and \d+ mod 3 is \d: 10\.0\.0\.1\d:80$/,
  );
});

test.each(['lblc', 'lblcr'])('%s: what it remembers for the address', (scheduler) => {
  const director = directorWith(scheduler);
  setLoad(director, { [A]: [1, 0], [B]: [2, 1], [C]: [2, 0] });
  expect(explained(director).why).toBe(
    'nothing is remembered for this address: 10.0.0.12:80 has the lowest load for its weight',
  );
  director.wait(3);
  expect(explained(director, syn('192.0.2.10')).why).toBe(
    'remembered for this address, used 3 s ago: 10.0.0.12:80',
  );
  setLoad(director, { [A]: [0, 0], [B]: [9, 0], [C]: [2, 0] });
  expect(explained(director, syn('192.0.2.11')).why).toBe(
    'remembered for this address, used 0 s ago: 10.0.0.12:80, which is busy or takes no new connection: 10.0.0.11:80 has the lowest load for its weight',
  );
});

test('there is a reason for every scheduler, also when there is nobody to choose', () => {
  for (const scheduler of [...Object.keys(schedulers), 'none']) {
    const director = directorWith(scheduler);
    director.edit(...[A, B, C].map((server) => editServer(WEB, server, { weight: 0 })));
    const { verdict, steps } = explain(director.session.excerptFor(syn()), syn(), KNOWS_A_FILE);
    expect([scheduler, verdict]).toEqual([scheduler, 'ReplyPortUnreachable']);
    expect(steps.find(({ step }) => step === 'schedule')?.text).toMatch(
      /no server is available|takes no new connection|is "none"|nobody's/,
    );
  }
});

test('a template decides, and the scheduler is not asked', () => {
  const director = directorWith('rr', { persistentSec: 60 });
  director.handle(syn());
  director.handle(
    eth()
      .ipv4('192.0.2.9', VIP)
      .tcp(4000, 80, FIN | ACK),
  );
  director.wait(5);
  const frame = syn('192.0.2.9', 4001);
  const { steps, server } = explain(director.session.excerptFor(frame), frame, KNOWS_A_FILE);
  expect(server?.address).toBe('10.0.0.13');
  const [text, ...details] = steps
    .filter(({ step }) => step === 'schedule')
    .flatMap(({ text: first, details: rest }) => [first, ...rest]);
  expect(text).toBe(
    'the client has a template of persistence, which says 10.0.0.13:80; the scheduler is not asked',
  );
  expect(details[0]).toContain('the template lives 55 s yet, and 60 s from this packet on');
});
