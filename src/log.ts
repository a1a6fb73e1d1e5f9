/** Lines on stderr. Nothing here may throw into the application, whatever stderr is. */
export type LogLevel = 'none' | 'error' | 'warn' | 'info' | 'debug' | 'verbose' | 'all';

const RANK: Record<LogLevel, number> = { none: 0, error: 1, warn: 2, info: 3, debug: 4, verbose: 5, all: 6 };

export interface Log {
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

export function createLog(level: LogLevel, write: (line: string) => void = toStderr): Log {
  const at = (wanted: 'warn' | 'info' | 'debug') =>
    RANK[level] >= RANK[wanted]
      ? (message: string) => write(`[orchestrator] ${wanted === 'info' ? '' : `${wanted}: `}${message}\n`)
      : () => undefined;
  return { warn: at('warn'), info: at('info'), debug: at('debug') };
}

function toStderr(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // A closed stderr is the application's choice; there is nowhere left to say so.
  }
}
