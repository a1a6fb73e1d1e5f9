import { type Command, strings } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import { isScriptFailure } from '../connection/failure.js';
import type { UnreadableEntries } from '../../unreadable-entries.js';
import { APPLY, applyKeys, type ApplyCall, type ApplyReply, decodeReply } from '../scripts/apply.js';
import type { RedisKeys } from '../scripts/keys.js';
import { defineScript, type RedisArgument } from '../scripts/script.js';

/** Parts that are looked at in one round trip. */
const PAGE_PARTS = 10;

/** One part as it was left: the arguments of {@link APPLY}. */
interface LatePart {
  /** Of the script for which they are: another version of this package has another one. */
  readonly sha: string;
  readonly lease: string;
  readonly families: readonly string[];
  readonly argv: ReadonlyArray<string | number | { readonly base64: string }>;
}

const APPLY_LATE = defineScript<LatePart & { readonly keys: RedisKeys }, ApplyReply>({
  name: APPLY.name,
  lua: APPLY.lua,
  encode: ({ keys, lease, families, argv }) => ({
    keys: applyKeys(keys, lease, families),
    argv: argv.map((item) => (typeof item === 'object' ? Buffer.from(item.base64, 'base64') : item)),
  }),
  decode: (reply) => decodeReply(reply, []),
});

/**
 * Parts of batches that could not be applied, because the slot of the cluster was being moved: a script needs all of its keys
 * on one node. One key can always be written. So the parts are left there, and whoever can applies them; the position in each
 * lets Redis apply it once, whether its own instance sends it too or not.
 */
export class LateParts {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #keyTtlMs: number;
  readonly #unreadable: UnreadableEntries;

  constructor(connection: RedisConnection, keys: RedisKeys, keyTtlMs: number, unreadable: UnreadableEntries) {
    this.#connection = connection;
    this.#keys = keys;
    this.#keyTtlMs = keyTtlMs;
    this.#unreadable = unreadable;
  }

  /** Parts that could not be read so far. */
  get unreadable(): number {
    return this.#unreadable.count;
  }

  async leave(call: ApplyCall): Promise<void> {
    const { lease } = call.instance;
    const [time] = await this.#connection.read([['TIME']]);
    // The ages of its values end here, whenever it is applied.
    const contactAtMs = Number(strings(time)[0]) * 1000;
    const late: LatePart = {
      sha: APPLY.sha,
      lease,
      families: call.sections.map(({ family }) => family.key),
      argv: APPLY.encode({ ...call, contactAtMs }).argv.map(encodeArgument),
    };
    const key = this.#keys.late;
    const commands: Command[] = [
      ['HSET', key, `${lease}/${call.position}`, JSON.stringify(late)],
      ['PEXPIRE', key, this.#keyTtlMs],
    ];
    const [written] = await this.#connection.read(commands);
    // Of another type, it has no parts; something else wrote it.
    if (written instanceof Error) await this.#connection.read([['UNLINK', key], ...commands]);
  }

  /** Applies what was left, by whichever instance. */
  async apply(): Promise<void> {
    const { late } = this.#keys;
    for (const field of await this.#fields()) {
      // One by one, for each may be as large as a part.
      const [json] = await this.#connection.read([['HGET', late, field]]);
      if (!Buffer.isBuffer(json)) continue;
      const part = decodePart(json.toString());
      if (part === undefined) this.#unreadable.entry(late, field);
      if (part === undefined || (part.sha === APPLY.sha && (await this.#isDone(part, field))))
        await this.#connection.read([['HDEL', late, field]]);
    }
  }

  /** Of one instance in the order of their positions: Redis skips those below the last one that it has. */
  async #fields(): Promise<string[]> {
    const fields = new Set<string>();
    let cursor = '0';
    do {
      const [reply] = await this.#connection.read([['HSCAN', this.#keys.late, cursor, 'COUNT', PAGE_PARTS]]);
      if (!Array.isArray(reply)) break;
      const [next, page] = reply as [Buffer, Buffer[]];
      for (let index = 0; index < page.length; index += 2) fields.add(page[index]?.toString() ?? '');
      cursor = next.toString();
    } while (cursor !== '0');
    const position = (field: string): number => Number(field.slice(field.lastIndexOf('/') + 1));
    return [...fields].sort((a, b) => position(a) - position(b));
  }

  /** False while there is no project that it could be added to. */
  async #isDone(part: LatePart, field: string): Promise<boolean> {
    try {
      const reply = await this.#connection.run(APPLY_LATE, { ...part, keys: this.#keys });
      // Of another epoch: the project was wiped since.
      return reply.status === 'resend' ? reply.epoch !== '' : true;
    } catch (error) {
      // Other arguments than the script takes: it would fail for ever.
      if (!isScriptFailure(error)) throw error;
      this.#unreadable.entry(this.#keys.late, field);
      return true;
    }
  }
}

function encodeArgument(argument: RedisArgument): LatePart['argv'][number] {
  return Buffer.isBuffer(argument) ? { base64: argument.toString('base64') } : argument;
}

function decodePart(json: string): LatePart | undefined {
  try {
    const part = JSON.parse(json) as LatePart | null;
    const isWhole =
      typeof part?.lease === 'string' && Array.isArray(part.families) && Array.isArray(part.argv);
    return isWhole ? part : undefined;
  } catch {
    return undefined;
  }
}
