import type { Attributes, AttributeValue } from '@opentelemetry/api';

/** A label with few values, which are numbered from 0: its digits. */
export interface Label {
  readonly name: string;
  /** How many digits there are. */
  readonly size: number;
  /** Undefined where the label is absent. */
  valueOf(digit: number): AttributeValue | undefined;
}

type DigitsOf<Labels extends readonly Label[]> = { readonly [Index in keyof Labels]: number };

/**
 * The labels of a metric that is recorded for every request. One digit of each makes the code by which a series is looked
 * up, and the attributes of a series are read from its code and from nothing else, so that no label can be in one and not in
 * the other. At most six labels, and 2^31 combinations, above which V8 would allocate a number for each code.
 */
export class LabelList<const Labels extends readonly Label[]> {
  /** Takes one digit for each label, in the order of the list. */
  readonly code: (...digits: DigitsOf<Labels>) => number;
  /** Of the labels, in the order of the list. */
  readonly names: readonly string[];
  readonly #labels: Labels;

  constructor(...labels: Labels) {
    const combinations = labels.reduce((product, { size }) => product * size, 1);
    if (labels.length > 6 || combinations >= 2 ** 31) throw new RangeError(`${combinations} combinations`);
    this.#labels = labels;
    this.names = labels.map(({ name }) => name);
    const [a = 1, b = 1, c = 1, d = 1, e = 1] = labels.map(({ size }) => size);
    // Written out, because a loop over the labels costs a request 50 ns more.
    const code = (first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0): number =>
      first + a * (second + b * (third + c * (fourth + d * (fifth + e * sixth))));
    this.code = code as (...digits: DigitsOf<Labels>) => number;
  }

  attributes(code: number): Attributes {
    const attributes: Attributes = {};
    let rest = code;
    for (const label of this.#labels) {
      const value = label.valueOf(rest % label.size);
      if (value !== undefined) attributes[label.name] = value;
      rest = Math.floor(rest / label.size);
    }
    return attributes;
  }
}

/** A label whose values are known beforehand. A digit is a position in `values`. */
export function listedLabel(name: string, values: ReadonlyArray<AttributeValue | undefined>): Label {
  return { name, size: values.length, valueOf: (digit) => values[digit] };
}

/**
 * A label whose values show themselves one after the other. The last of its `size` digits stands for every value that came
 * when the others were taken: `_OTHER`.
 */
export class LearnedLabel implements Label {
  readonly name: string;
  readonly size: number;
  readonly #first: string | undefined;
  readonly #values: Array<string | undefined>;
  readonly #digits: Map<string | undefined, number>;

  /** @param first gets the digit 0; undefined: the label is absent then */
  constructor(name: string, size: number, first?: string) {
    this.name = name;
    this.size = size;
    this.#first = first;
    this.#values = [first];
    this.#digits = new Map([[first, 0]]);
  }

  digitOf(value: string | undefined): number {
    if (value === this.#first) return 0;
    const known = this.#digits.get(value);
    if (known !== undefined) return known;
    const digit = this.#values.length;
    if (digit >= this.size - 1) return this.size - 1;
    this.#values.push(value);
    this.#digits.set(value, digit);
    return digit;
  }

  valueOf(digit: number): string | undefined {
    return digit === this.size - 1 ? '_OTHER' : this.#values[digit];
  }
}
