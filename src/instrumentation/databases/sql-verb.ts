import { OTHER_OPERATION } from './operation-series.js';

/** White space, parentheses and comments may stand before the verb. Linear: a comment ends at its first end. */
const FIRST_WORD = /^(?:[\s(;]|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|(?:--|#)[^\n]*\n)*(?<word>[a-z]+)/i;

/** Statements of MySQL, MariaDB and PostgreSQL. */
const VERBS: ReadonlySet<string> = new Set(
  (
    'ABORT ALTER ANALYZE BEGIN BINLOG CACHE CALL CHANGE CHECK CHECKPOINT CHECKSUM CLONE CLOSE CLUSTER COMMENT COMMIT COPY ' +
    'CREATE DEALLOCATE DECLARE DELETE DESC DESCRIBE DISCARD DO DROP END EXECUTE EXPLAIN FETCH FLUSH GET GRANT HANDLER ' +
    'HELP IMPORT INSERT INSTALL KILL LISTEN LOAD LOCK MERGE MOVE NOTIFY OPTIMIZE PREPARE PURGE REASSIGN REFRESH REINDEX ' +
    'RELEASE RENAME REPAIR REPLACE RESET RESIGNAL RESTART REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW SHUTDOWN ' +
    'SIGNAL START STOP TABLE TRUNCATE UNINSTALL UNLISTEN UNLOCK UPDATE USE VACUUM VALUES WITH XA'
  ).split(' '),
);

/** The verb of a statement in upper case, or `_OTHER` when it begins with none: no text of a statement becomes a label. */
export function sqlVerb(statement: unknown): string {
  if (typeof statement !== 'string') return OTHER_OPERATION;
  const word = FIRST_WORD.exec(statement)?.groups?.['word']?.toUpperCase() ?? '';
  return VERBS.has(word) ? word : OTHER_OPERATION;
}
