/**
 * Attribute keys of instruments that do not name them in their own options (see `LabelledOptions`): those of upstream packages, and
 * those whose keys depend on the request. A test compares them with what a running application shows.
 */
export const METRIC_LABELS: Readonly<Record<string, readonly string[]>> = {
  'http.server.request.duration': serverKeys(),
  'http.server.request.body.size': serverKeys(),
  'http.server.response.body.size': serverKeys(),
  'http.server.active_requests': ['http.request.method', 'url.scheme'],
  http_request_duration_seconds: prometheusNetKeys(),
  http_requests_received_total: prometheusNetKeys(),
  http_errors_total: prometheusNetKeys(),
  http_requests_in_progress: ['method'],
  'http.client.request.duration': [
    'http.request.method',
    'server.address',
    'server.port',
    'url.scheme',
    'http.response.status_code',
    'error.type',
    'network.protocol.version',
  ],
  'db.client.operation.duration': [
    'db.system.name',
    'db.namespace',
    'db.operation.name',
    'server.address',
    'server.port',
    'error.type',
  ],
  'db.client.connection.count': ['db.client.connection.pool.name', 'db.client.connection.state'],
  'db.client.connection.pending_requests': ['db.client.connection.pool.name'],
  'db.client.connection.max': ['db.client.connection.pool.name'],
  'nodejs.eventloop.time': ['nodejs.eventloop.state'],
  'v8js.gc.duration': ['v8js.gc.type'],
  'v8js.memory.heap.used': ['v8js.heap.space.name'],
  'v8js.memory.heap.space.size': ['v8js.heap.space.name'],
  'v8js.memory.heap.space.available_size': ['v8js.heap.space.name'],
  'v8js.memory.heap.space.physical_size': ['v8js.heap.space.name'],
  'v8js.resource.active': ['v8js.resource.type'],
  'process.cpu.time': ['process.cpu.state'],
  'process.cpu.utilization': ['process.cpu.state'],
  'system.cpu.time': ['system.cpu.state'],
  'system.cpu.utilization': ['system.cpu.state'],
  'system.memory.usage': ['system.memory.state'],
  'system.memory.utilization': ['system.memory.state'],
  'system.filesystem.usage': ['system.filesystem.mountpoint', 'system.filesystem.state'],
  'system.network.io': ['network.io.direction', 'system.device'],
  'system.network.dropped': ['network.io.direction', 'system.device'],
  'system.network.errors': ['network.io.direction', 'system.device'],
};

function serverKeys(): readonly string[] {
  return [
    'http.request.method',
    'url.scheme',
    'http.route',
    'http.response.status_code',
    'error.type',
    'network.protocol.version',
  ];
}

function prometheusNetKeys(): readonly string[] {
  return ['code', 'method', 'controller', 'action', 'endpoint'];
}
