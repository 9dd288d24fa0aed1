/** What a file would change, and plans that hold only for the state that they were made for. */
import { describe, expect, test } from 'vitest';
import { asConfigured } from '../../src/daemon/as-configured.ts';
import { parseConfig } from '../../src/daemon/config-file.ts';
import type { Desired } from '../../src/daemon/desired.ts';
import { changesBetween, type Intent } from '../../src/daemon/plan.ts';
import { Plans } from '../../src/daemon/plans.ts';
import { type HealthPolicy, NO_POLICY } from '../../src/health/policy.ts';
import {
  applyEdit,
  type Configuration,
  EMPTY_CONFIGURATION,
  serviceKey,
} from '../../src/service/configuration.ts';
import { editsBetween } from '../../src/service/difference.ts';
import type { ServerOptions } from '../../src/service/model.ts';
import { addServer, addService, SERVER_OPTIONS, serviceAddress } from '../helpers/edits.ts';

const WEB = 'tcp 10.0.0.100:80';
const FILE = `
services:
  - service: ${WEB}
    scheduler: rr
    servers: [{address: 10.0.0.11}, {address: 10.0.0.12, weight: 2}]
`;
const fromFile = (text: string): Desired => parseConfig(text, 'file');
const intentOf = ({ configuration, policies }: Desired): Intent => ({
  configuration,
  policyOf: (service) => policies.get(serviceKey(service)) ?? NO_POLICY,
});
const changes = (from: Desired, to: Desired) => changesBetween(intentOf(from), intentOf(to));
const NOTHING: Desired = { configuration: EMPTY_CONFIGURATION, policies: new Map() };
const UNCHANGED = { services: [], settings: [], timeouts: null, marks: null, syncDaemons: null };

describe('changes', () => {
  test('are none between a file and itself', () => {
    expect(changes(fromFile(FILE), fromFile(`# the same\n${FILE}`))).toEqual(UNCHANGED);
  });

  test('are all that a service is, when it is new', () => {
    const { services, ...rest } = changes(NOTHING, fromFile(FILE));
    expect({ services: [], ...rest }).toEqual(UNCHANGED);
    expect(services).toEqual([
      {
        service: serviceAddress(WEB),
        options: {
          before: null,
          after: expect.objectContaining({
            scheduler: 'rr',
            check: 'tcp, through the virtual address, every 1 s',
            sorry: null,
            slowStartSec: 0,
          }),
        },
        servers: [
          {
            server: { address: '10.0.0.11', port: 80 },
            before: null,
            after: expect.objectContaining({ weight: 1 }),
          },
          {
            server: { address: '10.0.0.12', port: 80 },
            before: null,
            after: expect.objectContaining({ weight: 2 }),
          },
        ],
      },
    ]);
  });

  test('of an empty file are that all goes', () => {
    const { services } = changes(fromFile(FILE), fromFile(''));
    expect(services).toMatchObject([
      { options: { after: null }, servers: [{ after: null }, { after: null }] },
    ]);
  });

  test('of a server are its options before and after, and the service stays', () => {
    const { services } = changes(fromFile(FILE), fromFile(FILE.replace('weight: 2', 'weight: 3')));
    expect(services).toEqual([
      {
        service: serviceAddress(WEB),
        options: null,
        servers: [
          {
            server: { address: '10.0.0.12', port: 80 },
            before: expect.objectContaining({ weight: 2 }),
            after: expect.objectContaining({ weight: 3 }),
          },
        ],
      },
    ]);
  });

  test.each([
    'check: off',
    'check: {kind: tcp, timeout: 0.5}',
    'check: {kind: tcp, fall: 3}',
    'check: {kind: http, host: "a, rise 3"}',
    'check: {kind: http, host: a, rise: 3}',
    'check: {kind: exec, program: /x, args: [a b]}',
    'check: {kind: exec, program: /x, args: [a, b]}',
    'check: {kind: https, verify: false}',
    'check: {kind: udp, payload: {hex: "00"}}',
    'check: {kind: udp, payload: {text: "00"}}',
    'sorry: 10.0.0.9',
    'slowStart: 30',
  ])('see a policy: %s', (line) => {
    const others = ['check: tcp', 'check: https', 'check: {kind: exec, program: /x}', 'check: {kind: http}'];
    const withLine = (text: string) => fromFile(FILE.replace('scheduler: rr', `scheduler: rr\n    ${text}`));
    for (const other of others)
      expect(changes(withLine(other), withLine(line)).services).toMatchObject([
        { options: { before: {}, after: {} } },
      ]);
  });

  test('are those of settings, timeouts and marks, too', () => {
    const other =
      'settings: {sloppy_tcp: 1}\ntimeouts: {udp: 30}\nmarks: [{mark: 7, destination: 10.0.0.1}]\n';
    expect(changes(NOTHING, fromFile(other))).toEqual({
      ...UNCHANGED,
      settings: [{ name: 'sloppy_tcp', before: 0, after: 1 }],
      timeouts: {
        before: { tcpSec: 900, tcpFinSec: 120, udpSec: 300 },
        after: { tcpSec: 900, tcpFinSec: 120, udpSec: 30 },
      },
      marks: { before: [], after: [{ mark: 7, destination: '10.0.0.1' }] },
    });
  });
});

describe('as configured', () => {
  const inForce = (options: Partial<ServerOptions>): Configuration =>
    [addService(WEB), addServer(WEB, '10.0.0.11:80', options), addServer(WEB, '10.0.0.12:80')].reduce(
      applyEdit,
      EMPTY_CONFIGURATION,
    );
  const people = inForce({});

  test.each<Partial<ServerOptions>>([
    { failed: true },
    { weightInForce: 0 },
    { failed: true, weightInForce: 1 },
  ])('a server has no %j', (word) => {
    const held = asConfigured(inForce(word));
    expect(held).toEqual(people);
    expect(editsBetween(held, people)).toEqual([]);
  });

  test('a sorry server that the daemon put there is none', () => {
    const withSorry = applyEdit(people, addServer(WEB, '10.0.0.9:80', { ...SERVER_OPTIONS, sorry: true }));
    expect(asConfigured(withSorry)).toEqual(people);
  });
});

describe('a plan', () => {
  const [present, desired] = [fromFile(FILE), fromFile('')];
  const plan = { name: 'file', desired };
  const outdated = expect.objectContaining({ code: 'PLAN_OUTDATED' });

  test('is taken once', () => {
    const plans = new Plans();
    const token = plans.keep(present, plan);
    expect(plans.take(token, fromFile(FILE))).toMatchObject(plan);
    expect(() => plans.take(token, present)).toThrow(outdated);
  });

  test('holds no longer when services or policies have changed', () => {
    const plans = new Plans();
    const token = plans.keep(present, plan);
    const policies = new Map<string, HealthPolicy>([[WEB, NO_POLICY]]);
    for (const other of [NOTHING, { ...present, policies }])
      expect(() => plans.take(token, other)).toThrow(outdated);
    expect(plans.take(token, present)).toMatchObject(plan);
  });

  test('gives way to sixteen others', () => {
    const plans = new Plans();
    const tokenOf = (number: number) =>
      plans.keep(present, { name: 'file', desired: fromFile(`timeouts: {udp: ${number}}`) });
    const [first, second] = [tokenOf(1), tokenOf(2)];
    for (let number = 3; number <= 17; number++) tokenOf(number);
    expect(() => plans.take(first, present)).toThrow(outdated);
    expect(plans.take(second, present).desired.configuration.timeouts.udpSec).toBe(2);
  });
});
