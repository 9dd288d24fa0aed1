/** Fragments that wait for the first one of their datagram: in order, for thirty seconds, and not too many. */
import { expect, test } from 'vitest';
import { type WaitingFrame, WaitingRoom } from '../../src/xdp/waiting.ts';

const MAX_WAITING = 64;
const WAIT_MS = 30_000;

const frameOf = (datagram: string, number: number): WaitingFrame => ({
  frame: Uint8Array.of(number),
  ifindex: 1,
  datagram,
});
const numbers = (frames: readonly WaitingFrame[]): number[] => frames.map(({ frame }) => frame[0]!);

test('those of one datagram are taken, once, in the order of coming', () => {
  const room = new WaitingRoom();
  for (const number of [1, 2, 3, 4]) room.add(frameOf(number % 2 === 0 ? 'even' : 'odd', number), number);
  expect(numbers(room.take('even', 10))).toEqual([2, 4]);
  expect(room.take('even', 10)).toEqual([]);
  expect(room.take('other', 10)).toEqual([]);
  expect(numbers(room.take('odd', 10))).toEqual([1, 3]);
});

test('one that has waited for thirty seconds is not sent any more', () => {
  const room = new WaitingRoom();
  room.add(frameOf('a', 1), 0);
  room.add(frameOf('a', 2), 1);
  expect(numbers(room.take('a', WAIT_MS))).toEqual([2]);
  expect(room.take('a', 1)).toEqual([]);
});

test('the oldest makes place', () => {
  const room = new WaitingRoom();
  for (let number = 0; number <= MAX_WAITING; number++) room.add(frameOf('a', number), 0);
  expect(numbers(room.take('a', 1))).toEqual([...Array(MAX_WAITING).keys()].map((number) => number + 1));
});
