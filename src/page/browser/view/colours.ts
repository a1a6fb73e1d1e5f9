import { useEffect, useState } from 'preact/hooks';

/** So many colours there are: those that people with any kind of colour blindness can tell apart, after Okabe and Ito. */
export const COLOURS = 8;

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** The names are in the style sheet, once for light and once for dark. */
function variable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function colourOf(number: number): string {
  return variable(`--c${number % COLOURS}`);
}

export function inkOf(): { readonly text: string; readonly grid: string } {
  return { text: variable('--muted'), grid: variable('--grid') };
}

/** Changes when the system turns dark or light. */
export function useScheme(): string {
  const [isDark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const turn = (): void => setDark(DARK.matches);
    DARK.addEventListener('change', turn);
    return () => DARK.removeEventListener('change', turn);
  }, []);
  return isDark ? 'dark' : 'light';
}
