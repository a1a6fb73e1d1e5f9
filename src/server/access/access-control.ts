import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';

import type { Warn } from '../../warnings.js';
import { plainResponse } from '../plain-response.js';
import { BasicAuth } from './basic-auth.js';
import { isUser } from './basic-users.js';
import { BearerTokens, isToken } from './bearer-tokens.js';
import { PortProof } from './port-proof.js';
import { type RefusalReason, Refusals } from './refusals.js';
import { Secrets, type SecretSource } from './secrets.js';
import { SlowDown } from './slow-down.js';

/** The settings that say who gets in, by their names there. */
export interface AccessSettings {
  readonly metricsToken: readonly string[];
  readonly metricsTokenFile: string | undefined;
  readonly metricsBasicAuth: readonly string[];
  readonly metricsBasicAuthFile: string | undefined;
  readonly metricsClientCa: string | undefined;
  readonly wipeToken: string | undefined;
  readonly wipeTokenFile: string | undefined;
}

/**
 * On whose server a request came: `endpoint`, of this package, which asks for a client certificate if one is needed; or
 * `application`, where no certificate of ours can be asked for.
 */
export type ServedBy = 'endpoint' | 'application';

interface Refused {
  readonly reason: RefusalReason;
  readonly status: 401 | 403 | 429;
  readonly text: string;
  readonly headers: OutgoingHttpHeaders;
}

/**
 * Who may read the metrics, and who may delete them: the one place for all servers that this package answers on. A request
 * needs a token or a user if any are set, and a client certificate if an authority for those is set. It is asked on the way,
 * starts nothing, and needs no SDK.
 */
export class AccessControl {
  readonly refusals: Refusals;
  /** True if not everyone who reaches the port gets in. */
  readonly isRequired: boolean;
  /** True if something may be deleted. */
  readonly canWipe: boolean;
  /** For processes of one project that find each other at a port; undefined if they share no secret. */
  readonly portProof: PortProof | undefined;
  readonly #needsCertificate: boolean;
  readonly #tokens: BearerTokens;
  readonly #users: BasicAuth;
  readonly #wipeTokens: BearerTokens;
  readonly #slowDown = new SlowDown();

  constructor(settings: AccessSettings, warn: Warn) {
    this.refusals = new Refusals(warn);
    const { wipeToken, metricsTokenFile, metricsBasicAuthFile, wipeTokenFile } = settings;
    const tokens = (setting: string, given: readonly string[], file: string | undefined): BearerTokens =>
      new BearerTokens(new Secrets({ ...TOKENS, ...named(setting), given, file }, warn));
    this.#tokens = tokens('ORCHESTRATOR_METRICS_TOKEN', settings.metricsToken, metricsTokenFile);
    this.#wipeTokens = tokens(
      'ORCHESTRATOR_WIPE_TOKEN',
      wipeToken === undefined ? [] : [wipeToken],
      wipeTokenFile,
    );
    const basic = named('ORCHESTRATOR_METRICS_BASIC_AUTH');
    const given = settings.metricsBasicAuth;
    this.#users = new BasicAuth(new Secrets({ ...USERS, ...basic, given, file: metricsBasicAuthFile }, warn));
    this.#needsCertificate = settings.metricsClientCa !== undefined;
    this.isRequired = this.#hasCredentials || this.#needsCertificate;
    this.canWipe = this.#wipeTokens.isSet;
    const shared = [this.#tokens, this.#users, this.#wipeTokens].filter(({ isSet }) => isSet);
    if (shared.length > 0)
      this.portProof = new PortProof(async () =>
        (await Promise.all(shared.map((secrets) => secrets.current()))).flat(),
      );
  }

  /**
   * Resolves with true if the request may read the metrics. Else it was answered, a wrong secret after a while, and counted.
   * Never rejects.
   */
  async admit(request: IncomingMessage, response: ServerResponse, by: ServedBy): Promise<boolean> {
    if (!this.isRequired) return true;
    return this.#admit(request, response, await this.#judge(request, by));
  }

  /**
   * Whether a page may ask for the token itself: then it is shown to everyone, without anything of the project. A browser asks for
   * a name and a password by itself.
   */
  asksInPage(request: IncomingMessage): boolean {
    return this.#tokens.isSet && (!this.#needsCertificate || this.#isCertified(request, 'endpoint'));
  }

  /** Whether a name and a password do. */
  get takesUsers(): boolean {
    return this.#users.isSet;
  }

  /** As {@link admit}, for what a page asks for: a browser must not ask for a password where the page asks for the token. */
  async admitPage(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (!this.isRequired) return true;
    const refused = await this.#judge(request, 'endpoint');
    const quiet = refused?.status === 401 && this.#tokens.isSet;
    return this.#admit(request, response, quiet ? { ...refused, headers: BEARER_ONLY } : refused);
  }

  /** The same for deleting, which has a token of its own. */
  async admitToWipe(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    return this.#admit(request, response, await this.#judgeWipe(request));
  }

  /** Whether the request could read the metrics. Nobody is answered, kept waiting or counted. */
  async mayRead(request: IncomingMessage, by: ServedBy): Promise<boolean> {
    if (!this.isRequired) return true;
    // Nothing to look at: a probe does not cost a check.
    if (this.#hasCredentials && request.headers.authorization === undefined) return false;
    return (await this.#judge(request, by)) === undefined;
  }

  get #hasCredentials(): boolean {
    return this.#tokens.isSet || this.#users.isSet;
  }

  async #judge(request: IncomingMessage, by: ServedBy): Promise<Refused | undefined> {
    if (this.#needsCertificate && !this.#isCertified(request, by)) return NO_CERTIFICATE;
    if (!this.#hasCredentials) return undefined;
    const { scheme, value } = authorizationOf(request);
    if (value === '') return this.#unauthorized('no_credentials');
    if (scheme === 'bearer' && (await this.#tokens.has(value))) return undefined;
    if (scheme === 'basic' && this.#users.isSet) {
      const judgement = await this.#users.judge(value, addressOf(request));
      if (judgement === 'busy') return BUSY;
      if (judgement === 'right') return undefined;
    }
    return this.#unauthorized('wrong_credentials');
  }

  /** On a server of the application a token or a user has to do. */
  #isCertified({ socket }: IncomingMessage, by: ServedBy): boolean {
    if (by === 'application') return this.#hasCredentials;
    return (socket as Partial<TLSSocket>).authorized === true;
  }

  async #judgeWipe(request: IncomingMessage): Promise<Refused | undefined> {
    if (this.#needsCertificate && !this.#isCertified(request, 'endpoint')) return NO_CERTIFICATE;
    const { scheme, value } = authorizationOf(request);
    if (scheme === 'bearer' && (await this.#wipeTokens.has(value))) return undefined;
    return {
      ...this.#unauthorized(value === '' ? 'no_credentials' : 'wrong_credentials'),
      headers: BEARER_ONLY,
    };
  }

  #unauthorized(reason: RefusalReason): Refused {
    const text = reason === 'no_credentials' ? 'Credentials are needed.\n' : 'Wrong credentials.\n';
    const ways = [...(this.#tokens.isSet ? [BEARER] : []), ...(this.#users.isSet ? [BASIC] : [])];
    return { reason, status: 401, text, headers: { 'WWW-Authenticate': ways } };
  }

  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    refused: Refused | undefined,
  ): Promise<boolean> {
    // A client may leave, and a middleware may answer, while a password is checked.
    if (refused === undefined) return !response.destroyed && !response.headersSent;
    const { reason, status, text, headers } = refused;
    this.refusals.note(reason, request.socket.remoteAddress);
    if (reason === 'wrong_credentials') await this.#slowDown.wait(addressOf(request));
    if (!response.destroyed && !response.headersSent) plainResponse(response, status, text, headers);
    return false;
  }
}

const BEARER = 'Bearer realm="metrics"';
const BEARER_ONLY = { 'WWW-Authenticate': BEARER };
const BASIC = 'Basic realm="metrics", charset="UTF-8"';

const NO_CERTIFICATE: Refused = {
  reason: 'no_certificate',
  status: 403,
  text: 'A client certificate is needed.\n',
  headers: {},
};

const BUSY: Refused = {
  reason: 'overload',
  status: 429,
  text: 'Too many passwords are being checked.\n',
  headers: { 'Retry-After': '1' },
};

const TOKENS = {
  isUsable: isToken,
  usable: 'visible ASCII characters, without spaces and commas',
} as const satisfies Partial<SecretSource>;

const USERS = {
  isUsable: isUser,
  usable: 'name:scrypt:N:r:p:salt:hash, as docs/security.md makes it',
} as const satisfies Partial<SecretSource>;

function named(setting: string): Pick<SecretSource, 'setting' | 'fileSetting'> {
  return { setting, fileSetting: `${setting}_FILE` };
}

function authorizationOf({ headers }: IncomingMessage): { readonly scheme: string; readonly value: string } {
  const [, scheme = '', value = ''] = /^ *(\S+) +(\S+) *$/.exec(headers.authorization ?? '') ?? [];
  return { scheme: scheme.toLowerCase(), value };
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}
