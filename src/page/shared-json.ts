import { gzip } from 'node:zlib';
import { promisify } from 'node:util';

/** Answers to one question that are kept until the next sample; all viewers ask for the same few. */
const MAX_KEPT = 20;

/** Smaller ones are not packed. */
const MIN_BYTES = 1024;

/** 3 ms for 600 kB, off the main thread. */
const LEVEL = 1;

const compress = promisify(gzip);

interface Made {
  readonly plain: Buffer;
  zipped: Promise<Buffer> | undefined;
}

export interface JsonBody {
  readonly body: Buffer;
  readonly isZipped: boolean;
}

/** JSON that is made once, and packed once, for all who ask the same of the same sample. */
export class SharedJson {
  #version = '';
  readonly #made = new Map<string, Promise<Made>>();

  /** @param version of what the answers are made of; those of another one are dropped */
  async get(version: string, question: string, answer: () => unknown, zip: boolean): Promise<JsonBody> {
    if (version !== this.#version) {
      this.#version = version;
      this.#made.clear();
    }
    let making = this.#made.get(question);
    if (making === undefined) {
      making = make(answer);
      if (this.#made.size < MAX_KEPT) this.#made.set(question, making);
      // The next one may have another answer.
      making.catch(() => this.#made.delete(question));
    }
    const made = await making;
    if (!zip || made.plain.length < MIN_BYTES) return { body: made.plain, isZipped: false };
    made.zipped ??= compress(made.plain, { level: LEVEL });
    return { body: await made.zipped, isZipped: true };
  }
}

async function make(answer: () => unknown): Promise<Made> {
  return { plain: Buffer.from(JSON.stringify(await answer())), zipped: undefined };
}
