import assert from 'node:assert/strict';

import type { Exposition } from '../helpers/exposition.js';
import { ROUTES, type Tally } from '../helpers/load.js';

/** Throws unless the metrics show exactly what the client got: in all, by route and status, by method and status. */
export function assertExact(exposition: Exposition, tally: Tally): void {
  const http = 'http_server_request_duration_seconds';
  for (const { method, route, status } of ROUTES) {
    const own = { route, status: String(status) };
    assert.equal(
      exposition.sum('app_requests_total', own),
      tally.count({ route, status }),
      `app_requests ${route}`,
    );
    const labels = { http_request_method: method, http_response_status_code: String(status) };
    const expected = tally.count({ method, status });
    assert.equal(exposition.sum(`${http}_count`, labels), expected, `${method} ${status}`);
    assert.equal(
      exposition.sum(`${http}_bucket`, { ...labels, le: '+Inf' }),
      expected,
      `${method} ${status} +Inf`,
    );
  }
  assert.equal(exposition.sum('app_requests_total'), tally.count());
  assert.equal(exposition.sum(`${http}_count`), tally.count());
}
