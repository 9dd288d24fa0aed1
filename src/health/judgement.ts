/** Rise and fall: when answers make a server a failed one, and when they bring it back. Pure. */

export interface Judgement {
  readonly isUp: boolean;
  /** Answers in a row that speak against it. */
  readonly against: number;
}

/** Who has not been checked yet is given the benefit of the doubt. */
export const UNDOUBTED: Judgement = { isUp: true, against: 0 };

export function judged(
  before: Judgement,
  isGood: boolean,
  { rise, fall }: { readonly rise: number; readonly fall: number },
): Judgement {
  if (isGood === before.isUp) return { isUp: before.isUp, against: 0 };
  const against = before.against + 1;
  return against >= (before.isUp ? fall : rise) ? { isUp: isGood, against: 0 } : { ...before, against };
}
