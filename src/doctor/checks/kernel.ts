/** Programs and kernel features that a director cannot do without. */

import type { DirectorError } from '../../errors.ts';
import { runCommand } from '../../host/command.ts';
import { type NativePart, readNativeStatus } from '../../host/native.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';

interface Facts {
  /** What failed, in words, and what mends it; null: nothing is known to. */
  readonly failures: readonly {
    readonly tool: boolean;
    readonly reason: string;
    readonly fix: string | null;
  }[];
}

/** Each asks for as little as can be. */
const TRIED = [
  ['ip', ['-V']],
  ['ethtool', ['--version']],
  ['nft', ['list', 'tables']],
] as const;

export const kernel = defineCheck<Facts>({
  name: 'kernel',
  fine: 'the programs and kernel features that a director needs are there',
  on: ['director'],
  finds: {
    'tool-missing': {
      severity: 'problem',
      meaning: 'a program or part that the director needs is not installed, or not built',
    },
    'kernel-lacks': {
      severity: 'problem',
      meaning: 'the kernel refuses what the director needs, such as nf_tables',
    },
  },
  async collect() {
    const tried = TRIED.map(([program, args]) =>
      runCommand(program, args).then(
        () => null,
        (error: DirectorError) => failureOf(error),
      ),
    );
    const failed = (await Promise.all(tried)).filter((failure) => failure !== null);
    const { addon, cap } = readNativeStatus() ?? { addon: NOT_BUILT, cap: NOT_BUILT };
    return { failures: [...failed, ...[addon, cap].filter(({ ok }) => !ok).map(partOf)] };
  },
  judge: ({ failures }) =>
    failures.map(({ tool, reason, fix }) => ({
      id: tool ? 'tool-missing' : 'kernel-lacks',
      what: tool ? reason.split(';')[0]! : 'the kernel refuses what the director needs',
      shown: reason,
      fix: fix === null ? null : here(fix),
    })),
});

const NOT_BUILT: NativePart = {
  ok: false,
  reason: 'the native parts are not built',
  fix: 'npm run build:native',
};

function failureOf(error: unknown): Facts['failures'][number] {
  const { code, message } = error as DirectorError;
  const fix = /; run: (.+)$/.exec(message)?.[1] ?? null;
  return { tool: code === 'TOOL_MISSING', reason: message, fix };
}

const partOf = ({
  reason = 'a native part does not work',
  fix = null,
}: Omit<NativePart, 'fix'> & { fix?: string | null }) => ({
  tool: true,
  reason,
  fix,
});
