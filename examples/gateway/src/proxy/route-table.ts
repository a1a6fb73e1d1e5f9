import FindMyWay, { type HTTPMethod, type Instance, type HTTPVersion } from 'find-my-way';

import type { RouteConfig } from '../config/gateway-config.js';
import { compileRewrite } from './path-template.js';

export interface Route {
  readonly config: RouteConfig;
  /** Raw path -> raw path at the upstream. */
  readonly rewrite: (rawPath: string) => string;
}

/** Which route a request takes. */
export class RouteTable {
  readonly routes: readonly Route[];
  readonly #router: Instance<HTTPVersion.V1>;

  constructor(configs: readonly RouteConfig[]) {
    this.#router = FindMyWay({ caseSensitive: true, ignoreTrailingSlash: false });
    this.routes = configs.map((config) => ({ config, rewrite: compileRewrite(config.path, config.rewrite) }));
    const explicit = new Set<string>();
    for (const route of this.routes)
      for (const method of route.config.methods) {
        explicit.add(`${method} ${shapeOf(route.config.path)}`);
        this.#add(method, route);
      }
    // Who may read may ask what there is to read.
    for (const route of this.routes) {
      const { methods, path } = route.config;
      if (methods.includes('GET') && !explicit.has(`HEAD ${shapeOf(path)}`)) this.#add('HEAD', route);
    }
  }

  #add(method: string, route: Route): void {
    this.#router.on(method as HTTPMethod, route.config.path, () => undefined, route);
  }

  find(method: string, rawPath: string): Route | undefined {
    return this.#router.find(method as HTTPMethod, rawPath)?.store as Route | undefined;
  }

  /** Methods that a path has, for an answer 405. */
  methodsOf(rawPath: string): string[] {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
    return methods.filter((method) => this.find(method, rawPath) !== undefined);
  }
}

/** Two paths that differ only in the names of their parameters are one. */
export function shapeOf(path: string): string {
  return path.replaceAll(/:[^/]+/g, ':');
}
