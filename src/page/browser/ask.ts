/** What came of a question. `same`: nothing has changed since the last answer. */
export type Reply<T> =
  | { readonly kind: 'answer'; readonly value: T; readonly etag: string | undefined }
  | { readonly kind: 'same' }
  | { readonly kind: 'token needed' }
  | { readonly kind: 'failed'; readonly why: string };

const MAX_WHY = 300;

/** For this tab alone, and for this place: two pages of one host may need two tokens. */
const KEY = `orchestrator-token ${location.pathname}`;

export function savedToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function saveToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

/** Asks the server of this page, by an address relative to it. Never rejects, except when `signal` ends it. */
export async function ask<T>(
  path: string,
  known: string | undefined,
  signal: AbortSignal,
): Promise<Reply<T>> {
  const token = savedToken();
  const headers: Record<string, string> = {
    Accept: 'application/json',
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(known !== undefined && { 'If-None-Match': known }),
  };
  try {
    const response = await fetch(path, { headers, signal, cache: 'no-store' });
    if (response.status === 304) return { kind: 'same' };
    if (response.status === 401) return { kind: 'token needed' };
    if (!response.ok) return { kind: 'failed', why: await whyOf(response) };
    const value = (await response.json()) as T;
    return { kind: 'answer', value, etag: response.headers.get('ETag') ?? undefined };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'failed', why: 'The metrics server cannot be reached.' };
  }
}

async function whyOf(response: Response): Promise<string> {
  const text = (await response.text()).trim().slice(0, MAX_WHY);
  return text === '' || text === 'null' ? `The answer was ${response.status}.` : text;
}
