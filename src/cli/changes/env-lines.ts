/** Settings for a file of environment lines, and what each is for. */
export interface EnvLine {
  readonly name: string;
  readonly value: string;
  readonly comment: string;
}

/** The file with those of the settings that it does not name yet, also not in a comment. */
export function withEnvLines(text: string | undefined, lines: readonly EnvLine[]): string {
  const before = text ?? '';
  const missing = lines.filter(
    ({ name }) => !new RegExp(`^\\s*(?:#\\s*)?(?:export\\s+)?${name}\\s*=`, 'm').test(before),
  );
  if (missing.length === 0) return before;
  const added = missing
    .map(({ name, value, comment }) => `# ${comment}\n${name}=${quoted(value)}\n`)
    .join('');
  const gap = before === '' ? '' : before.endsWith('\n') ? '\n' : '\n\n';
  return before + gap + added;
}

/** Node's --env-file, dotenv, Docker and shells read plain values alike; the others only between quotes, which Docker keeps. */
function quoted(value: string): string {
  return /^[\w.,:/@*=+{}-]*$/.test(value) ? value : JSON.stringify(value);
}
