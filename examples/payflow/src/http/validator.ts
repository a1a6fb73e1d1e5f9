import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { FastifyRouteSchemaDef } from 'fastify/types/schema';

const OPTIONS = { useDefaults: true, removeAdditional: false, allErrors: false, strict: false } as const;

// In a body, "1" is no number; in an address everything is text.
const bodies = withFormats(new Ajv({ ...OPTIONS, coerceTypes: false }));
const addresses = withFormats(new Ajv({ ...OPTIONS, coerceTypes: true }));

/** Fastify's compiler of schemas. Names that a schema does not have are refused, not removed: a typo should not pass. */
export function validatorFor({ schema, httpPart }: FastifyRouteSchemaDef<object>): ValidateFunction {
  return (httpPart === 'body' ? bodies : addresses).compile(schema);
}

function withFormats(ajv: Ajv): Ajv {
  formats.default(ajv, ['email', 'uuid', 'date-time']);
  return ajv;
}
