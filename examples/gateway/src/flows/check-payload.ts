import { Ajv, type ValidateFunction } from 'ajv';

import type { FlowConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';

const validators = new WeakMap<object, ValidateFunction>();

/** @throws Problem 422 that names what is wrong */
export function checkPayload({ input, action }: FlowConfig, payload: unknown): void {
  if (input === undefined) return;
  const validate = validators.get(input) ?? new Ajv({ strict: false }).compile(input);
  validators.set(input, validate);
  if (validate(payload)) return;
  const [error] = validate.errors ?? [];
  const place = `payload${error?.instancePath.replaceAll('/', '.') ?? ''}`;
  throw new Problem(422, 'bad_payload', `${action}: ${place} ${error?.message ?? 'is not allowed'}.`);
}
