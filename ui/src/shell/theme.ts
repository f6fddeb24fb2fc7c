/** Light, dark, or as the system has it; kept in this browser. */

import { effect, signal } from '@preact/signals';

export const THEMES = { auto: 'Auto', light: 'Light', dark: 'Dark' } as const;
export type Theme = keyof typeof THEMES;

const KEPT = 'openclaw-theme';

export const theme = signal<Theme>(kept());

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEPT);
    return found !== null && found in THEMES ? (found as Theme) : 'auto';
  } catch {
    return 'auto'; // storage is switched off
  }
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem(KEPT, theme.value);
  } catch {
    // Then it holds until the page is left.
  }
});
