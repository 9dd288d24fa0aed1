/** Carries out what the dialog of draining was answered. */
import type { Store } from '../state/store.ts';
import { postDrain, Refusal, UNAUTHORIZED } from './requests.ts';
import { forgetToken, keepToken, readToken } from './token.ts';

/** `typed`: the token, where the dialog asked for it. */
export async function carryOutDrain(store: Store, typed: string | null): Promise<void> {
  const dialog = store.state.drain;
  const token = typed ?? readToken();
  if (dialog === null || token === null || dialog.isSending) return;
  store.dispatch({ type: 'drain-sent' });
  const { service, server, drained } = dialog;
  try {
    await postDrain({ service, server, drained }, token);
    keepToken(token);
    store.dispatch({ type: 'drain-closed' });
  } catch (error) {
    const isTokenWrong = error instanceof Refusal && error.status === UNAUTHORIZED;
    if (isTokenWrong) forgetToken();
    store.dispatch({ type: 'drain-refused', refusal: (error as Error).message, isTokenWrong });
  }
}
