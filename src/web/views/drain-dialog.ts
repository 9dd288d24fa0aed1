/** Asks before a server is drained or taken back, for the token, too, if there is none yet. */
import { html, type TemplateResult } from 'lit';
import { endpointText } from '../endpoint.ts';
import { countOf } from '../format.ts';
import type { DrainDialog } from '../state/drain.ts';
import type { Ui } from './ui.ts';

/** Always in the document; syncDrainDialog() opens and closes it. */
export const drainDialog = (dialog: DrainDialog | null, ui: Ui): TemplateResult => html`
  <dialog
    id="drain-dialog"
    aria-labelledby="drain-title"
    @close=${() => ui.dispatch({ type: 'drain-closed' })}
  >
    ${dialog === null ? null : question(dialog, ui)}
  </dialog>
`;

/** After a render. The browser keeps the focus inside, closes it by Escape, and gives the focus back. */
export function syncDrainDialog(dialog: DrainDialog | null): void {
  const element = document.querySelector<HTMLDialogElement>('#drain-dialog');
  if (element === null || element.open === (dialog !== null)) return;
  if (dialog === null) element.close();
  else element.showModal();
}

function question(dialog: DrainDialog, ui: Ui): TemplateResult {
  const { drained, server, serviceKey, isSending, refusal, asksForToken } = dialog;
  const verb = drained ? 'Drain' : 'Undrain';
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const typed = new FormData(event.target as HTMLFormElement).get('token');
    ui.confirmDrain(asksForToken && typeof typed === 'string' ? typed.trim() : null);
  };
  return html`<form @submit=${submit}>
    <h2 id="drain-title">${verb} ${endpointText(server)}?</h2>
    <p>${consequence(dialog)} This is for ${serviceKey} only.</p>
    ${asksForToken ? tokenField() : null}
    ${refusal === null ? null : html`<p class="refusal" role="alert"><span aria-hidden="true">✕ </span>Not done: ${refusal}</p>`}
    <div class="buttons">
      <button type="button" @click=${() => ui.dispatch({ type: 'drain-closed' })}>Cancel</button>
      <button type="submit" class="primary" ?disabled=${isSending}>${isSending ? 'Sending …' : verb}</button>
    </div>
  </form>`;
}

function consequence({ drained, activeConnections }: DrainDialog): string {
  if (!drained) return 'It takes new connections again.';
  if (activeConnections === 0) return 'It takes no new connections. It has no active ones.';
  return `It takes no new connections. What it has goes on until it ends: ${countOf(activeConnections, 'active connection')}.`;
}

const tokenField = (): TemplateResult => html`
  <label class="field"
    >Token
    <input name="token" type="password" autocomplete="off" required aria-describedby="token-hint" />
  </label>
  <p id="token-hint" class="hint">
    What the file of --web-token-file holds. It is kept in this tab until the tab is closed.
  </p>
`;
