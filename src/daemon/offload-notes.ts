/**
 * Which offloads we switched off, noted beside the control socket, so that a daemon that follows one which was killed
 * knows what to switch on again at its end.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export class OffloadNotes {
  private readonly path: string;

  constructor(socketPath: string, interfaceName: string) {
    this.path = join(dirname(socketPath), `offloads-${interfaceName}.json`);
  }

  /** What a daemon before us left off; nothing when there was none, or its notes make no sense. */
  read(): string[] {
    try {
      const names: unknown = JSON.parse(readFileSync(this.path, 'utf8'));
      return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
    } catch {
      return [];
    }
  }

  write(names: readonly string[]): void {
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, JSON.stringify(names));
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
