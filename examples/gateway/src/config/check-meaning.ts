import { Ajv } from 'ajv';

import { expressionProblem } from '../flows/expressions.js';
import { pathProblem, rewriteProblem } from '../proxy/path-template.js';
import { shapeOf } from '../proxy/route-table.js';
import { targetProblem } from '../settings/read-settings.js';
import { isForbiddenAddress } from '../upstreams/address-guard.js';
import type { Inherited } from './defaults.js';
import {
  type Access,
  type FlowConfig,
  type FlowItem,
  type GatewayConfig,
  isParallel,
  type StepConfig,
  type StepRequest,
  stepsOf,
} from './gateway-config.js';
import type { ConfigPath, Problem } from './load-config.js';

/** Paths that the gateway answers itself. */
const OWN_PATHS = /^\/(?:health|status|metrics|orchestrate)(?:\/|$)/;

/** What a schema cannot say: references between parts of the file, URLs, expressions. */
export function checkMeaning(config: GatewayConfig, inherited: Inherited): Problem[] {
  return [
    ...upstreamProblems(config, inherited),
    ...accessProblems(config),
    ...routeProblems(config),
    ...[...config.flows.values()].flatMap((flow) => flowProblems(flow, config)),
  ];
}

function upstreamProblems({ upstreams }: GatewayConfig, { services }: Inherited): Problem[] {
  return [...upstreams.values()].flatMap(({ name, targets, breaker }) => {
    const path = ['upstreams', name];
    const variable = `SERVICE_${name.toUpperCase().replaceAll('-', '_')}_BASE_URL`;
    if (targets.length === 0) return [{ path, message: `needs targets, or ${variable} in the environment` }];
    if (breaker.minimumCalls > breaker.window)
      return [
        { path: [...path, 'breaker', 'minimumCalls'], message: `must be at most window, ${breaker.window}` },
      ];
    return targets.flatMap(({ url }, index) => {
      const problem = targetProblem(url) ?? forbiddenAddress(url);
      const at = services.has(name) ? path : [...path, 'targets', index, 'url'];
      return problem === undefined ? [] : [{ path: at, message: problem }];
    });
  });
}

function forbiddenAddress(url: string): string | undefined {
  const { hostname } = new URL(url);
  if (!isForbiddenAddress(hostname.replaceAll(/[[\]]/g, ''))) return undefined;
  return `is the address ${hostname}: link-local and unspecified addresses are no services`;
}

function accessProblems({ auth, endpoints, routes }: GatewayConfig): Problem[] {
  const places: Array<[ConfigPath, Access | undefined]> = [
    ...Object.entries(endpoints).map(
      ([name, access]) => [['endpoints', name], access] as [ConfigPath, Access],
    ),
    ...routes.map(
      ({ access }, index) => [['routes', index, 'access'], access] as [ConfigPath, Access | undefined],
    ),
  ];
  const has = {
    apiKey: (auth.apiKeys?.length ?? 0) > 0,
    jwt: auth.jwt,
    introspection: auth.introspection,
    mtls: true,
  };
  return places.flatMap(([path, access]) =>
    (access?.any ?? [])
      .filter((method) => !has[method])
      .map((method) => ({
        path: [...path, 'any'],
        message: `names ${method}, but auth has no ${method === 'apiKey' ? 'apiKeys' : method}`,
      })),
  );
}

function routeProblems({ routes, upstreams }: GatewayConfig): Problem[] {
  const taken = new Set<string>();
  return routes.flatMap((route, index) => {
    const path = ['routes', index];
    const problems: Problem[] = [];
    if (!upstreams.has(route.upstream))
      problems.push(unknownUpstream([...path, 'upstream'], route.upstream, upstreams));
    if (OWN_PATHS.test(route.path))
      problems.push({
        path: [...path, 'path'],
        message: 'is answered by the gateway itself: /health, /status, /metrics and /orchestrate are taken',
      });
    const wrongPath = pathProblem(route.path);
    if (wrongPath !== undefined) problems.push({ path: [...path, 'path'], message: wrongPath });
    const wrongRewrite = route.rewrite === undefined ? undefined : rewriteProblem(route.rewrite, route.path);
    if (wrongRewrite !== undefined) problems.push({ path: [...path, 'rewrite'], message: wrongRewrite });
    for (const key of [
      `name ${route.name}`,
      ...route.methods.map((method) => `${method} ${shapeOf(route.path)}`),
    ]) {
      if (taken.has(key)) problems.push({ path, message: `has ${key}, which an earlier route has as well` });
      taken.add(key);
    }
    return problems;
  });
}

function unknownUpstream(path: ConfigPath, name: string, upstreams: ReadonlyMap<string, unknown>): Problem {
  const known = [...upstreams.keys()].join(', ');
  return {
    path,
    message: `"${name}" is not known: allowed are ${known === '' ? 'none, there are no upstreams' : known}`,
  };
}

function flowProblems(flow: FlowConfig, config: GatewayConfig): Problem[] {
  const at: ConfigPath = ['flows', flow.action];
  const problems: Problem[] = [];
  const names = stepsOf(flow.steps).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    problems.push({ path: [...at, 'steps'], message: `has two steps with the name "${twice}"` });
  if (flow.output !== undefined) problems.push(...wrongExpression([...at, 'output'], flow.output));
  if (flow.input !== undefined) {
    try {
      new Ajv({ strict: false }).compile(flow.input);
    } catch (error) {
      problems.push({ path: [...at, 'input'], message: `is no JSON schema: ${(error as Error).message}` });
    }
  }
  return [...problems, ...itemProblems(flow.steps, [...at, 'steps'], config)];
}

function itemProblems(items: readonly FlowItem[], at: ConfigPath, config: GatewayConfig): Problem[] {
  return items.flatMap((item, index) => {
    const path = [...at, index];
    if (!isParallel(item)) return stepProblems(item, path, config);
    return item.parallel.flatMap((branch, b) => itemProblems(branch, [...path, 'parallel', b], config));
  });
}

function stepProblems(step: StepConfig, at: ConfigPath, { upstreams }: GatewayConfig): Problem[] {
  const problems = step.when === undefined ? [] : wrongExpression([...at, 'when'], step.when);
  const requests: Array<[string, StepRequest | undefined]> = [
    ['request', step.request],
    ['compensate', step.compensate],
  ];
  for (const [key, request] of requests) {
    if (request === undefined) continue;
    if (!upstreams.has(request.upstream))
      problems.push(unknownUpstream([...at, key, 'upstream'], request.upstream, upstreams));
    problems.push(...templateProblems(request.path, [...at, key, 'path']));
    problems.push(...templateProblems(request.headers, [...at, key, 'headers']));
    problems.push(...templateProblems(request.body, [...at, key, 'body']));
  }
  return problems;
}

function templateProblems(value: unknown, path: ConfigPath): Problem[] {
  if (typeof value === 'string')
    return [...value.matchAll(/\{%([\s\S]*?)%\}/g)].flatMap(([, expression = '']) =>
      wrongExpression(path, expression),
    );
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    templateProblems(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function wrongExpression(path: ConfigPath, expression: string): Problem[] {
  const problem = expressionProblem(expression);
  return problem === undefined ? [] : [{ path, message: `is no JSONata: ${problem}` }];
}
