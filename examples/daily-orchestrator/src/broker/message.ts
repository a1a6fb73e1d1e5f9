import { z } from 'zod';

/** `run` is absent in messages of other systems, which keep no account of their items. */
const Message = z.strictObject({
  id: z.int().positive(),
  run: z.int().positive().optional(),
});

export type Message = z.infer<typeof Message>;

export function encodeMessage(message: Message): Buffer {
  return Buffer.from(JSON.stringify(message));
}

/** Undefined if it is not one. */
export function decodeMessage(content: Buffer): Message | undefined {
  try {
    return Message.safeParse(JSON.parse(content.toString())).data;
  } catch {
    return undefined;
  }
}
