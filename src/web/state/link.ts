/** Whether the daemon is heard. */

export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** Since when nothing has come, by the browser's clock; it is tried again. */
  | { readonly state: 'away'; readonly sinceMs: number };

/** Said aloud when it changes; null: nothing worth a word. */
export function linkAnnouncement(before: Link, after: Link): string | null {
  if (after.state === 'away' && before.state !== 'away')
    return 'The daemon does not answer. What is shown is old.';
  if (after.state === 'live' && before.state === 'away') return 'The daemon answers again.';
  return null;
}
