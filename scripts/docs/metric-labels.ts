/**
 * Attribute keys of instruments that do not name them in their own options (see `LabelledOptions`): those of upstream packages, and
 * those whose keys depend on the request. A test compares them with what a running application shows.
 */
export const METRIC_LABELS: Readonly<Record<string, readonly string[]>> = {
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
