/** Interfaces that lead to servers, as elements of a map that has few. */
import { describe, expect, test } from 'vitest';
import type { BpfObject } from '../../src/host/bpf.ts';
import { parseMac } from '../../src/wire/address.ts';
import { Devices } from '../../src/xdp/devices.ts';
import { hex } from '../helpers/frame-builder.ts';

const ENTRIES = 4;
const mac = (number: number): string => `02:00:00:00:00:0${number}`;

/** The map `devices`, by element. */
function createMap(entries: ReadonlyMap<number, number> = new Map()) {
  const map = new Map(entries);
  const word = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint32(0, true);
  const object = {
    mapInfo: () => ({ id: 1, keyBytes: 4, valueBytes: 4, maxEntries: ENTRIES }),
    lookup(_: string, key: Uint8Array, value: Uint8Array) {
      const index = map.get(word(key));
      if (index !== undefined) new DataView(value.buffer).setUint32(0, index, true);
      return index !== undefined;
    },
    update(_: string, key: Uint8Array, value: Uint8Array) {
      map.set(word(key), word(value));
    },
  };
  return { map, devices: new Devices(object as unknown as BpfObject) };
}

describe('interfaces', () => {
  test('have an element each, once', () => {
    const { map, devices } = createMap();
    devices.setWay('10.0.0.1', { index: 7, mac: mac(7) });
    devices.setWay('10.0.0.2', { index: 7, mac: mac(7) });
    devices.setWay('10.0.0.3', { index: 8, mac: mac(8) });
    expect(map).toEqual(
      new Map([
        [1, 7],
        [2, 8],
      ]),
    );
    expect(devices.wayTo('10.0.0.2')).toEqual({ device: 1, ownMac: parseMac(mac(7)) });
    expect(devices.wayTo('10.0.0.4')).toBeUndefined();
  });

  test('of an earlier process keep their elements', () => {
    const { map, devices } = createMap(new Map([[2, 9]]));
    devices.adopt('10.0.0.1', { device: 2, ownMac: parseMac(mac(9))! });
    devices.setWay('10.0.0.2', { index: 9, mac: mac(9) });
    devices.setWay('10.0.0.3', { index: 5, mac: mac(5) });
    expect(map).toEqual(
      new Map([
        [2, 9],
        [1, 5],
      ]),
    );
    expect(devices.wayTo('10.0.0.2')!.device).toBe(2);
  });

  test('that are made anew again and again find an element each time', () => {
    const { devices } = createMap();
    for (let other = 2; other < ENTRIES; other++)
      devices.setWay(`10.0.0.${other}`, { index: 100 + other, mac: mac(other) });
    for (let index = 1; index <= 20; index++) {
      devices.setWay('10.0.0.1', { index, mac: mac(1) });
      expect(devices.wayTo('10.0.0.1')).toBeDefined();
    }
  });

  test('beyond those that there is room for lead nowhere', () => {
    const { devices } = createMap();
    for (let index = 1; index <= ENTRIES; index++)
      devices.setWay(`10.0.0.${index}`, { index, mac: mac(index) });
    expect(devices.wayTo(`10.0.0.${ENTRIES - 1}`)!.device).toBe(ENTRIES - 1);
    expect(devices.wayTo(`10.0.0.${ENTRIES}`)).toBeUndefined();
  });

  test('are known by the source of a frame', () => {
    const { devices } = createMap();
    devices.setWay('10.0.0.1', { index: 7, mac: mac(7) });
    expect(devices.interfaceOf(hex('02000000000b 020000000007 0800'))).toBe(7);
    expect(devices.interfaceOf(hex('02000000000b 020000000008 0800'))).toBeUndefined();
  });

  test('that lead to a server no more are forgotten', () => {
    const { devices } = createMap();
    devices.setWay('10.0.0.1', { index: 7, mac: mac(7) });
    devices.setWay('10.0.0.1', null);
    expect(devices.wayTo('10.0.0.1')).toBeUndefined();
  });
});
