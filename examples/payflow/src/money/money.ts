/** Currencies of balances, with the digits of their minor unit (ISO 4217). */
const EXPONENTS = { EUR: 2, USD: 2, GBP: 2, CHF: 2, JPY: 0, KWD: 3 } as const;

export type Currency = keyof typeof EXPONENTS;

export const CURRENCIES = Object.keys(EXPONENTS) as readonly Currency[];

/**
 * Minor units that a balance or an amount may have. A decimal of up to 15 digits survives the way through a double, which
 * JSON numbers become in most clients; PostgreSQL and this service compute with whole numbers.
 */
export const LARGEST_MINOR = 999_999_999_999_999n;

/** An amount that is no decimal, is not positive, has too many digits, or more than its currency's minor unit has. */
export class AmountError extends Error {
  override readonly name = 'AmountError';
}

/**
 * Minor units of a positive decimal: 100.5 EUR is 10050. Nothing is rounded.
 *
 * @param value a JSON number whose digits a double holds exactly (json-body.ts lets no other pass), or decimal text
 * @throws AmountError that says what is wrong with it
 */
export function parseAmount(value: number | string, currency: Currency): bigint {
  // JavaScript writes numbers below 1e-6 and from 1e21 on with an exponent; no amount is among them.
  const text = String(value);
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) throw new AmountError(`an amount is a positive decimal such as 100.50`);
  const exponent = EXPONENTS[currency];
  const digits = fraction.replace(/0+$/, '');
  if (digits.length > exponent)
    throw new AmountError(
      exponent === 0 ? `${currency} has no decimals` : `${currency} has at most ${exponent} decimals`,
    );
  const minor = BigInt(whole + digits.padEnd(exponent, '0'));
  if (minor === 0n) throw new AmountError('an amount is more than 0');
  if (minor > LARGEST_MINOR) throw new AmountError('an amount has at most 15 digits');
  return minor;
}

/** Decimal text with all digits of the minor unit: 10050 EUR is `100.50`. */
export function formatAmount(minor: bigint, currency: Currency): string {
  const exponent = EXPONENTS[currency];
  const sign = minor < 0n ? '-' : '';
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** The JSON number of an amount. Exact for at most 15 digits, and no balance has more. */
export function toNumber(minor: bigint, currency: Currency): number {
  return Number(formatAmount(minor, currency));
}

export function isCurrency(text: string): text is Currency {
  return Object.hasOwn(EXPONENTS, text);
}

export function exponentOf(currency: Currency): number {
  return EXPONENTS[currency];
}
