/** Which servers have a line in the graphs. A slot is a colour and a pattern, which a server keeps while it is shown. */

/** As many as can be told apart. */
export const SLOTS = 6;

export type Graphed = readonly (string | null)[];

/** `chosen` null: nobody has chosen, so the first few. A server that is gone frees its slot. */
export function slotsOf(chosen: Graphed | null, known: readonly string[]): Graphed {
  const wanted = chosen ?? known;
  return Array.from({ length: SLOTS }, (_, slot) => {
    const name = wanted[slot] ?? null;
    return name !== null && known.includes(name) ? name : null;
  });
}

/** Takes a server's line away, or gives it the first slot that is free; without one nothing changes. */
export function toggled(slots: Graphed, name: string): Graphed {
  const own = slots.indexOf(name);
  const slot = own >= 0 ? own : slots.indexOf(null);
  return slot < 0 ? slots : slots.with(slot, own >= 0 ? null : name);
}
