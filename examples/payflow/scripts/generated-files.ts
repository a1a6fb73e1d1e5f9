import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { business } from '../dashboards/business.js';
import { technical } from '../dashboards/technical.js';
import { ROOT } from '../local/instance.js';
import { nginxConfig } from '../local/nginx-config.js';
import { REPLICA_SETTINGS, SETTINGS } from '../src/config/settings.js';
import { withSection } from './marked-section.js';

/** Every committed file that is written from code, by its path in this folder. A test compares. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['dashboards/json/business.json', json(business)],
    ['dashboards/json/technical.json', json(technical)],
    ['nginx/nginx.conf', containerNginx(['payflow-1:3000', 'payflow-2:3000'])],
    ['README.md', withSection(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'settings', settingsTable())],
  ]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Within the containers' network Prometheus comes from a private address. */
function containerNginx(instances: readonly string[]): string {
  return nginxConfig({
    instances,
    httpPort: 80,
    httpsPort: 443,
    statusPort: 8080,
    listen: '',
    certificate: '/etc/nginx/tls/certificate.pem',
    certificateKey: '/etc/nginx/tls/key.pem',
    rate: 100,
    loginRate: 5,
    allowStatus: ['127.0.0.1', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  });
}

function settingsTable(): string {
  const rows = [...Object.values(SETTINGS), ...REPLICA_SETTINGS].map(
    ({ variable, shown, kind, meaning, ...rest }) => {
      const secret = 'secret' in rest ? ' **Secret:** never printed.' : '';
      return `| \`${variable}\` | ${shown === '' ? 'none' : `\`${shown}\``} | ${kind.allowed} | ${meaning}${secret} |`;
    },
  );
  return ['| Variable | Default | Allowed | Meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}
