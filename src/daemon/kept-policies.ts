/**
 * What people said of checks since the daemon began, beside the control socket: a daemon that takes over what an
 * earlier one left goes on checking as that one did.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Policies } from './server-health.ts';

/** Another one: the file is of a build whose policies look different. */
const FORMAT = 1;

export class KeptPolicies {
  private readonly path: string;

  constructor(socketPath: string, interfaceName: string) {
    this.path = join(dirname(socketPath), `checks-${interfaceName}`);
  }

  write(policies: Policies): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const text = JSON.stringify({ format: FORMAT, policies: [...policies] });
    writeFileSync(`${this.path}.new`, text, { mode: 0o600 });
    renameSync(`${this.path}.new`, this.path);
  }

  /** Undefined: there are none, or they cannot be read. */
  read(): Policies | undefined {
    try {
      const { format, policies } = JSON.parse(readFileSync(this.path, 'utf8')) as {
        format: number;
        policies: [string, never][];
      };
      return format === FORMAT ? new Map(policies) : undefined;
    } catch {
      return undefined;
    }
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
