/** A real terminal, tmux's, with a program in it: what a person would see, and keys as a person types them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class Terminal {
  private readonly folder = mkdtempSync(join(tmpdir(), 'director-terminal-'));
  private readonly exitCodeFile = join(this.folder, 'ended');

  constructor(command: readonly string[], { columns = 80, rows = 24, env = {} }: TerminalOptions = {}) {
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', `${columns}`, '-y', `${rows}`];
    // What is on the screen stays there when the program has ended. (tmux's own pane_dead_status may never come.)
    const script = '"$@"; echo $? >"$ENDED"; exec cat';
    const ended = `ENDED=${this.exitCodeFile}`;
    const shell = ['sh', '-c', script, 'sh', ...command];
    this.tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...variables, '-e', ended, ...shell);
  }

  /** As tmux names them: `Enter`, `Down`, `q`. */
  type(...keys: string[]): void {
    this.tmux('send-keys', ...keys);
  }

  screen(): string {
    return this.tmux('capture-pane', '-p');
  }

  resize(columns: number, rows: number): void {
    this.tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** Of the program. */
  get pid(): number {
    const shell = this.tmux('display-message', '-p', '#{pane_pid}').trim();
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim());
  }

  /** Undefined while the program runs. */
  get exitCode(): number | undefined {
    const text = existsSync(this.exitCodeFile) ? readFileSync(this.exitCodeFile, 'utf8') : '';
    return text.endsWith('\n') ? Number(text) : undefined;
  }

  get isAlternateScreen(): boolean {
    return this.tmux('display-message', '-p', '#{alternate_on}').trim() === '1';
  }

  close(): void {
    spawnSync('tmux', ['-S', join(this.folder, 'tmux'), 'kill-server']);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', join(this.folder, 'tmux'), ...args], {
      encoding: 'utf8',
      env: { ...process.env, TMUX: '' },
    });
  }
}
