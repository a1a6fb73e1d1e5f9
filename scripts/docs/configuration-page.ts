import { defaultText } from '../../src/config/setting-text.js';
import { SETTINGS, type Setting, type SettingName } from '../../src/config/settings.js';
import { GENERATED, table } from './markdown.js';

/** Each group of settings and what is said above its table, in the order of the page. */
const GROUPS = {
  'Project, store and metrics': '',
  Redis:
    'Read only when the store is Redis. A single setting wins over the same part of the URL. The exact rights of an ACL user are in [security.md](security.md#redis).',
  OpenTelemetry:
    'These variables keep the meaning that the [OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) gives them. Where a default or a limit differs, the row says **Deviation**. Every other `OTEL_*` variable is read by the OpenTelemetry SDK itself.',
} as const;
type Group = keyof typeof GROUPS;

/** `docs/configuration.md`: every row of SETTINGS. */
export function configurationPage(): string {
  const names = Object.keys(SETTINGS) as SettingName[];
  const sections = (Object.keys(GROUPS) as Group[]).map((group) => {
    const members = names.filter((name) => groupOf(SETTINGS[name]) === group);
    return [`## ${group}`, GROUPS[group], settingsTable(members)].filter((text) => text !== '').join('\n\n');
  });
  return `${[GENERATED, INTRO, ...sections].join('\n\n')}\n`;
}

function groupOf({ env: [variable] }: Setting): Group {
  if (variable.startsWith('ORCHESTRATOR_REDIS_')) return 'Redis';
  return variable.startsWith('OTEL_') ? 'OpenTelemetry' : 'Project, store and metrics';
}

function settingsTable(names: readonly SettingName[]): string {
  return table(
    ['Variable', 'Option of `start()`', 'Default', 'Allowed', 'Meaning'],
    names.map((name) => {
      const setting: Setting = SETTINGS[name];
      return [
        setting.env.map((variable) => `\`${variable}\``).join(', else '),
        `\`${name}\``,
        defaultText(setting),
        setting.kind.allowed,
        meaning(setting),
      ];
    }),
  );
}

function meaning({ description, secret }: Setting): string {
  const marked = description.replaceAll('Deviation:', '**Deviation:**');
  if (secret === true) return `${marked} **Secret:** never printed.`;
  return secret === 'url' ? `${marked} **Secret:** printed without user and password.` : marked;
}

const INTRO = `# Configuration

All settings are environment variables. \`start()\` and \`createStore()\` take the same settings as options, by the name in the
second column; an option wins over its variable.

- An empty variable is treated as unset.
- An invalid value produces one warning on stderr: the name, the value, what is allowed, and what is used instead. The
  application runs on. An option that is not allowed makes \`start()\` throw \`ORCHESTRATOR_INVALID_SETTING\`.
- An option that is a list may be an array, or text as in the variable: \`gaugeAggregation: 'queue.*=max'\` or
  \`[{ pattern: 'queue.*', aggregation: 'max' }]\`, \`redisNodes: '10.0.0.1:26379'\` or \`[{ host: '10.0.0.1', port: 26379 }]\`.
- A variable that is nearly called like a setting produces a warning with the name of that setting. An option that does not
  exist makes \`start()\` throw.
- \`true\` and \`false\` may be written \`1\` and \`0\`. Words are not case-sensitive.
- \`.env\` files are not read. Node itself reads one before any preload: \`node --env-file=.env --require @org/orchestrator/register app.js\`.
- Under PM2, the \`env\` of the ecosystem file is enough, in fork mode and in cluster mode.
- All processes of a project must have the same prefix, and should have the same values of the other settings.`;
