import { expect, test } from 'vitest';
import { DestinationCache } from '../../src/schedule/destination-cache.ts';
import { Packet } from '../../src/wire/packet.ts';

const MINUTE_TICKS = 60 * 100;

function packetTo(virtual0: number): Packet {
  return Object.assign(new Packet(), { virtual0 });
}

test('Finds what was remembered for each of many destinations', () => {
  const cache = new DestinationCache<number>();
  for (let n = 0; n < 5000; n++) cache.insert(packetTo(n), n, 0);
  for (let n = 0; n < 5000; n++) expect(cache.find(packetTo(n), 1)?.value).toBe(n);
  expect(cache.find(packetTo(5000), 1)).toBeUndefined();
});

test('Tells IPv6 addresses apart that hash alike', () => {
  const cache = new DestinationCache<string>();
  const one = Object.assign(new Packet(), { virtual0: 1, virtual3: 2 });
  const other = Object.assign(new Packet(), { virtual0: 2, virtual3: 1 });
  cache.insert(one, 'one', 0);
  expect(cache.find(other, 0)).toBeUndefined();
  cache.insert(other, 'other', 0);
  expect(cache.find(one, 0)?.value).toBe('one');
});

test('Does not grow beyond a limit, and forgets those idle for minutes once there are many', () => {
  const cache = new DestinationCache<number>();
  for (let n = 0; n < 40_000; n++) cache.insert(packetTo(n), n, 0);
  expect(cache.size).toBe(32_768);
  const later = 7 * MINUTE_TICKS;
  for (let n = 0; n < 100; n++) cache.find(packetTo(n), later - MINUTE_TICKS);
  cache.insert(packetTo(-1), -1, later);
  expect(cache.size).toBe(101);
  expect(cache.find(packetTo(7), later)?.value).toBe(7);
  expect(cache.find(packetTo(700), later)).toBeUndefined();
});

test('Works where the clock wraps', () => {
  const cache = new DestinationCache<number>();
  cache.insert(packetTo(1), 1, 0x7fff_fff0);
  expect(cache.find(packetTo(1), 0x8000_0010 | 0)?.value).toBe(1);
});
