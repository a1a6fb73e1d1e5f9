/**
 * Paths of routes: `/users/:id` and `/files/*`. A part of a path is passed on as it came, percent-encoding included, so that
 * nothing is decoded here that the service would decode differently.
 */

/** Says why a path cannot be a route's; undefined if it can. */
export function pathProblem(path: string): string | undefined {
  const parts = path.split('/').slice(1);
  const wildcard = parts.indexOf('*');
  if (wildcard !== -1 && wildcard !== parts.length - 1) return 'may have * only as its last part';
  const wrong = parts.find((part) => !/^(?:\*|:[A-Za-z_]\w*|[A-Za-z0-9._~-]*)$/.test(part));
  return wrong === undefined
    ? undefined
    : `has the part "${wrong}": allowed are plain text, :name, and * at the end`;
}

/** Says why a rewritten path does not fit the route's path; undefined if it does. */
export function rewriteProblem(rewrite: string, path: string): string | undefined {
  if (rewrite.startsWith('//')) return 'may not begin with //';
  const given = new Set(path.split('/').filter(isVariable));
  const missing = rewrite.split('/').find((part) => isVariable(part) && !given.has(part));
  return missing === undefined ? undefined : `has ${missing}, which path does not have`;
}

function isVariable(part: string): boolean {
  return part === '*' || part.startsWith(':');
}

/** Makes the path at the upstream from a raw path that matched `path`. */
export function compileRewrite(path: string, rewrite: string | undefined): (rawPath: string) => string {
  if (rewrite === undefined) return (rawPath) => rawPath;
  const places = new Map<string, number>();
  for (const [index, part] of path.split('/').entries()) if (isVariable(part)) places.set(part, index);
  const template = rewrite.split('/');
  return (rawPath) => {
    const parts = rawPath.split('/');
    return template
      .map((part) => {
        const place = places.get(part);
        if (place === undefined) return part;
        return part === '*' ? parts.slice(place).join('/') : (parts[place] ?? '');
      })
      .join('/');
  };
}

/**
 * Says whether a path can be understood in two ways: a service that decodes it or resolves its dots would see another path
 * than the gateway, whose routes decide who may do what.
 */
export function isAmbiguousPath(rawPath: string): boolean {
  if (!rawPath.startsWith('/') || rawPath.startsWith('//') || rawPath.includes('\\')) return true;
  if (!rawPath.includes('%') && !rawPath.includes('/.')) return false;
  try {
    const decoded = decodeURIComponent(rawPath);
    return (
      /\\|\p{Cc}|%2e|%2f|%5c/iu.test(decoded) ||
      decoded.split('/').some((part) => part === '.' || part === '..')
    );
  } catch {
    return true;
  }
}
