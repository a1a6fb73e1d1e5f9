/** The numbers of EVE Online's alliances and of the corporations in them. */
export const FULL_SIZE: UniverseSize = { alliances: 3547, corporations: 17_769 };

export interface UniverseSize {
  readonly alliances: number;
  readonly corporations: number;
}

const FIRST_ALLIANCE = 99_000_001;
const FIRST_CORPORATION = 98_000_001;
/** Its multiples spread evenly between 0 and 1. */
const GOLDEN = 0.618_033_988_749_895;

/** Alliances and corporations that are made up, the same ones each time. Some alliances are large, some have no corporation. */
export class Universe {
  readonly allianceIds: readonly number[];
  readonly #corporations = new Map<number, number[]>();
  readonly #allianceOf = new Map<number, number>();

  constructor({ alliances, corporations }: UniverseSize) {
    this.allianceIds = Array.from({ length: alliances }, (_, index) => FIRST_ALLIANCE + index);
    for (let index = 0; index < corporations; index++) {
      const position = Math.floor(alliances * ((index * GOLDEN) % 1) ** 2);
      const alliance = FIRST_ALLIANCE + position;
      const corporation = FIRST_CORPORATION + index;
      const known = this.#corporations.get(alliance);
      if (known === undefined) this.#corporations.set(alliance, [corporation]);
      else known.push(corporation);
      this.#allianceOf.set(corporation, alliance);
    }
  }

  corporationsOf(alliance: number): readonly number[] | undefined {
    if (!this.#isAlliance(alliance)) return undefined;
    return this.#corporations.get(alliance) ?? [];
  }

  alliance(id: number): object | undefined {
    if (!this.#isAlliance(id)) return undefined;
    return {
      name: `Alliance ${id}`,
      ticker: `A${(id - FIRST_ALLIANCE).toString(36).toUpperCase()}`,
      creator_id: 90_000_000 + (id - FIRST_ALLIANCE),
      creator_corporation_id: FIRST_CORPORATION,
      executor_corporation_id: this.#corporations.get(id)?.[0],
      date_founded: new Date(Date.UTC(2010, 0, 1) + (id - FIRST_ALLIANCE) * 3_600_000).toISOString(),
    };
  }

  corporation(id: number): object | undefined {
    const alliance = this.#allianceOf.get(id);
    if (alliance === undefined) return undefined;
    const index = id - FIRST_CORPORATION;
    return {
      alliance_id: alliance,
      name: `Corporation "${id}"`,
      ticker: `C${index.toString(36).toUpperCase()}`,
      ceo_id: 91_000_000 + index,
      member_count: 1 + ((index * 7919) % 3000),
      tax_rate: (index % 11) / 100,
      date_founded: new Date(Date.UTC(2012, 0, 1) + index * 600_000).toISOString(),
    };
  }

  #isAlliance(id: number): boolean {
    return id >= FIRST_ALLIANCE && id < FIRST_ALLIANCE + this.allianceIds.length;
  }
}
