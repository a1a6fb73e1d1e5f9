import type { ConnectionManager } from './connection-manager.js';
import type { DatabaseReader } from './database-reader.js';
import type { DatabaseWriter } from './database-writer.js';

/** The database as the rest of the service sees it. */
export interface Database {
  readonly manager: ConnectionManager;
  readonly reader: DatabaseReader;
  readonly writer: DatabaseWriter;
}
