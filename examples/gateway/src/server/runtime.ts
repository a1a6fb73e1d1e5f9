import type { Redis } from 'ioredis';

import { Authenticator } from '../auth/authenticator.js';
import type { GatewayConfig } from '../config/gateway-config.js';
import { createRateLimit, type RateLimits } from '../proxy/rate-limits.js';
import { RouteTable } from '../proxy/route-table.js';

/** What a configuration became. A request keeps the one that it began with. */
export class Runtime {
  readonly config: GatewayConfig;
  readonly table: RouteTable;
  readonly authenticator: Authenticator;
  /** Name of a route -> its limit. */
  readonly limits: ReadonlyMap<string, RateLimits>;

  constructor(config: GatewayConfig, clientSecret: string, redis: Redis | undefined) {
    this.config = config;
    this.table = new RouteTable(config.routes);
    this.authenticator = new Authenticator(config.auth, clientSecret);
    this.limits = new Map(
      config.routes.flatMap((route) => {
        const limit = createRateLimit(route, redis);
        return limit === undefined ? [] : [[route.name, limit] as const];
      }),
    );
  }
}
