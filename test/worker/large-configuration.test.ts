/** A thousand services with ten servers each: one edit among them is none of the others' business. */
import { expect, test } from 'vitest';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, editServer } from '../helpers/edits.ts';
import { ACK, eth, SYN, toHex } from '../helpers/frame-builder.ts';
import { CLIENT } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const SERVICES = 1000;
const SERVERS = 10;
const CONNECTIONS_EACH = 3;

const addressOf = (n: number) => `10.1.${n >> 8}.${n & 255}`;
const serviceOf = (n: number) => `tcp ${addressOf(n)}:80`;
const serverOf = (n: number) => `10.2.0.${n + 1}`;

test('editing one server among 10,000 disturbs no connection', () => {
  const director = new TestDirector([], { connectionTableSize: 2 ** 14 });
  const numbers = Array.from({ length: SERVICES }, (_, n) => n);
  const hosts = Array.from({ length: SERVERS }, (_, n) => n);
  director.session.setNextHops(
    hosts.map((n) => ({
      address: serverOf(n),
      kind: 'neighbor',
      mac: `02:00:00:00:02:0${n}`,
      interface: null,
    })),
  );
  director.edit(
    ...numbers.flatMap((n): Edit[] => [
      addService(serviceOf(n)),
      ...hosts.map((host) => addServer(serviceOf(n), `${serverOf(host)}:80`)),
    ]),
  );
  const frame = (n: number, port: number, flags: number) =>
    eth().ipv4(CLIENT, addressOf(n)).tcp(port, 80, flags);
  const ports = Array.from({ length: CONNECTIONS_EACH }, (_, n) => 2000 + n);
  const each = (flags: number) =>
    numbers.flatMap((n) =>
      ports.map((port) =>
        director
          .handle(frame(n, port, flags))
          .sent.map(toHex)
          .join(),
      ),
    );
  each(SYN);
  const before = each(ACK);
  expect(before.every((sent) => sent !== '')).toBe(true);
  director.edit(editServer(serviceOf(500), `${serverOf(3)}:80`, { weight: 0 }));
  expect(each(ACK)).toEqual(before);
  expect(director.path.connections.live).toBe(SERVICES * CONNECTIONS_EACH);
});
