/** What doctor finds: plain data, the same for people and for programs. */

/** Only problems count in the exit code. warning: works, and may not tomorrow. note: worth knowing. */
export type Severity = 'problem' | 'warning' | 'note';

export interface Finding {
  /** As docs/DOCTOR.md lists it. */
  readonly id: string;
  readonly severity: Severity;
  /** What is wrong. */
  readonly what: string;
  /** How it showed: what was asked, what was answered. */
  readonly shown: string;
  /** Null: no command can know it; `what` says what to do. */
  readonly fix: Fix | null;
}

/** A line for a shell, as root. */
export interface Fix {
  readonly command: string;
  /** Which host to type it on; null: this one. */
  readonly on: string | null;
}

export const here = (command: string): Fix => ({ command, on: null });
export const on = (host: string, command: string): Fix => ({ command, on: host });
