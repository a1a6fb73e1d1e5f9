/** A framework under test. `test/fixtures/frameworks` has its application, as CommonJS and as ESM. */
export interface FrameworkUnderTest {
  /** As in docs/instruments.md. */
  readonly name: string;
  /** Major. */
  readonly version: number;
  /** Its name in our package.json. */
  readonly packageName: string;
  readonly application: string;
}

/** The only place that says which versions are tested. */
export const FRAMEWORKS: readonly FrameworkUnderTest[] = [
  { name: 'Express', version: 4, packageName: 'express4', application: 'express4' },
  { name: 'Express', version: 5, packageName: 'express', application: 'express5' },
  { name: 'Fastify', version: 4, packageName: 'fastify4', application: 'fastify4' },
  { name: 'Fastify', version: 5, packageName: 'fastify', application: 'fastify5' },
  { name: 'Koa', version: 3, packageName: 'koa', application: 'koa' },
  { name: 'Hapi', version: 21, packageName: '@hapi/hapi', application: 'hapi' },
  { name: 'Hono', version: 4, packageName: 'hono', application: 'hono' },
  { name: 'NestJS', version: 12, packageName: '@nestjs/core', application: 'nest-express' },
  { name: 'NestJS', version: 12, packageName: '@nestjs/core', application: 'nest-fastify' },
];
