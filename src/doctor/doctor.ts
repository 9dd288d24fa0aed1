/** `director doctor`: all checks at once, each by itself. */
import type { DirectorClient } from '../control/client.ts';
import { DirectorError } from '../errors.ts';
import { type Check, NotChecked, type Role } from './check.ts';
import { CHECKS } from './checks.ts';
import { directorSituation } from './director-situation.ts';
import type { Finding } from './finding.ts';
import type { HostLink } from './host-view.ts';
import { realServerSituation } from './real-server-situation.ts';
import { type ServiceView, Situation } from './situation.ts';
import type { Wire } from './wire.ts';

/** As the command line has it; what is left out is found. */
export interface Wanted {
  readonly role: Role;
  readonly interfaceName: string | undefined;
  readonly virtual: readonly string[];
  readonly services: readonly ServiceView[];
  /** Names of checks; undefined: all. */
  readonly only: readonly string[] | undefined;
}

export interface Report {
  readonly role: Role;
  readonly interface: string;
  readonly virtual: readonly string[];
  /** A director answered. */
  readonly director: boolean;
  readonly problems: number;
  readonly checks: readonly CheckReport[];
}

export interface CheckReport {
  readonly name: string;
  readonly state: 'fine' | 'found' | 'not checked';
  /** What holds, or why it was not checked. */
  readonly said: string;
  readonly findings: readonly Finding[];
}

export async function examine(client: DirectorClient, wanted: Wanted): Promise<Report> {
  const checks = checksFor(wanted);
  const parts = await (wanted.role === 'director'
    ? directorSituation(client, wanted)
    : realServerSituation(wanted));
  const situation = new Situation(parts, await loadWire());
  try {
    const reports = await Promise.all(checks.map((check) => runCheck(check, situation)));
    const { role, link, virtual, status } = parts;
    const findings = reports.flatMap((report) => report.findings);
    return {
      role,
      interface: link.name,
      virtual,
      director: status !== undefined,
      problems: findings.filter(({ severity }) => severity === 'problem').length,
      checks: reports,
    };
  } finally {
    situation.close();
  }
}

/** The package cap is optional: npm drops it when it cannot be built. The check `kernel` says so, others go without. */
async function loadWire(): Promise<(link: HostLink) => Wire> {
  try {
    const { Wire } = await import('./wire.ts');
    return (link) => new Wire(link);
  } catch (error) {
    return () => {
      throw new Error(`the package cap does not load: ${(error as Error).message.split('\n')[0]}`);
    };
  }
}

function checksFor({ role, only }: Wanted): Check[] {
  const here = CHECKS.filter((check) => check.on.includes(role));
  if (only === undefined) return here;
  const unknown = only.find((name) => !here.some((check) => check.name === name));
  if (unknown === undefined) return here.filter(({ name }) => only.includes(name));
  const names = here.map(({ name }) => name).join(', ');
  throw new DirectorError(
    'OUT_OF_RANGE',
    `--only ${unknown}: there is no such check here; there are: ${names}`,
  );
}

async function runCheck(check: Check, situation: Situation): Promise<CheckReport> {
  const { name, fine } = check;
  try {
    const findings = await check.run(situation);
    return { name, state: findings.length === 0 ? 'fine' : 'found', said: fine, findings };
  } catch (error) {
    if (!(error instanceof NotChecked || error instanceof DirectorError)) throw error;
    return { name, state: 'not checked', said: error.message, findings: [] };
  }
}
