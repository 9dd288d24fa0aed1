/** Small parts that several views have. */
import { html, type TemplateResult } from 'lit';
import { formatCount } from '../format.ts';
import { type Condition, SIGN_OF } from '../state/condition.ts';
import type { Page } from '../state/service-list.ts';
import type { ListName } from '../state/state.ts';
import type { Ui } from './ui.ts';

/** Colour, sign and word: no one of them alone. */
export const badge = ({ tone, word }: Condition): TemplateResult =>
  html`<span class="badge ${tone}"><span class="sign" aria-hidden="true">${SIGN_OF[tone]}</span><span>${word}</span></span>`;

export const pageTurner = (
  { page, pages, first, rows, total }: Pick<Page<unknown>, 'page' | 'pages' | 'first' | 'rows' | 'total'>,
  noun: string,
  turn: (page: number) => void,
): TemplateResult | null =>
  pages === 1
    ? null
    : html`<nav class="turner" aria-label="Pages of ${noun}">
        <button type="button" ?disabled=${page === 1} @click=${() => turn(page - 1)}>‹ Previous</button>
        <span>${formatCount(first + 1)}–${formatCount(first + rows.length)} of ${formatCount(total)}</span>
        <button type="button" ?disabled=${page === pages} @click=${() => turn(page + 1)}>Next ›</button>
      </nav>`;

export const filterField = (list: ListName, filter: string, label: string, ui: Ui): TemplateResult =>
  html`<label class="filter"
    >${label}
    <input
      type="search"
      .value=${filter}
      @input=${(event: InputEvent) =>
        ui.dispatch({ type: 'filter', list, filter: (event.target as HTMLInputElement).value })}
    />
  </label>`;

/** Wider than the screen it is scrolled, with the keyboard, too. */
export const scrolled = (label: string, table: TemplateResult): TemplateResult =>
  html`<div class="scrolled" role="region" aria-label=${label} tabindex="0">${table}</div>`;
