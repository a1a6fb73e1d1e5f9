import { OTHER_OPERATION } from './operation-series.js';

/** What may stand before the verb: white space, parentheses, comments. Linear: a comment ends at the first end that it has. */
const FIRST_WORD = /^(?:[\s(;]|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|(?:--|#)[^\n]*\n)*(?<word>[a-z]+)/i;

/** Statements of MySQL and MariaDB. */
const VERBS: ReadonlySet<string> = new Set(
  (
    'ALTER ANALYZE BEGIN BINLOG CACHE CALL CHANGE CHECK CHECKSUM CLONE COMMIT CREATE DEALLOCATE DELETE DESC DESCRIBE DO ' +
    'DROP EXECUTE EXPLAIN FLUSH GET GRANT HANDLER HELP IMPORT INSERT INSTALL KILL LOAD LOCK OPTIMIZE PREPARE PURGE ' +
    'RELEASE RENAME REPAIR REPLACE RESET RESIGNAL RESTART REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW SHUTDOWN SIGNAL ' +
    'START STOP TABLE TRUNCATE UNINSTALL UNLOCK UPDATE USE VALUES WITH XA'
  ).split(' '),
);

/** The verb of a statement in upper case; `_OTHER` when it begins with none, so that no text of a statement gets out. */
export function sqlVerb(statement: unknown): string {
  if (typeof statement !== 'string') return OTHER_OPERATION;
  const word = FIRST_WORD.exec(statement)?.groups?.['word']?.toUpperCase() ?? '';
  return VERBS.has(word) ? word : OTHER_OPERATION;
}
