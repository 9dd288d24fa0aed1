/**
 * Runs recorded ipvsadm command lines against whatever carries them out (`Transport`: in this process, or the real
 * command with a real daemon) and tells per case whether all is the same, byte for byte, but for the masks.
 */

export interface CliStep {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

export interface CliCase {
  readonly name: string;
  readonly steps: readonly CliStep[];
}

export interface CliRecording {
  readonly cases: readonly CliCase[];
}

export interface CliOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

export type Transport = (command: Pick<CliStep, 'args' | 'stdin'>) => Promise<CliOutcome>;

export interface CliDifference {
  /** From 0. */
  readonly step: number;
  readonly args: readonly string[];
  readonly field: 'stdout' | 'stderr' | 'exit';
  /** Masked, as they were compared. */
  readonly expected: string;
  readonly got: string;
}

export interface CliCaseResult {
  readonly name: string;
  readonly agrees: boolean;
  /** Of the first step that differs. */
  readonly difference?: CliDifference;
}

/** `createTransport` makes an empty director for each case. */
export async function runCliRecording(
  recording: CliRecording,
  createTransport: () => Transport | Promise<Transport>,
): Promise<CliCaseResult[]> {
  const results: CliCaseResult[] = [];
  for (const each of recording.cases) results.push(await runCase(each, await createTransport()));
  return results;
}

async function runCase({ name, steps }: CliCase, transport: Transport): Promise<CliCaseResult> {
  for (const [index, step] of steps.entries()) {
    const { args, stdin } = step;
    const outcome = await transport({ args, ...(stdin !== undefined && { stdin }) });
    const difference = compareStep(step, outcome);
    if (difference) return { name, agrees: false, difference: { step: index, args, ...difference } };
  }
  return { name, agrees: true };
}

function compareStep(step: CliStep, outcome: CliOutcome): Omit<CliDifference, 'step' | 'args'> | undefined {
  const isOwnText = printsOwnText(step);
  for (const field of ['stdout', 'stderr', 'exit'] as const) {
    if (isOwnText && field === 'stdout' && outcome.stdout !== '') continue;
    const expected = mask(String(step[field]));
    const got = mask(String(outcome[field]));
    if (expected !== got) return { field, expected, got };
  }
  return undefined;
}

/** --help and --version, typed or read from stdin, are our own words. */
function printsOwnText({ args, stdout, exit }: CliStep): boolean {
  const isAsked = args.some((word) => /^(-h|--help|-v|--version)/.test(word)) || args[0] === '-R';
  return isAsked && exit === 0 && /^ipvsadm v\d/.test(stdout);
}

/** The program's name, and the size of the connection table. */
function mask(text: string): string {
  return text.replaceAll(/\b(ipvsadm|diradm)\b/g, 'PROGRAM').replaceAll(/\(size=\d+\)/g, '(size=N)');
}
