import { randomBytes } from 'node:crypto';

import { PROJECT_COMMANDS } from '../../store/redis-diagnosis.js';

/** The line that creates a Redis user for one project, to be entered at the prompt of redis-cli. */
export function redisUserLine(prefix: string, password: string): string {
  const rights = PROJECT_COMMANDS.map((command) => `+${command}`).join(' ');
  return `ACL SETUSER ${prefix} on >${password} resetkeys ~orchestrator:{${prefix}}:* resetchannels -@all ${rights}\n`;
}

/** Without characters that a URL or a shell would change. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** The URL with the user of the project. */
export function urlWithUser(url: string, prefix: string, password: string): string {
  const parsed = new URL(url);
  parsed.username = prefix;
  parsed.password = password;
  return parsed.href;
}
