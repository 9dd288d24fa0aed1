/** One thing that doctor looks at: facts are collected from the host and the wire, and judged without either. */
import type { Finding, Severity } from './finding.ts';
import type { Situation } from './situation.ts';

export type Role = 'director' | 'real-server';

export interface Kind {
  readonly severity: Severity;
  /** As docs/DOCTOR.md has it. */
  readonly meaning: string;
}

export interface CheckParts<Facts> {
  /** What `--only` takes. */
  readonly name: string;
  /** What holds when nothing is found. */
  readonly fine: string;
  readonly on: readonly Role[];
  /** By the id of a finding. */
  readonly finds: Readonly<Record<string, Kind>>;
  /** Throws NotChecked. */
  collect(situation: Situation): Promise<Facts> | Facts;
  judge(facts: Facts): readonly Draft[];
}

/** A finding without its severity, which is its kind's. */
export type Draft = Omit<Finding, 'severity'>;

export interface Check extends Pick<CheckParts<unknown>, 'name' | 'fine' | 'on' | 'finds'> {
  run(situation: Situation): Promise<Finding[]>;
}

/** Why a check cannot be made here. */
export class NotChecked extends Error {}

export const defineCheck = <Facts>(parts: CheckParts<Facts>): Check & CheckParts<Facts> => ({
  ...parts,
  async run(situation) {
    const drafts = parts.judge(await parts.collect(situation));
    return drafts.map((draft) => ({ ...draft, severity: parts.finds[draft.id]!.severity }));
  },
});
