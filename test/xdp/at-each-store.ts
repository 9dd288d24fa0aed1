/** Looks at what the maps hold after each single store of an edit: what a frame finds that comes just then. */
import { Memory } from '../../src/xdp/memory.ts';

const STORES = ['set8', 'set16', 'set32', 'set64', 'clear'] as const;

/** `look` must not store by Memory itself. */
export function atEachStore(look: () => void, act: () => void): void {
  const { prototype } = Memory;
  const plain = STORES.map((name) => [name, Object.getOwnPropertyDescriptor(prototype, name)!] as const);
  for (const [name, { value: store }] of plain) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      value(this: Memory, ...args: never[]): void {
        store.apply(this, args);
        look();
      },
    });
  }
  try {
    act();
  } finally {
    for (const [name, descriptor] of plain) Object.defineProperty(prototype, name, descriptor);
  }
}
