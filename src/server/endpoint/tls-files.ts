import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

import { orchestratorError } from '../../errors.js';
import { WatchedFile } from '../access/watched-file.js';
import { type Warn, warning } from '../../warnings.js';

/** The settings that say how the endpoint is encrypted, by their names there. */
export interface TlsSettings {
  readonly metricsTlsCert: string | undefined;
  readonly metricsTlsKey: string | undefined;
  readonly metricsTlsMinVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly metricsClientCa: string | undefined;
}

const SETTINGS = {
  cert: 'ORCHESTRATOR_METRICS_TLS_CERT',
  key: 'ORCHESTRATOR_METRICS_TLS_KEY',
  ca: 'ORCHESTRATOR_METRICS_CLIENT_CA',
} as const;
type Part = keyof typeof SETTINGS;

/**
 * True if the endpoint is to be encrypted. Anything that is set for it says so: what is missing is an error, and never a
 * reason to go on without.
 */
export function wantsTls(settings: TlsSettings): boolean {
  return [settings.metricsTlsCert, settings.metricsTlsKey, settings.metricsClientCa].some(
    (file) => file !== undefined,
  );
}

/** Certificate, key and client authorities of an endpoint. */
export class TlsFiles {
  readonly #paths: ReadonlyArray<readonly [part: Part, path: string]>;
  readonly #files: ReadonlyArray<readonly [part: Part, file: WatchedFile<string>]>;
  readonly #minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly #warn: Warn;
  #used: SecureContextOptions | undefined;

  /** @throws ORCHESTRATOR_INVALID_SETTING if certificate or key is not set */
  constructor(settings: TlsSettings, warn: Warn) {
    const { metricsTlsCert: cert, metricsTlsKey: key, metricsClientCa: ca } = settings;
    this.#warn = warn;
    this.#minVersion = settings.metricsTlsMinVersion;
    this.#paths = [pathOf('cert', cert), pathOf('key', key), ...(ca === undefined ? [] : [pathOf('ca', ca)])];
    this.#files = this.#paths.map(([part, path]) => [
      part,
      new WatchedFile({
        setting: SETTINGS[part],
        path,
        parse: (text) => text,
        failed: (error, { setting }) =>
          warn(...warning('ORCHESTRATOR_FILE_UNUSABLE', { setting, file: path, error })),
      }),
    ]);
  }

  /** For a server that begins: it waits for them. @throws ORCHESTRATOR_INVALID_SETTING if they cannot be used */
  readNow(): SecureContextOptions {
    const options = { minVersion: this.#minVersion, ...Object.fromEntries(this.#paths.map(readPart)) };
    try {
      createSecureContext(options);
    } catch (error) {
      const values = { settings: this.#settings(), error };
      throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'certificate', values, { cause: error });
    }
    this.#used = options;
    return options;
  }

  /** Resolves with what is new in the files; undefined if nothing is, or it cannot be used, which is said. */
  async changed(): Promise<SecureContextOptions | undefined> {
    const parts = await Promise.all(
      this.#files.map(async ([part, file]) => [part, await file.current()] as const),
    );
    if (parts.some(([, text]) => text === undefined)) return undefined;
    const options = { minVersion: this.#minVersion, ...Object.fromEntries(parts) } as SecureContextOptions;
    const { cert, key, ca } = options;
    if (cert === this.#used?.cert && key === this.#used?.key && ca === this.#used?.ca) return undefined;
    // Also when it cannot be used: it is said once. A key that comes a moment after its certificate is the next change.
    this.#used = options;
    try {
      createSecureContext(options);
      return options;
    } catch (error) {
      this.#warn(...warning('ORCHESTRATOR_CERTIFICATE_UNUSABLE', { settings: this.#settings(), error }));
      return undefined;
    }
  }

  #settings(): string {
    return this.#paths.map(([part]) => SETTINGS[part]).join(', ');
  }
}

function pathOf(part: Part, path: string | undefined): readonly [Part, string] {
  if (path !== undefined) return [part, path];
  throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'tlsIncomplete', { setting: SETTINGS[part] });
}

function readPart([part, file]: readonly [Part, string]): readonly [Part, string] {
  try {
    return [part, readFileSync(file, 'utf8')];
  } catch (error) {
    const values = { setting: SETTINGS[part], file, error };
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'unreadableFile', values, { cause: error });
  }
}
