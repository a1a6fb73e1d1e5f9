export type UserRole = 'user' | 'admin';

/** A user as the API shows it. */
export interface User {
  readonly id: number;
  readonly username: string;
  readonly email: string;
  readonly role: UserRole;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly role: UserRole;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const USER_COLUMNS = 'id, username, email, role, version, created_at, updated_at';

export function userOf(row: UserRow): User {
  return {
    id: Number(row.id),
    username: row.username,
    email: row.email,
    role: row.role,
    version: row.version,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
