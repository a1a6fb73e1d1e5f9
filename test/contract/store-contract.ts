import { afterEach, beforeEach, describe } from 'node:test';

import { Bed, type StoreFactory } from './bed.js';
import { additiveContract } from './additive.js';
import { exponentialContract } from './exponential.js';
import { boundsContract } from './bounds.js';
import { clockContract } from './clock.js';
import { currentContract } from './current.js';
import { familyContract } from './families.js';
import { forgetContract } from './forget.js';
import { lockContract } from './locks.js';
import { lossContract } from './loss.js';
import { mergedContract } from './merged.js';
import { modelContract } from './model.js';
import { projectContract } from './projects.js';

export type { StoreData, StoreFactory } from './bed.js';

/** The promises of `metric-store.ts` as tests; every store passes all of them. `factory` makes new, empty data. */
export function storeContract(name: string, factory: StoreFactory): void {
  describe(`contract of the ${name} store`, () => {
    let current: Bed | undefined;
    beforeEach(async () => {
      current = new Bed(await factory());
    });
    afterEach(async () => {
      await current?.close();
    });
    const bed = (): Bed => {
      if (current === undefined) throw new Error('only within a test');
      return current;
    };
    describe('deltas', () => additiveContract(bed));
    describe('exponential histograms', () => exponentialContract(bed));
    describe('current values', () => currentContract(bed));
    describe('families', () => familyContract(bed));
    describe('bounds', () => boundsContract(bed));
    describe('shown as one:', () => mergedContract(bed));
    describe('locks', () => lockContract(bed));
    describe('a wall clock that is', () => clockContract(bed));
    describe('loss', () => lossContract(bed));
    describe('forgetting families', () => forgetContract(bed));
    describe('projects', () => projectContract(bed));
    describe('any interleaving', () => modelContract(bed));
  });
}
