import { z } from 'zod';

const Ids = z.array(z.int().positive());

const Alliance = z.object({
  name: z.string(),
  ticker: z.string(),
  creator_id: z.int(),
  creator_corporation_id: z.int(),
  executor_corporation_id: z.int().optional(),
  faction_id: z.int().optional(),
  date_founded: z.iso.datetime(),
});

const Corporation = z.object({
  alliance_id: z.int().optional(),
  name: z.string(),
  ticker: z.string(),
  ceo_id: z.int(),
  member_count: z.int(),
  tax_rate: z.number(),
  date_founded: z.iso.datetime().optional(),
});

/** What is asked of ESI, and what an answer must look like: https://esi.evetech.net/ui/ */
export interface Endpoint<T> {
  readonly template: string;
  readonly schema: z.ZodType<T>;
}

export const ALLIANCES: Endpoint<number[]> = { template: '/alliances/', schema: Ids };
export const ALLIANCE: Endpoint<z.infer<typeof Alliance>> = {
  template: '/alliances/{id}/',
  schema: Alliance,
};
export const ALLIANCE_CORPORATIONS: Endpoint<number[]> = {
  template: '/alliances/{id}/corporations/',
  schema: Ids,
};
export const CORPORATION: Endpoint<z.infer<typeof Corporation>> = {
  template: '/corporations/{id}/',
  schema: Corporation,
};

export function pathOf({ template }: Endpoint<unknown>, id?: number): string {
  return template.replace('{id}', String(id));
}
