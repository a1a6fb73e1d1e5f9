/** The path of a request target without its query; undefined for targets that have none (`*`, `host:port`). */
export function pathOf(url: string): string | undefined {
  if (url.charCodeAt(0) !== 47) {
    if (!URL.canParse(url)) return undefined;
    const { pathname } = new URL(url);
    return pathname.startsWith('/') ? pathname : undefined;
  }
  const query = url.indexOf('?');
  const fragment = url.indexOf('#');
  const end = query < 0 ? fragment : fragment < 0 ? query : Math.min(query, fragment);
  return end < 0 ? url : url.slice(0, end);
}
